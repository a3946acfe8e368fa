#!/usr/bin/env bash
# The hub is killed and started again under a ping of 50 packets a second: no gap over 1 s in the receive log.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

bamgate_begin hub-restart
two_sites
hub_start
devices_connect dev1 dev2
check_ping dev1 "$(device_address dev2 4)"

hub_lost() { ! hub_connected "$1"; }

start_pings dev1 dev2
hub_kill KILL
for device in dev1 dev2; do lab_wait 60 "$device does not notice that the hub is gone" hub_lost $device; done
lab_wait 10 "no pings are answered without the hub" answers_reach $(($(answers) + 100))
hub_start
for device in dev1 dev2; do lab_wait 60 "$device does not find the hub again" hub_connected $device; done
lab_wait 10 "no pings are answered after the hub came back" answers_reach $(($(answers) + 150))
end_pings "the hub killed and started again" 1
is_connected dev1 dev2 || lab_fail "dev1 and dev2 are not connected any more"
