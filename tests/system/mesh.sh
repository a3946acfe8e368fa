#!/usr/bin/env bash
# Three devices, two of them on one LAN: each is connected with each, all directly, and with one UDP socket.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

bamgate_begin mesh
two_sites
lab_device dev3 2 3
hub_start
devices_connect dev1 dev2 dev3
check_path dev1 dev2 "$(local_behind_nat 1 2)" "$(remote_behind_nat 2)"
check_path dev3 dev1 "$(local_behind_nat 2 3)" "$(remote_behind_nat 1)"
check_path dev2 dev3 'host 192\.168\.2\.2' '(host|prflx) 192\.168\.2\.3'
check_ping_both_ways dev1 dev2
check_ping_both_ways dev1 dev3
check_ping_both_ways dev2 dev3
for device in dev1 dev2 dev3; do
  [ "$(device_status "$device" '.peers | length')" = 2 ] || lab_fail "$device does not list its two peers"
  # Sockets are the device's and not its connections'.
  [ "$(lab_in "$device" ss -Huan | wc -l)" = 1 ] || lab_fail "$device has another number of UDP sockets than of addresses"
done
