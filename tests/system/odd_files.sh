#!/usr/bin/env bash
# Files as they are on odd disks: a file system without renameat2 flags or hard links, secrets that are a mount of their own, an
# owner that cannot be changed, a /dev/net/tun that is no device; and as people leave them: a byte order mark, ends of lines
# of another system, an empty secrets.toml.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

refusing() { local where=$1; shift; lab_in "$where" "$LAB_SOURCE/refuse_call.py" "$@"; }
dev1() { lab_in dev1 "$BAMGATE" "$@" --config "$LAB_DIR/dev1"; }
token_of() { sed -n 's/^refresh_token = //p' "$LAB_DIR/$1/secrets.toml"; }

bamgate_begin odd-files
one_site

# ---- no flags of renameat2, as of NFS and FUSE; no right to change an owner, as of NFS with root_squash ----
lab_spawn hub hub "$LAB_SOURCE/refuse_call.py" fchown EPERM "$LAB_SOURCE/refuse_call.py" renameat2 EINVAL \
  "$BAMGATE" hub --listen "$(hub_endpoint)" --data "$LAB_DIR/hub" --public-url "https://$(hub_endpoint)"
HUB_PID=$LAB_PID
lab_wait 10 "the hub does not start" hub_answers
refusing hub renameat2 EINVAL "$BAMGATE" hub backup "$LAB_DIR/backup.tar" --data "$LAB_DIR/hub" 2>"$LAB_DIR/said" ||
  lab_fail "no backup without renameat2: $(cat "$LAB_DIR/said")"
cp "$LAB_DIR/backup.tar" "$LAB_DIR/before"
must_end 1 'File exists' refusing hub renameat2 EINVAL "$BAMGATE" hub backup "$LAB_DIR/backup.tar" --data "$LAB_DIR/hub"
cmp "$LAB_DIR/before" "$LAB_DIR/backup.tar" || lab_fail "a backup was replaced"
must_end 1 'another hub uses .* is locked: process [0-9]+' lab_in hub "$BAMGATE" hub --listen 203.0.113.10:9443 --data "$LAB_DIR/hub"
[ -z "$(find "$LAB_DIR/hub" -name '*unfinished*')" ] || lab_fail "something unfinished is left: $(find "$LAB_DIR/hub")"

join=$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub")
refusing dev1 renameat2 EINVAL "$LAB_SOURCE/refuse_call.py" fchown EPERM "$BAMGATE" setup --join "$join" --name dev1 --config "$LAB_DIR/dev1" 2>"$LAB_DIR/said" ||
  lab_fail "setup without renameat2 and chown failed: $(cat "$LAB_DIR/said")"
device_setup dev2
device_up dev2

# Folders whose owner this user namespace does not know: root in it can write, and change no owner.
useradd_free=64123
mkdir "$LAB_DIR/unmapped"
cp "$LAB_DIR/dev1/"* "$LAB_DIR/unmapped/"
chown "$useradd_free" "$LAB_DIR/unmapped"
chmod 777 "$LAB_DIR/unmapped"
must_end 0 'this device is' lab_in dev1 unshare --user --map-root-user "$BAMGATE" setup --name dev1 --config "$LAB_DIR/unmapped" \
  --join "$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub")"
mkdir "$LAB_DIR/hub2"
chown "$useradd_free" "$LAB_DIR/hub2"
chmod 777 "$LAB_DIR/hub2"
lab_spawn hub hub2 unshare --user --map-root-user "$BAMGATE" hub --listen 203.0.113.10:9443 --data "$LAB_DIR/hub2" --stun off
lab_wait 10 "a hub whose folder's owner cannot be changed to does not start: $(cat "$LAB_DIR/hub2.log")" listens hub 9443
end_process TERM "$LAB_PID" "the second hub"
# The unmapped device has the newer tokens.
cp "$LAB_DIR/unmapped/secrets.toml" "$LAB_DIR/unmapped/config.toml" "$LAB_DIR/dev1/"

