#!/usr/bin/env bash
# A STUN server whose name leads to an address where nobody answers: the name is looked up again, and when it leads elsewhere the
# devices find each other through their NATs, without a restart and without a change of the network.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

bamgate_begin stun_moves
two_sites
printf '127.0.0.1 localhost\n203.0.113.99 stun.example\n' >"$LAB_DIR/hosts"
bamgate_sees_etc hosts="$LAB_DIR/hosts"
hub_start
# Without the hub's relay, so that only a direct path serves.
for device in dev1 dev2; do
  device_setup "$device"
  sed -i '/^turn_secret/d' "$LAB_DIR/$device/secrets.toml"
  sed -i 's/^servers = \["stun:.*/servers = ["stun:stun.example:3478"]/' "$LAB_DIR/$device/config.toml"
  grep -q '"stun:stun.example:3478"' "$LAB_DIR/$device/config.toml" || lab_fail "the configuration of $device has another STUN server"
done
for device in dev1 dev2; do device_up "$device"; done
in_vain() { grep -q 'no STUN server answered' "$LAB_DIR/dev1.log"; }
lab_wait 40 "dev1 does not say that no STUN server answers" in_vain
is_connected dev1 dev2 && lab_fail "they are connected without a STUN server: this would prove nothing"
sed -i 's/203.0.113.99 stun.example/203.0.113.10 stun.example/' "$LAB_DIR/etc/hosts"
begin=$SECONDS
lab_wait 90 "the name of the STUN server is not looked up again" is_connected dev1 dev2
wait_connected dev1 dev2
check_path dev1 dev2 "$(local_behind_nat 1 2)" "$(remote_behind_nat 2)"
echo "connected $((SECONDS - begin)) s after the name led to a server that answers"
