#!/usr/bin/env bash
# A full disk (a tmpfs, filled to the last byte): a device starts, comes online and keeps the hub's new tokens, again and again;
# without its spare room it says that the disk is full, keeps its old token and comes back when there is room; the hub starts and
# serves; hub token, setup and backup say what is wrong, and setup uses up no join string.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

# The laboratory's own clean-up removes the folder, not what is mounted in it.
small_disk() { mkdir -p "$1" && mount -t tmpfs -o "size=$2,mode=0700" tmpfs "$1"; }
unmount_all() { findmnt -rno TARGET | grep "^$LAB_DIR/" | sort -r | xargs -r umount -l; }
fill_disk() { cat /dev/zero >"$1/filler" 2>/dev/null || true; [ "$(stat -f -c %a "$1")" -eq 0 ] || lab_fail "$1 is not full"; }
make_room() { rm -f "$1/filler"; }

token_of() { sed -n 's/^refresh_token = //p' "$LAB_DIR/dev1/secrets.toml"; }
says() { grep -q -- "$2" "$LAB_DIR/$1.log"; }

bamgate_begin full-disk
# shellcheck disable=SC2154
trap 'code=$?; set +e; unmount_all; (exit $code); lab_end' EXIT
one_site
small_disk "$LAB_DIR/hub" 2m
small_disk "$LAB_DIR/dev1" 64k
hub_start

# ---- setup: the key and room for all that comes are there before the hub is asked ----
join=$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub")
fill_disk "$LAB_DIR/dev1"
must_end 1 'the disk is full' lab_in dev1 "$BAMGATE" setup --join "$join" --name dev1 --config "$LAB_DIR/dev1"
for room in 4096 8192 12288 16384; do
  # So much is free: not enough each time, or just enough.
  rm -f "$LAB_DIR/dev1/filler"
  cat /dev/zero 2>/dev/null >"$LAB_DIR/dev1/filler" || true
  truncate -s "-$room" "$LAB_DIR/dev1/filler"
  code=0
  lab_in dev1 "$BAMGATE" setup --join "$join" --name dev1 --config "$LAB_DIR/dev1" >"$LAB_DIR/said" 2>&1 || code=$?
  [ "$code" -eq 0 ] && break
  grep -q 'the disk is full.*the join string was not used and is as good as before' "$LAB_DIR/said" || lab_fail "setup with $room bytes free says $(cat "$LAB_DIR/said")"
  [ "$(lab_in hub curl -gksf --noproxy '*' https://203.0.113.10:8443/status | jq .devices)" = 0 ] || lab_fail "setup registered with $room bytes free, and failed"
done
make_room "$LAB_DIR/dev1"
[ "$code" -eq 0 ] || must_end 0 "this device is 'dev1'" lab_in dev1 "$BAMGATE" setup --join "$join" --name dev1 --config "$LAB_DIR/dev1"
first=$(token_of)

# ---- a device on a full disk ----
fill_disk "$LAB_DIR/dev1"
for start in first second third; do
  device_up dev1
  lab_wait 15 "on a full disk dev1 does not come online at its $start start" hub_connected dev1
  last=$(token_of)
  [ "$last" != "$first" ] || lab_fail "the new token is not on the disk"
  first=$last
  device_down dev1
done
[ "$(stat -c %a "$LAB_DIR/dev1/secrets.toml")" = 600 ] || lab_fail "others may read the secrets"

# Its room was taken from it: it asks the hub for nothing that it cannot keep, and says whose fault that is.
rm -f "$LAB_DIR/dev1/.secrets.toml.room"
fill_disk "$LAB_DIR/dev1"
device_up dev1
lab_wait 15 "the device does not say that the disk is full: $(cat "$LAB_DIR/dev1.log")" says dev1 'the disk is full'
[ "$(token_of)" = "$first" ] || lab_fail "the token was exchanged though the new one has no place"
make_room "$LAB_DIR/dev1"
lab_wait 60 "with room on the disk again dev1 does not come online" hub_connected dev1
device_down dev1

# ---- the hub on a full disk ----
hub_kill TERM
fill_disk "$LAB_DIR/hub"
hub_start
lab_in hub curl -gksf --noproxy '*' https://203.0.113.10:8443/status | jq -e '.devices == 1' >/dev/null || lab_fail "the hub on a full disk has forgotten its device"
must_end 1 '(disk is full|make room)' lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub"
must_end 1 'the disk is full' lab_in hub "$BAMGATE" hub backup "$LAB_DIR/hub/backup.tar" --data "$LAB_DIR/hub"
[ ! -e "$LAB_DIR/hub/backup.tar" ] || lab_fail "half a backup is left"
device_up dev1
make_room "$LAB_DIR/hub"
lab_wait 60 "with room again the hub does not serve" hub_connected dev1
must_end 0 '^bamgate://' lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub"
device_down dev1
hub_kill TERM

# ---- read-only ----
mount -o remount,ro "$LAB_DIR/dev1"
must_end 1 'mounted read-only: mount it for writing' lab_in dev1 "$BAMGATE" up --config "$LAB_DIR/dev1"
must_end 1 'mounted read-only: mount it for writing' lab_in dev1 "$BAMGATE" setup --join "$join" --name dev1 --config "$LAB_DIR/dev1"
mount -o remount,ro "$LAB_DIR/hub"
must_end 1 'mounted read-only: mount it for writing' lab_in hub "$BAMGATE" hub --listen 203.0.113.10:8443 --data "$LAB_DIR/hub"
grep -q 'another hub' "$LAB_DIR/said" && lab_fail "a read-only disk is taken for another hub: $(cat "$LAB_DIR/said")"
must_end 1 '.' lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub"
echo "token on a read-only disk: $(cat "$LAB_DIR/said")"
