#!/usr/bin/env bash
# bamgate hub backup while devices work; bamgate hub restore under the hub that runs; the hub killed and its folder deleted, bamgate hub restore: the devices come back
# by themselves, also with credentials that they got after the backup, and join strings made before it are still good.
# Wrong use and damaged files change nothing. A plain copy of the database files is whole whenever it is taken.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

backup=
# refused CODE TEXT COMMAND...: fails unless `bamgate hub COMMAND` ends with that code and says that
refused() {
  local wanted=$1 text=$2 code=0
  shift 2
  lab_in hub timeout 20 "$BAMGATE" hub "$@" >"$LAB_DIR/stdout" 2>"$LAB_DIR/stderr" || code=$?
  [ "$code" -eq "$wanted" ] || lab_fail "'hub $*' ended with $code, not $wanted: $(cat "$LAB_DIR/stderr")"
  grep -q -- "$text" "$LAB_DIR/stderr" || lab_fail "'hub $*' does not say '$text': $(cat "$LAB_DIR/stderr")"
}
hub_restore() { lab_in hub "$BAMGATE" hub restore "$backup" --data "$LAB_DIR/hub" "$@" 2>"$LAB_DIR/stderr"; }
fingerprint() { (cd "$1" && find . -type f ! -name '*.lock' -exec sha256sum {} + | sort); }

bamgate_begin hub-backup
one_site
hub_start
devices_connect dev1 dev2
join=$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub")

backup=$LAB_DIR/hub-backup.tar
lab_in hub "$BAMGATE" hub backup "$backup" --data "$LAB_DIR/hub" 2>"$LAB_DIR/stderr" || lab_fail "backup failed: $(cat "$LAB_DIR/stderr")"
[ "$(stat -c %a "$backup")" = 600 ] || lab_fail "the backup has mode $(stat -c %a "$backup"), not 600"
mkdir "$LAB_DIR/by-hand"
tar -C "$LAB_DIR/by-hand" -xf "$backup" || lab_fail "tar cannot read the backup"
(cd "$LAB_DIR/by-hand" && sha256sum --quiet -c SHA256SUMS) || lab_fail "the backup's checksums are wrong"
refused 1 "replaces nothing" backup "$backup" --data "$LAB_DIR/hub"
refused 1 "there is no hub" backup "$LAB_DIR/other.tar" --data "$LAB_DIR/nowhere"

# While the hub runs: who came after the backup is out, the others come again, and no tunnel notices.
lab_device dev3 1 4
device_setup dev3
device_up dev3
wait_connected dev1 dev3
start_pings dev1 dev2
refused 1 "is not empty" restore "$backup" --data "$LAB_DIR/hub"
hub_restore --force || lab_fail "restore failed: $(cat "$LAB_DIR/stderr")"
grep -q 'goes on' "$LAB_DIR/stderr" || lab_fail "restore does not say that the hub goes on: $(cat "$LAB_DIR/stderr")"
await_process "${DEVICE_PID[dev3]}" "bamgate up of dev3, which the restored hub does not know"
[ "$ENDED_WITH" = 4 ] || lab_fail "the unknown dev3 ended with $ENDED_WITH, not 4"
[ "$(grep -c ' hub_restored\| hub restored' "$LAB_DIR/hub.log")" = 1 ] || lab_fail "the hub's log does not tell of the restore"
for device in dev1 dev2; do lab_wait 60 "$device does not come back" hub_connected "$device"; done
wait_connected dev1 dev2
sleep 1
end_pings "restored under the hub" 1
mv "$LAB_DIR/hub/hub-key.pem" "$LAB_DIR/key"
refused 1 "stop the hub first" restore "$backup" --data "$LAB_DIR/hub" --force
mv "$LAB_DIR/key" "$LAB_DIR/hub/hub-key.pem"
[ -z "$(find "$LAB_DIR/hub" -name 'restored-*')" ] || lab_fail "restore has left files"

# dev1 goes on: its credentials are now newer than the backup's.
device_down dev1
device_up dev1
wait_connected dev1 dev2

hub_kill KILL
before=$(fingerprint "$LAB_DIR/hub")
refused 1 "is not empty" restore "$backup" --data "$LAB_DIR/hub"
size=$(stat -c %s "$backup")
for at in 3 300 700 5000 $((size / 2)) $((size - 1600)); do
  cp "$backup" "$LAB_DIR/damaged.tar"
  printf '\377\376' | dd of="$LAB_DIR/damaged.tar" bs=1 seek="$at" conv=notrunc status=none
  refused 1 "nothing was changed" restore "$LAB_DIR/damaged.tar" --data "$LAB_DIR/hub" --force
done
for length in 0 1 512 5000 $((size - 1024)); do
  head -c "$length" "$backup" >"$LAB_DIR/damaged.tar"
  refused 1 "nothing was changed" restore "$LAB_DIR/damaged.tar" --data "$LAB_DIR/hub" --force
done
refused 1 "cannot open" restore "$LAB_DIR/none.tar" --data "$LAB_DIR/hub" --force
[ "$(fingerprint "$LAB_DIR/hub")" = "$before" ] || lab_fail "a restore that was refused changed the data folder"

# A database that is damaged is told at the start. (What stands in the log would mend it.)
rm -f "$LAB_DIR/hub/hub.db-wal" "$LAB_DIR/hub/hub.db-shm"
head -c 3000 /dev/urandom | dd of="$LAB_DIR/hub/hub.db" bs=1 seek=100 conv=notrunc status=none
refused 1 "is damaged" --listen 203.0.113.10:8443 --data "$LAB_DIR/hub"

rm -rf "${LAB_DIR:?}/hub"
hub_restore || lab_fail "restore failed: $(cat "$LAB_DIR/stderr")"
hub_start
for device in dev1 dev2; do lab_wait 60 "$device does not come back to the restored hub" hub_connected "$device"; done
wait_connected dev1 dev2
check_ping_both_ways dev1 dev2
# Both also with new access tokens, and dev3 with the join string from before.
for device in dev1 dev2; do
  device_down "$device"
  device_up "$device"
done
lab_in dev2 "$BAMGATE" setup --join "$join" --name dev3 --config "$LAB_DIR/dev3" 2>"$LAB_DIR/stderr" || lab_fail "the join string is not good any more: $(cat "$LAB_DIR/stderr")"
wait_connected dev1 dev2

token=$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub" --uses 1000 | sed 's/.*#token=\([0-9a-f]*\).*/\1/')
mkdir "$LAB_DIR/copies"
lab_in hub python3 "$LAB_SOURCE/hub_copies.py" 203.0.113.10:8443 "$LAB_DIR/hub" "$LAB_DIR/copies" <<<"$token"
check_ping dev1 "$(device_address dev2 4)"
