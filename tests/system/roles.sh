#!/usr/bin/env bash
# Who may do what: a stolen laptop's join strings end with it, a member can neither revoke nor become `nas`, a device that
# has been away for months is renewed, a renamed one is back under its new name, and the hub's own commands work while it
# runs and while it does not.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

admin() { lab_in dev1 "$BAMGATE" devices "$@" --config "$LAB_DIR/dev1"; }
member() { lab_in dev2 "$BAMGATE" devices "$@" --config "$LAB_DIR/dev2"; }
on_hub() { lab_in hub "$BAMGATE" hub "$@" --data "$LAB_DIR/hub"; }
field() { on_hub devices --json | jq -r ".devices[] | select(.device_name == \"$1\" and .revoked == $2) | .$3"; }
expect() { [ "$2" = "$3" ] || lab_fail "$1 is '$2', not '$3'"; }
# refused CODE TEXT COMMAND...: fails unless the command ends with that code and says TEXT
refused() {
  local wanted=$1 text=$2 code=0
  shift 2
  "$@" >"$LAB_DIR/stdout" 2>"$LAB_DIR/stderr" || code=$?
  [ "$code" -eq "$wanted" ] || lab_fail "'$*' ended with $code, not $wanted: $(tail -n 1 "$LAB_DIR/stderr")"
  grep -q -e "$text" "$LAB_DIR/stderr" || lab_fail "'$*' does not say '$text' but: $(cat "$LAB_DIR/stderr")"
}
# joins FOLDER NAME STRING: a further machine behind the same NAT registers
joins() { lab_in dev2 "$BAMGATE" setup --join "$3" --name "$2" --config "$LAB_DIR/$1"; }

bamgate_begin roles
one_site
hub_start
devices_connect dev1 dev2
expect "the role of the first device" "$(field dev1 false role)" admin
expect "the role of the second device" "$(field dev2 false role)" member
expect "dev2 on the hub's own list" "$(field dev2 false online)" true

# A member adds, revokes, renames and lists nothing; and nobody at a device takes the last administrator away.
string=$(admin add 2>/dev/null)
joins nas nas "$string" 2>/dev/null || lab_fail "nas cannot join"
refused 4 not_an_admin member revoke nas --yes
refused 4 not_an_admin member add
refused 4 not_an_admin member rename nas mine
refused 4 not_an_admin member tokens
refused 1 last_admin admin revoke dev1 --yes
expect "nas after a member tried to revoke it" "$(field nas true device_id)" ""

# Not even when an administrator revokes nas does its name or address go to whoever comes next.
string=$(admin add --uses 5 2>/dev/null)
nas_address=$(field nas false address)
admin revoke nas --yes 2>/dev/null || lab_fail "an administrator cannot revoke nas"
refused 1 name_taken joins thief nas "$string"
joins other other "$string" 2>/dev/null || lab_fail "another name cannot join"
[ "$(field other false address)" != "$nas_address" ] || lab_fail "the address of nas was given again"
refused 4 wrong_name joins thief thief "$(admin add --for nas 2>/dev/null)"
joins nas2 nas "$(admin add --for nas 2>/dev/null)" 2>/dev/null || lab_fail "a string for nas does not let nas in"

# A stolen laptop, an administrator, has made a string for 1,000 uses.
joins laptop laptop "$(on_hub token --admin)" 2>/dev/null || lab_fail "laptop cannot join"
expect "the role that 'hub token --admin' gives" "$(field laptop false role)" admin
string=$(lab_in dev2 "$BAMGATE" devices add --uses 1000 --ttl 365d --config "$LAB_DIR/laptop" 2>/dev/null)
expect "who made the string" "$(admin tokens --json | jq -r '.tokens[] | select(.uses_left == 1000) | .made_by')" laptop
admin tokens | grep -q ' 1000 .* laptop ' || lab_fail "the table of join strings does not show the laptop's"
admin revoke laptop --yes 2>/dev/null || lab_fail "an administrator cannot revoke laptop"
refused 4 invalid_join_token joins comeback comeback "$string"
refused 4 "device not found or revoked" lab_in dev2 "$BAMGATE" devices add --config "$LAB_DIR/laptop"
expect "strings of the laptop that are left" "$(admin tokens --json | jq '[.tokens[] | select(.made_by == "laptop")] | length')" 0

