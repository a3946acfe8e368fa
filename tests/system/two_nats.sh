#!/usr/bin/env bash
# Two devices behind two NATs: a direct path of the right candidates, pings and files both ways with IPv4 and IPv6, and
# status --json as docs say.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

bamgate_begin two-nats
two_sites
hub_start
devices_connect dev1 dev2
check_path dev1 dev2 "$(local_behind_nat 1 2)" "$(remote_behind_nat 2)"
check_path dev2 dev1 "$(local_behind_nat 2 2)" "$(remote_behind_nat 1)"
check_ping_both_ways dev1 dev2

mkdir "$LAB_DIR/files"
head -c 8M /dev/urandom >"$LAB_DIR/files/data"
for family in 4 6; do
  transfer dev1 dev2 $family "$LAB_DIR/files/data"
  echo "dev1 to dev2 over IPv$family: $TRANSFER_RATE MB/s"
  transfer dev2 dev1 $family "$LAB_DIR/files/data"
  echo "dev2 to dev1 over IPv$family: $TRANSFER_RATE MB/s"
done

for device in dev1 dev2; do
  device_status "$device" >"$LAB_DIR/status.json" || lab_fail "status --json of $device failed"
  jq -e -f "$LAB_SOURCE/status_schema.jq" "$LAB_DIR/status.json" >/dev/null ||
    lab_fail "status --json of $device has not the documented form: $(cat "$LAB_DIR/status.json")"
  lab_in "$device" "$BAMGATE" status --config "$LAB_DIR/$device" >"$LAB_DIR/status.txt" || lab_fail "status of $device failed"
done
grep -q dev1 "$LAB_DIR/status.txt" || lab_fail "the text of status does not name the peer"
[ "$(device_status dev1 .device.public_key)" = "$(device_status dev2 '.peers[0].public_key')" ] ||
  lab_fail "dev2 knows dev1 by another key than dev1 has"
