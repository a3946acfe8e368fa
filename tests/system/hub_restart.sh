#!/usr/bin/env bash
# The hub is killed and started again under a ping of 50 packets a second: no gap over 1 s in the receive log.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

bamgate_begin hub-restart
two_sites
hub_start
for device in dev1 dev2; do
  device_setup "$device"
  device_up "$device"
done
wait_connected dev1 dev2
check_ping dev1 "$(device_address dev2 4)"

answers() { grep -c 'bytes from' "$LAB_DIR/receive.log"; }
answers_reach() { [ "$(answers)" -ge "$1" ]; }
hub_lost() { ! hub_connected "$1"; }

lab_spawn dev1 receive ping -D -n -i 0.02 -W 1 "$(device_address dev2 4)"
ping_pid=$LAB_PID
lab_wait 10 "the pings are not answered" answers_reach 50
hub_kill KILL
for device in dev1 dev2; do lab_wait 60 "$device does not notice that the hub is gone" hub_lost $device; done
lab_wait 10 "no pings are answered without the hub" answers_reach $(($(answers) + 100))
hub_start
for device in dev1 dev2; do lab_wait 60 "$device does not find the hub again" hub_connected $device; done
lab_wait 10 "no pings are answered after the hub came back" answers_reach $(($(answers) + 150))
end_process INT "$ping_pid" ping

gap=$(awk '/bytes from/ { gsub(/[][]/, "", $1); if (last && $1 - last > gap) gap = $1 - last; last = $1 }
           END { printf "%.3f", gap }' "$LAB_DIR/receive.log")
echo "longest gap between two answers: $gap s of $(answers) answers"
awk "BEGIN { exit !($gap <= 1.0) }" || lab_fail "a gap of $gap s in the receive log"
is_connected dev1 dev2 || lab_fail "dev1 and dev2 are not connected any more"
