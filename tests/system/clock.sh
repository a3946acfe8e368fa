#!/usr/bin/env bash
# Clocks that jump, under a ping of 50 packets a second that must not stop: the hub's goes 40 days ahead and back again, while it
# runs and between two runs; nobody is locked out, and the hub says what happened. Devices whose credentials have expired keep their
# tunnel, say so, and are let in again by 'devices renew', the last administrator by 'hub renew'. A device's own clock
# jumps, too.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

forty_days=$((40 * 86400))
set_clock() { echo "$1" >"$LAB_DIR/$2.clock"; }
on_hub() { lab_in hub "$BAMGATE" hub "$@" --data "$LAB_DIR/hub"; }
hub_says() { grep -q -- "$1" "$LAB_DIR/hub.log"; }
all_hubs_logs() { cat "$LAB_DIR/hub.log" >>"$LAB_DIR/hubs"; }
devices_of() { lab_in "$1" "$BAMGATE" devices --json --config "$LAB_DIR/$1"; }
join_as() {
  lab_in "$1" "$BAMGATE" setup --join "$2" --name "$1" --config "$LAB_DIR/$1" >"$LAB_DIR/$1.setup.log" 2>&1 ||
    lab_fail "setup of $1 $3 failed: $(tail -n 1 "$LAB_DIR/$1.setup.log")"
}
both_online() { for device in dev1 dev2; do lab_wait 60 "$device does not reach the hub $1" hub_connected "$device"; done; }
# Ends the hub, sets its clock, and starts it; what the first one said is kept.
hub_again_at() {
  hub_kill TERM
  all_hubs_logs
  set_clock "$1" hub
  hub_start "${@:2}"
}

bamgate_begin clock
one_site
bamgate_at_clock hub dev1 dev2
hub_start
devices_connect dev1 dev2
early=$(on_hub token)
start_pings dev1 dev2

# Ahead while it runs: what a device asks is answered, newcomers come, and the log says that the clock is not to be believed.
set_clock $forty_days hub
devices_of dev1 >"$LAB_DIR/said" 2>&1 || lab_fail "a device of a hub whose clock is ahead: $(cat "$LAB_DIR/said")"
lab_wait 10 "the hub does not say that its clock jumped: $(cat "$LAB_DIR/hub.log")" hub_says 'clock jumped seconds=345'
hub_says 'nothing expires because of it' || lab_fail "the hub does not say that nobody suffers by it"
must_end 4 'expired' lab_in dev1 "$BAMGATE" setup --join "$early" --name early --config "$LAB_DIR/early"
lab_device dev3 1 4
join_as dev3 "$(on_hub token)" "while the hub's clock is ahead"
# Ahead at a start: every device comes again with a token that is too old by this clock.
hub_again_at $forty_days
both_online "while its clock is ahead"

# Back while it runs: what was issued meanwhile is from the future.
late=$(on_hub token)
set_clock 0 hub
devices_of dev1 >"$LAB_DIR/said" 2>&1 || lab_fail "a device of a hub whose clock went back: $(cat "$LAB_DIR/said")"
lab_wait 10 "the hub does not say that its clock went back" hub_says 'clock jumped seconds=-345'
join_as dev3 "$late" "with a join string from when the hub's clock was ahead"
lab_in dev1 "$BAMGATE" setup --join "$early" --name early --config "$LAB_DIR/early" >"$LAB_DIR/said" 2>&1 ||
  lab_fail "a join string from before the jump is not good again: $(cat "$LAB_DIR/said")"
# The same between two runs.
hub_again_at $forty_days
hub_says 'clock is ahead seconds=345' || lab_fail "a start with a clock that is ahead says nothing: $(cat "$LAB_DIR/hub.log")"
both_online "after a start with a clock that is ahead"
hub_again_at 0
hub_says 'clock went back' || lab_fail "a start with a clock that went back says nothing: $(cat "$LAB_DIR/hub.log")"
both_online "after its clock went back"
devices_of dev2 >"$LAB_DIR/said" 2>&1 || lab_fail "dev2 after all that: $(cat "$LAB_DIR/said")"
all_hubs_logs
grep -E 'expired' "$LAB_DIR/hubs" && lab_fail "somebody was refused as expired"
end_pings "the hub's clock 40 days ahead and back, four ends and starts" 2

# Credentials that have expired: a lifetime of three seconds, and a clock by which the access tokens have ended, too. A start
# counts at most ten minutes of the time that no hub saw.
start_pings dev1 dev2
hub_again_at 7200 --device-lifetime 3s
says_expired() { [[ $(device_status "$1" .hub.error) == *"credentials have expired; an administrator lets it in again with 'bamgate devices renew'"* ]]; }
for device in dev1 dev2; do lab_wait 30 "$device does not say that its credentials have expired: $(device_status dev1 .hub)" says_expired $device; done
[ "$(on_hub devices --json | jq '[.devices[] | select(.expired and (.device_name == "dev1" or .device_name == "dev2"))] | length')" = 2 ] ||
  lab_fail "the hub does not show who has expired: $(on_hub devices)"
must_end 4 'credentials have expired' lab_in dev1 "$BAMGATE" devices --config "$LAB_DIR/dev1"
# The only administrator is let in on the hub, and needs not wait when somebody asks there; it lets the other one in.
on_hub renew dev1 2>"$LAB_DIR/said" || lab_fail "hub renew: $(cat "$LAB_DIR/said")"
devices_of dev1 >"$LAB_DIR/said" 2>&1 || lab_fail "the renewed administrator: $(cat "$LAB_DIR/said")"
lab_wait 10 "the renewed administrator does not come back" hub_connected dev1
lab_in dev1 "$BAMGATE" devices renew dev2 --config "$LAB_DIR/dev1" 2>"$LAB_DIR/said" || lab_fail "devices renew: $(cat "$LAB_DIR/said")"
lab_wait 60 "the renewed device does not come back by itself" hub_connected dev2
end_pings "credentials of both expired and renewed" 2
# What a hub that is off knows of its devices is what it was started with.
hub_kill TERM
all_hubs_logs
expired_off() { on_hub devices --json | jq '[.devices[] | select(.expired)] | length'; }
[ "$(expired_off)" -gt 0 ] || lab_fail "with the hub off nobody has expired: $(on_hub devices)"
set_clock 0 hub
hub_start
[ "$(expired_off)" = 0 ] || lab_fail "with the lifetime of 180 days somebody has expired: $(on_hub devices)"
both_online "after its lifetime was changed"

# A device's own clock. While it runs nothing depends on it; of a start with an earlier clock than before the peer must hear all the same.
for by in $forty_days 0; do
  device_down dev1
  set_clock "$by" dev1
  device_up dev1
  wait_connected dev1 dev2
  check_ping dev1 "$(device_address dev2 4)"
  check_ping dev2 "$(device_address dev1 4)"
done
