#!/usr/bin/env bash
# A hub whose folder has lost a part refuses to start, names the file, and leaves everything as it is: database, key,
# certificate and hub.json, each missing and each empty. With the file back all devices are as before. --new begins anew. The
# same for a device's secrets. A device's folder on two machines: both say so, and do not fight.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

# refuses CODE TEXT HOST COMMAND...: fails unless `bamgate COMMAND` ends with that code and says that
refuses() {
  local wanted=$1 text=$2 host=$3 code=0
  shift 3
  lab_in "$host" timeout 20 "$BAMGATE" "$@" >"$LAB_DIR/stdout" 2>"$LAB_DIR/stderr" || code=$?
  [ "$code" -eq "$wanted" ] || lab_fail "'$*' ended with $code, not $wanted: $(cat "$LAB_DIR/stderr")"
  grep -qF -- "$text" "$LAB_DIR/stderr" || lab_fail "'$*' does not say '$text': $(cat "$LAB_DIR/stderr")"
}
start=(hub --listen 203.0.113.10:8443 --data)
content() { (cd "$1" && find . -type f ! -name '*.lock' ! -name '*-shm' -exec sha256sum {} + | sort); }

bamgate_begin hub_lost
one_site
hub_start
devices_connect dev1 dev2
hub_kill TERM
cp -a "$LAB_DIR/hub" "$LAB_DIR/whole"

for file in hub.db hub-key.pem hub-cert.pem hub.json; do
  for loss in missing empty; do
    rm -rf "$LAB_DIR/hub"
    cp -a "$LAB_DIR/whole" "$LAB_DIR/hub"
    if [ $loss = missing ]; then rm "$LAB_DIR/hub/$file"; else : >"$LAB_DIR/hub/$file"; fi
    content "$LAB_DIR/hub" >"$LAB_DIR/before"
    refuses 1 "$file is $loss" hub "${start[@]}" "$LAB_DIR/hub"
    grep -q 'hub restore' "$LAB_DIR/stderr" || lab_fail "the refusal does not say what to do: $(cat "$LAB_DIR/stderr")"
    content "$LAB_DIR/hub" >"$LAB_DIR/after"
    cmp -s "$LAB_DIR/before" "$LAB_DIR/after" || lab_fail "the start without $file changed: $(diff "$LAB_DIR/before" "$LAB_DIR/after")"
  done
done
rm "$LAB_DIR/hub/hub.json"
cp -a "$LAB_DIR/whole/hub.json" "$LAB_DIR/hub/"
rm "$LAB_DIR/hub/hub.db"
refuses 1 "hub.db is missing" hub hub token --data "$LAB_DIR/hub"
[ ! -e "$LAB_DIR/hub/hub.db" ] || lab_fail "hub token made a database"
# hub.db without its log is refused by each command too, and none of them makes an empty hub of it.
rm "$LAB_DIR/hub"/hub.db*
LAB_DIR=$LAB_DIR python3 - <<'END'
import os, sqlite3
database = sqlite3.connect(os.environ["LAB_DIR"] + "/hub/hub.db")
for statement in ("PRAGMA journal_mode=WAL", "CREATE TABLE t (x)", "DROP TABLE t"):
    database.execute(statement)
END
: >"$LAB_DIR/hub/hub.db-wal"   # whoever looks leaves an empty one
content "$LAB_DIR/hub" >"$LAB_DIR/before"
for command in devices tokens token rotate-keys "backup $LAB_DIR/saved" "revoke dev1"; do
  # shellcheck disable=SC2086 # a command and its argument
  refuses 1 "hub.db holds nothing" hub hub $command --data "$LAB_DIR/hub"
done
refuses 1 "hub.db holds nothing" hub "${start[@]}" "$LAB_DIR/hub"
content "$LAB_DIR/hub" >"$LAB_DIR/after"
cmp -s "$LAB_DIR/before" "$LAB_DIR/after" || lab_fail "the commands changed: $(diff "$LAB_DIR/before" "$LAB_DIR/after")"
# The database of another hub beside this one's key and hub.json.
rm "$LAB_DIR/hub"/hub.db*
cp -a "$LAB_DIR/whole"/hub.db* "$LAB_DIR/hub/"
LAB_DIR=$LAB_DIR python3 - <<'END'
import os, sqlite3
database = sqlite3.connect(os.environ["LAB_DIR"] + "/hub/hub.db")
with database:
    database.execute("UPDATE settings SET value = '0123456789abcdef' WHERE name = 'network_id'")
END
refuses 1 "hub.db is another hub's" hub "${start[@]}" "$LAB_DIR/hub"
refuses 1 "hub.db is another hub's" hub hub devices --data "$LAB_DIR/hub"
rm -rf "$LAB_DIR/hub"
cp -a "$LAB_DIR/whole" "$LAB_DIR/hub"
refuses 1 "without --new" hub "${start[@]}" "$LAB_DIR/hub" --new

# All is there again, and nobody has given up meanwhile.
hub_start
for device in dev1 dev2; do lab_wait 60 "$device does not come back" hub_connected "$device"; done
check_ping_both_ways dev1 dev2

# Whoever means it begins with what is left: the devices know the key, and hear that this hub does not know them.
hub_kill TERM
rm "$LAB_DIR/hub"/hub.db*
hub_start --new
cmp -s "$LAB_DIR/hub/hub-key.pem" "$LAB_DIR/whole/hub-key.pem" || lab_fail "--new has overwritten the key"
await_process "${DEVICE_PID[dev1]}" "bamgate up of dev1, which the new hub does not know"
[ "$ENDED_WITH" = 4 ] || lab_fail "the unknown dev1 ended with $ENDED_WITH, not 4"
await_process "${DEVICE_PID[dev2]}" "bamgate up of dev2, which the new hub does not know"

# A device without its secrets.
mv "$LAB_DIR/dev1/secrets.toml" "$LAB_DIR/secrets"
refuses 1 "secrets.toml is missing" dev1 up --config "$LAB_DIR/dev1"
: >"$LAB_DIR/dev1/secrets.toml"
refuses 1 "secrets.toml is empty" dev1 up --config "$LAB_DIR/dev1"
[ ! -s "$LAB_DIR/dev1/secrets.toml" ] || lab_fail "up has written secrets"
mv "$LAB_DIR/secrets" "$LAB_DIR/dev1/secrets.toml"
mv "$LAB_DIR/dev1/config.toml" "$LAB_DIR/config"
refuses 1 "config.toml is missing, though secrets.toml is there" dev1 up --config "$LAB_DIR/dev1"
mv "$LAB_DIR/config" "$LAB_DIR/dev1/config.toml"

# One folder on two machines.
device_setup dev1
device_up dev1
lab_wait 30 "dev1 does not reach the new hub" hub_connected dev1
cp -a "$LAB_DIR/dev1" "$LAB_DIR/copy"
rm -f "$LAB_DIR/copy/agent.lock" "$LAB_DIR/copy/control.sock"
lab_spawn dev2 copy "$BAMGATE" up --config "$LAB_DIR/copy"
copy=$LAB_PID
says_two() { [[ $(device_status dev1 .hub.error) == *"another machine seems to use this folder"* ]]; }
lab_wait 30 "dev1 does not say that another machine uses its folder" says_two
[ "$(device_status dev1 '.hub.next_try_s > 30')" = true ] || lab_fail "dev1 fights for its connection: $(device_status dev1 .hub)"
process_ended "${DEVICE_PID[dev1]}" && lab_fail "dev1 has ended"
end_process TERM "$copy" "bamgate up of the copy"
device_down dev1
