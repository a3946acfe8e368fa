#!/usr/bin/env bash
# The commands of a person around a network: devices list, add and revoke, setup from standard input, and how each fails.
# A revoked device loses its tunnel at every peer and ends with exit code 4; set up anew it gets a new key and is back.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

devices() { lab_in dev1 "$BAMGATE" devices "$@" --config "$LAB_DIR/dev1"; }
device_field() { devices list --json | jq -r ".devices[] | select(.device_name == \"$1\" and .revoked == $2) | .$3"; }
expect() { [ "$2" = "$3" ] || lab_fail "$1 is '$2', not '$3'"; }
# exit_code WANTED COMMAND...: fails unless the command ends with that code
exit_code() {
  local wanted=$1 code=0
  shift
  "$@" >/dev/null 2>"$LAB_DIR/stderr" || code=$?
  [ "$code" -eq "$wanted" ] || lab_fail "'$*' ended with $code, not $wanted: $(tail -n 1 "$LAB_DIR/stderr")"
}

bamgate_begin devices
one_site
hub_start
devices_connect dev1 dev2

expect "dev2 in the list" "$(device_field dev2 false online)" true
expect "dev1's address" "$(device_field dev1 false address)" "$(device_status dev1 .device.address)"
devices | grep -q '^dev2 .* online ' || lab_fail "the table does not show dev2 online"

# A join string from a device works like one from the hub, and once.
join=$(devices add 2>/dev/null)
[[ $join == bamgate://*#token=*,fp=* ]] || lab_fail "devices add printed '$join'"
lab_in dev2 "$BAMGATE" setup --join - --name dev3 --config "$LAB_DIR/dev3" <<<"$join" 2>/dev/null || lab_fail "setup --join - failed"
expect "dev3 in the list" "$(device_field dev3 false online)" false
exit_code 4 lab_in dev2 "$BAMGATE" setup --join "$join" --name dev4 --config "$LAB_DIR/dev4"
exit_code 1 devices revoke nobody --yes

old_key=$(device_status dev2 .device.public_key)
devices revoke dev2 --yes 2>/dev/null || lab_fail "revoke failed"
await_process "${DEVICE_PID[dev2]}" "bamgate up of the revoked dev2"
expect "the exit code of the revoked dev2" "$ENDED_WITH" 4
no_peer() { [ "$(device_status dev1 '.peers | length')" = 0 ]; }
lab_wait 10 "dev1 keeps the tunnel of the revoked dev2" no_peer
exit_code 4 lab_in dev2 "$BAMGATE" up --config "$LAB_DIR/dev2"
exit_code 4 lab_in dev2 "$BAMGATE" devices --config "$LAB_DIR/dev2"
exit_code 3 lab_in dev2 "$BAMGATE" status --config "$LAB_DIR/dev2"

# Its name rests: an ordinary string does not let it in again, one that was made for it does.
exit_code 1 lab_in dev2 "$BAMGATE" setup --join "$(devices add 2>/dev/null)" --name dev2 --config "$LAB_DIR/dev2"
grep -q "devices add --for dev2" "$LAB_DIR/stderr" || lab_fail "the refusal does not say what to do: $(cat "$LAB_DIR/stderr")"
# Its name comes back with another key: refused, until the person at dev1 says that this is as it should be.
device_setup dev2
device_up dev2
refused_key() { device_status dev1 '.peers[] | select(.id == "dev2") | .refused_key'; }
is_refused() { [ "$(refused_key)" = "$(device_status dev2 .device.public_key)" ]; }
lab_wait 30 "dev1 does not refuse the new key of dev2" is_refused
[ "$(device_status dev2 .device.public_key)" != "$old_key" ] || lab_fail "the revoked key is in use again"
lab_in dev1 "$BAMGATE" status --config "$LAB_DIR/dev1" | grep -q "bamgate devices trust dev2" || lab_fail "status does not say what to do"
grep -q "^pin dev2 $old_key [0-9]* hub$" "$LAB_DIR/dev1/pins" || lab_fail "the pin of dev2 is not on disk: $(cat "$LAB_DIR/dev1/pins")"
exit_code 1 devices trust nobody
devices trust dev2 2>/dev/null || lab_fail "devices trust failed"
wait_connected dev1 dev2
check_ping_both_ways dev1 dev2
grep -q "^pin dev2 $(device_status dev2 .device.public_key) [0-9]* trusted$" "$LAB_DIR/dev1/pins" || lab_fail "the new pin is not on disk"

# The pins outlive the agent, and 'trust' does without one.
device_down dev1
sed -i "s|^pin dev2 [^ ]*|pin dev2 $old_key|" "$LAB_DIR/dev1/pins"
device_up dev1
lab_wait 30 "dev1 has forgotten the key of dev2 with its restart" is_refused
device_down dev1
devices trust dev2 2>/dev/null || lab_fail "devices trust failed without an agent"
device_up dev1
wait_connected dev1 dev2
device_down dev1
: >"$LAB_DIR/dev1/pins"
exit_code 1 lab_in dev1 "$BAMGATE" up --config "$LAB_DIR/dev1"
grep -q 'pins: it is empty' "$LAB_DIR/stderr" || lab_fail "an empty file of pins is taken for none: $(cat "$LAB_DIR/stderr")"
rm "$LAB_DIR/dev1/pins"
device_up dev1
wait_connected dev1 dev2

# Setup again keeps what a person has set, and touches nothing that it cannot read.
device_down dev2
sed -i 's/^routes = .*/routes = ["192.168.77.0\/24"]/; s/"stun:stun.cloudflare.com:3478"/"stun:mine.example:3478"/' "$LAB_DIR/dev2/config.toml"
device_setup dev2
grep -q '192.168.77.0/24' "$LAB_DIR/dev2/config.toml" || lab_fail "setup has forgotten a route that a person had set"
grep -q 'mine.example' "$LAB_DIR/dev2/config.toml" || lab_fail "setup has forgotten a STUN server that a person had set"
expect "the number of the hub's own STUN server" "$(grep -o '"stun:203.0.113.10:3478"' "$LAB_DIR/dev2/config.toml" | wc -l)" 1
echo 'not = [toml' >>"$LAB_DIR/dev2/config.toml"
cp "$LAB_DIR/dev2/config.toml" "$LAB_DIR/broken"
exit_code 1 lab_in dev2 "$BAMGATE" setup --join "$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub")" --config "$LAB_DIR/dev2"
cmp -s "$LAB_DIR/broken" "$LAB_DIR/dev2/config.toml" || lab_fail "setup has replaced a file that it could not read"

hub_kill TERM
exit_code 5 lab_in dev2 "$BAMGATE" setup --join "$join" --name dev5 --config "$LAB_DIR/dev5"
exit_code 2 lab_in dev2 "$BAMGATE" setup --join nonsense --config "$LAB_DIR/dev5"
exit_code 1 lab_in dev2 "$BAMGATE" up --config "$LAB_DIR/nothing-there"
