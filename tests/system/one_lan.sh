#!/usr/bin/env bash
# Two devices on one LAN behind one NAT talk over the LAN, not through the NAT.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

bamgate_begin one-lan
one_site
hub_start
devices_connect dev1 dev2
check_path dev1 dev2 'host 192\.168\.1\.2' '(host|prflx) 192\.168\.1\.3'
check_path dev2 dev1 'host 192\.168\.1\.3' '(host|prflx) 192\.168\.1\.2'
check_ping_both_ways dev1 dev2
