#!/usr/bin/env bash
# [ice] exclude: an interface of another VPN is neither a socket nor a candidate, also when a reload says so; a pattern that leaves
# nothing is told in the log and by status.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

bamgate_begin exclude
one_site
ip -n "$LAB_PREFIX-dev1" link add tailscale0 type veth peer name tailscale0 netns "$LAB_PREFIX-dev2"
for last in 1 2; do
  ip -n "$LAB_PREFIX-dev$last" address add "100.64.0.$last/24" dev tailscale0
  ip -n "$LAB_PREFIX-dev$last" link set tailscale0 up
done
lab_in dev1 ping -q -c 1 -W 2 100.64.0.2 >/dev/null || lab_fail "the second interface carries nothing: this would prove nothing"
hub_start

exclude() { sed -i "s/^exclude = .*/exclude = $2/" "$LAB_DIR/$1/config.toml"; }
reload() { kill -HUP "${DEVICE_PID[$1]}"; }
sockets_on() { lab_in "$1" ss -Huan "src $2" | wc -l; }
has_sockets() { [ "$(sockets_on "$1" "$2")" -gt 0 ]; }
has_none() { [ "$(sockets_on "$1" "$2")" -eq 0 ]; }

for device in dev1 dev2; do
  device_setup "$device"
  exclude "$device" '["wg?", "tail*"]'
done
for device in dev1 dev2; do device_up "$device"; done
wait_connected dev1 dev2
has_sockets dev1 192.168.1.2 || lab_fail "ss shows no socket on the address that is in use: this would prove nothing"
has_none dev1 100.64.0.1 || lab_fail "dev1 has a socket on an interface that is excluded"
check_path dev1 dev2 'host 192\.168\.1\.2' 'host 192\.168\.1\.3'
check_ping_both_ways dev1 dev2

exclude dev1 '[]'
reload dev1
lab_wait 10 "an interface that is not excluded any more gets no socket" has_sockets dev1 100.64.0.1
grep -q 'in force now: excluded interfaces' "$LAB_DIR/dev1.log" || lab_fail "the log does not tell of the reload"
exclude dev1 '["tailscale0"]'
reload dev1
lab_wait 10 "an interface that is excluded now keeps its socket" has_none dev1 100.64.0.1
check_ping_both_ways dev1 dev2
exclude dev1 '["tail scale"]'
reload dev1
lab_wait 10 "a bad pattern is not refused" grep -q 'stays in force: .*ice.exclude: "tail scale" can be no name' "$LAB_DIR/dev1.log"
device_down dev1

exclude dev1 '["lan", "*scale?"]'
device_up dev1
said() { device_status dev1 .device.trouble | grep -q 'leaves no interface to reach anybody by: .*lan.* are excluded'; }
lab_wait 10 "status does not tell that everything is excluded" said
grep -q 'exclude in config.toml leaves no interface' "$LAB_DIR/dev1.log" || lab_fail "the log does not tell that everything is excluded"
exclude dev1 '["tail*"]'
reload dev1
wait_connected dev1 dev2
[ "$(device_status dev1 .device.trouble)" = null ] || lab_fail "status still tells of trouble: $(device_status dev1 .device.trouble)"
echo "excluded interfaces carry nothing; a reload changes them"
