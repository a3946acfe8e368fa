#!/usr/bin/env bash
# An internet that speaks IPv6 only, with a stateful firewall in front of each device: hub, STUN and path work over IPv6.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

LAB_FAMILIES=6
bamgate_begin ipv6-outside
two_sites
hub_start
devices_connect dev1 dev2
check_path dev1 dev2 '(host|srflx|prflx) \[2001:db8:0:1::2\]' '(host|srflx|prflx) \[2001:db8:0:2::2\]'
check_path dev2 dev1 '(host|srflx|prflx) \[2001:db8:0:2::2\]' '(host|srflx|prflx) \[2001:db8:0:1::2\]'
check_ping_both_ways dev1 dev2