# ---- pipes where files belong: nobody waits for them ----
mkdir "$LAB_DIR/pipes"
mkfifo "$LAB_DIR/pipes/config.toml" "$LAB_DIR/pipes/tls.pem"
cp "$LAB_DIR/dev1/secrets.toml" "$LAB_DIR/pipes/"
must_end 1 'config.toml: it is no file' lab_in dev1 timeout 10 "$BAMGATE" up --config "$LAB_DIR/pipes"
must_end 1 'tls.pem: it is no file' lab_in hub timeout 10 "$BAMGATE" hub --listen 203.0.113.10:9443 --data "$LAB_DIR/pipes/hub" \
  --tls-cert "$LAB_DIR/pipes/tls.pem" --tls-key "$LAB_DIR/pipes/tls.pem"

# ---- secrets.toml as a mount of its own, beside a folder that cannot be written ----
cp "$LAB_DIR/dev1/secrets.toml" "$LAB_DIR/mounted"
chmod 600 "$LAB_DIR/mounted"
before=$(token_of dev1)
lab_spawn dev1 dev1 unshare --mount sh -c "mount --bind '$LAB_DIR/mounted' '$LAB_DIR/dev1/secrets.toml' && exec '$BAMGATE' up --config '$LAB_DIR/dev1'"
DEVICE_PID[dev1]=$LAB_PID
wait_connected dev1 dev2
[ "$(token_of dev1)" = "$before" ] || lab_fail "the file under the mount was written"
after=$(sed -n 's/^refresh_token = //p' "$LAB_DIR/mounted")
[ -n "$after" ] || lab_fail "the mounted secrets are damaged: $(wc -c <"$LAB_DIR/mounted") bytes"
[ "$after" != "$before" ] || lab_fail "the mounted secrets were not written"
device_down dev1
cp "$LAB_DIR/mounted" "$LAB_DIR/dev1/secrets.toml"

# ---- /dev/net/tun ----
without_tun() { lab_in dev1 unshare --mount sh -c "mount -t tmpfs tmpfs /dev/net && $1 && exec '$BAMGATE' up --config '$LAB_DIR/dev1'"; }
must_end 1 'modprobe tun' without_tun true
must_end 1 'not the kernel.s device: .*mknod /dev/net/tun c 10 200' without_tun 'touch /dev/net/tun'
must_end 1 'not the kernel.s device: .*mknod /dev/net/tun c 10 200' without_tun 'mkdir /dev/net/tun'
must_end 1 'not the kernel.s device: .*mknod /dev/net/tun c 10 200' without_tun 'mknod /dev/net/tun c 1 3'

# ---- what editors do ----
printf '\xef\xbb\xbf' | cat - "$LAB_DIR/dev1/config.toml" | sed 's/$/\r/' >"$LAB_DIR/marked"
cp "$LAB_DIR/dev1/config.toml" "$LAB_DIR/good"
cp "$LAB_DIR/marked" "$LAB_DIR/dev1/config.toml"
device_up dev1
wait_connected dev1 dev2
device_down dev1
iconv -t UTF-16 "$LAB_DIR/good" >"$LAB_DIR/dev1/config.toml"
must_end 1 'config.toml: .*UTF-16; save it as UTF-8' dev1 up
cp "$LAB_DIR/good" "$LAB_DIR/dev1/config.toml"
key=$("$BAMGATE" genkey)
[ "$(printf '\xef\xbb\xbf%s\r\n' "$key" | "$BAMGATE" pubkey)" = "$(echo "$key" | "$BAMGATE" pubkey)" ] || lab_fail "a key with a byte order mark and CRLF is not read"

# ---- an empty secrets.toml ----
mv "$LAB_DIR/dev1/secrets.toml" "$LAB_DIR/kept"
for content in '' '\n \n'; do
  # shellcheck disable=SC2059
  printf "$content" >"$LAB_DIR/dev1/secrets.toml"
  chmod 600 "$LAB_DIR/dev1/secrets.toml"
  must_end 1 "secrets.toml is empty: .*backup, or run 'bamgate setup'" dev1 up
done
rm "$LAB_DIR/dev1/secrets.toml"
must_end 1 "secrets.toml is missing: " dev1 up
: >"$LAB_DIR/dev1/secrets.toml"
must_end 0 "this device is 'dev3'" dev1 setup --name dev3 --join "$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub")"
device_up dev1
lab_wait 30 "a device with a new key does not come online" hub_connected dev1
device_down dev1
