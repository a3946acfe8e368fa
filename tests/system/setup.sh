#!/usr/bin/env bash
# Setup on a machine that is a device already: while it is connected, after the hub has moved, from another hub; interrupted
# and repeated; two at once; join strings that were wrapped or cut short.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

config() { sed -n "s/^$2 = \"\([^\"]*\)\".*/\1/p" "$LAB_DIR/$1/config.toml" | head -n 1; }
key() { sed -n 's/^private_key = //p' "$LAB_DIR/$1/secrets.toml"; }
token() { lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/$1"; }
setup_dev1() { lab_in dev1 "$BAMGATE" setup --config "$LAB_DIR/dev1" "$@"; }
seconds_since() { awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $1 }"; }
start_hub_at() {
  lab_spawn hub "hub-$1" "$BAMGATE" hub --listen "203.0.113.10:$2" --data "$LAB_DIR/$1" --stun "203.0.113.10:$3" \
    --public-url "https://203.0.113.10:$2"
  HUB_PID=$LAB_PID
  # shellcheck disable=SC2016
  lab_wait 10 "the hub does not answer on port $2" lab_in hub curl -gksf -m 2 --noproxy '*' -o "$LAB_DIR/hub-status" \
    "https://203.0.113.10:$2/status"
}

bamgate_begin setup
one_site
hub_start

# A string that a mail program has wrapped keeps its pin, from a file and from the command line.
join=$(token hub)
printf '%s\n%s\n' "${join:0:70}" "${join:70}" >"$LAB_DIR/wrapped"
setup_dev1 --join - --name dev1 <"$LAB_DIR/wrapped" >"$LAB_DIR/said" 2>&1 || lab_fail "the wrapped string: $(cat "$LAB_DIR/said")"
[ -n "$(config dev1 hub_fingerprint)" ] || lab_fail "the pin is lost"
first_key=$(key dev1) first_address=$(config dev1 address)
must_end 2 'white space inside' setup_dev1 --join "${join%%,fp=*} laptop"
must_end 2 'cut off' setup_dev1 --join "${join%%p=*}"
must_end 5 'careful: the join string has no fingerprint.*203\.0\.113\.10' setup_dev1 --join "${join%%,fp=*}"
[ "$(config dev1 address)" = "$first_address" ] || lab_fail "a setup that failed has changed something"
must_end 2 'is no device name' setup_dev1 --join "$join" --name 'My Laptop'

# Two at once: the hub does not answer, and the first waits for it.
kill -STOP "$HUB_PID"
join=$(tr -d '\n' <"$LAB_DIR/wrapped")
lab_spawn dev1 waiting "$BAMGATE" setup --config "$LAB_DIR/dev1" --join "$join" --name dev1
waiting=$LAB_PID
lab_wait 10 "the first setup does not begin" grep -q registering "$LAB_DIR/waiting.log"
must_end 1 "another 'bamgate setup' is at work.*process $waiting" setup_dev1 --join "$join" --name dev1
must_end 1 "process $waiting that works on its credentials" lab_in dev1 "$BAMGATE" up --config "$LAB_DIR/dev1"
end_process INT "$waiting" "the first setup"
kill -CONT "$HUB_PID"
# Interrupted: the key is kept, and it can be repeated.
[ "$(key dev1)" = "$first_key" ] || lab_fail "an interrupted setup has changed the key"
join=$(token hub)
setup_dev1 --join "$join" >"$LAB_DIR/said" 2>&1 || lab_fail "setup cannot be repeated: $(cat "$LAB_DIR/said")"
[ "$(key dev1)" = "$first_key" ] || lab_fail "a repeated setup has changed the key"

# The hub moves while dev1 is connected, in the background; everything that is not the hub's stays.
printf '\n[peers.dev2]\nroutes = ["192.168.77.0/24"]\n' >>"$LAB_DIR/dev1/config.toml"
lab_in dev1 "$BAMGATE" up -d --config "$LAB_DIR/dev1" >"$LAB_DIR/said" 2>&1 || lab_fail "up -d: $(cat "$LAB_DIR/said")"
lab_wait 15 "dev1 does not reach the hub" hub_connected dev1
before=$(head -n 1 "$LAB_DIR/dev1/agent.lock")
hub_kill TERM
start_hub_at hub 9443 3479
join=$(token hub)
begin=$EPOCHREALTIME
setup_dev1 --join "$join" >"$LAB_DIR/said" 2>&1 </dev/null || lab_fail "setup while it is connected: $(cat "$LAB_DIR/said")"
echo "setup again after the hub moved, while connected: $(seconds_since "$begin") s"
awk "BEGIN { exit !($(seconds_since "$begin") < 12) }" || lab_fail "it took too long: $(cat "$LAB_DIR/said")"
[ "$(head -n 1 "$LAB_DIR/dev1/agent.lock")" != "$before" ] || lab_fail "the old process runs on"
[ "$(sed -n 's/^name = \("[a-z0-9]*"\).*/\1/p' "$LAB_DIR/dev1/config.toml" | tr '\n' ' ')" = '"home" "dev1" ' ] ||
  lab_fail "the names have changed: $(cat "$LAB_DIR/dev1/config.toml")"
[ "$(config dev1 address)" = "$first_address" ] || lab_fail "the address has changed"
[ "$(key dev1)" = "$first_key" ] || lab_fail "the key has changed"
grep -q '192.168.77.0/24' "$LAB_DIR/dev1/config.toml" || lab_fail "the accepted routes are gone"
grep -q 'stun:203.0.113.10:3479' "$LAB_DIR/dev1/config.toml" || lab_fail "the hub's STUN is not updated"
grep -q 'stun:203.0.113.10:3478' "$LAB_DIR/dev1/config.toml" && lab_fail "the old STUN server of the hub is still there"
lab_wait 15 "dev1 does not reach the moved hub" hub_connected dev1
device_setup dev2
device_up dev2
wait_connected dev1 dev2
check_ping dev2 "$(device_address dev1 4)"

# Another hub: no word to the old one, which is gone; the key is kept.
device_down dev2
hub_kill TERM
start_hub_at other 10443 3480
join=$(token other)
begin=$EPOCHREALTIME
setup_dev1 --join "$join" >"$LAB_DIR/said" 2>&1 </dev/null || lab_fail "setup with another hub: $(cat "$LAB_DIR/said")"
awk "BEGIN { exit !($(seconds_since "$begin") < 12) }" || lab_fail "setup with another hub took too long: $(cat "$LAB_DIR/said")"
lab_wait 15 "dev1 does not reach the other hub" hub_connected dev1
[ "$(key dev1)" = "$first_key" ] || lab_fail "another hub has changed the key"
lab_in dev1 "$BAMGATE" down --config "$LAB_DIR/dev1" || lab_fail "down failed"