# A string is withdrawn by its id, by a device or on the hub.
ids() { on_hub tokens --json | jq -r '.tokens[].token_id' | sort; }
make_by_admin() { admin add 2>/dev/null; }
make_by_on_hub() { on_hub token; }
for by in admin on_hub; do
  ids >"$LAB_DIR/ids.before"
  string=$(make_by_$by)
  id=$(ids | comm -13 "$LAB_DIR/ids.before" -)
  "$by" tokens withdraw "$id" 2>/dev/null || lab_fail "withdraw by $by failed"
  refused 4 invalid_join_token joins late late "$string"
  refused 1 "there is no join string" "$by" tokens withdraw "$id"
done

# A renamed device learns it from the hub, and its peers know it by its new name.
admin rename dev2 work 2>/dev/null || lab_fail "rename failed"
knows_work() { [ "$(device_status dev1 '.peers[] | select(.id == "work") | .state')" = connected ]; }
lab_wait 30 "dev1 does not connect to the renamed dev2" knows_work
expect "peers of dev1 by the old name" "$(device_status dev1 '[.peers[] | select(.id == "dev2" and .state == "connected")] | length')" 0
expect "dev2's name in its own status" "$(device_status dev2 .device.name)" work
grep -q '^name = "work"' "$LAB_DIR/dev2/config.toml" || lab_fail "the new name is not in the configuration"
check_ping dev1 "$(device_address dev2 4)"
check_ping dev2 "$(device_address dev1 4)"
device_down dev2
device_up dev2
lab_wait 30 "dev2 does not connect with its new name after a restart" knows_work

# A device that was off for months is refused, is renewed from afar, and is back.
device_down dev2
device_down dev1
hub_kill TERM
python3 - "$LAB_DIR/hub/hub.db" <<'PYTHON'
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    database.execute("UPDATE refresh_tokens SET issued_at = issued_at - 400 * 86400, previous_hash = NULL WHERE device_id ="
                     " (SELECT id FROM devices WHERE name = 'work' AND revoked_at IS NULL)")
PYTHON
expect "the renamed device's state while the hub is off" "$(field work false expired)" true
hub_start
refused 4 "devices renew" lab_in dev2 "$BAMGATE" devices list --config "$LAB_DIR/dev2"
admin renew work 2>/dev/null || lab_fail "renew failed"
device_up dev1
device_up dev2
lab_wait 30 "the renewed device does not connect" knows_work

# The hub's own commands reach what is connected, and need no hub that runs.
on_hub devices | grep -q '^work .* online ' || lab_fail "the hub's table does not show work online"
refused 2 "add --yes" on_hub revoke work
on_hub revoke work --yes 2>/dev/null || lab_fail "hub revoke failed"
no_work() { [ "$(device_status dev1 '[.peers[] | select(.state == "connected")] | length')" = 0 ]; }
lab_wait 10 "dev1 keeps the tunnel to a device that the hub revoked" no_work
await_process "${DEVICE_PID[dev2]}" "bamgate up of the device that the hub revoked"
expect "its exit code" "$ENDED_WITH" 4
device_down dev1
hub_kill TERM
on_hub revoke dev1 --yes 2>/dev/null || lab_fail "the hub's holder cannot revoke the last administrator"
expect "dev1, revoked while the hub was off" "$(field dev1 true role)" admin
on_hub forget dev1 2>/dev/null || lab_fail "hub forget failed"
refused 1 "is not revoked" on_hub forget other
refused 1 "there is no device" on_hub revoke dev1 --yes
hub_start
device_setup dev1
expect "who has the forgotten name" "$(field dev1 false role)" member
refused 1 "there is no hub" lab_in hub "$BAMGATE" hub devices --data "$LAB_DIR/nothing"
