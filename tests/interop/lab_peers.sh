#!/usr/bin/env bash
# `bamgate lab ice` and `lab datachannel`, two of each behind two NATs, with nothing between them but two lines in files: they
# find the direct path by the NATs' mapped addresses, show nomination and consent, and carry lines both ways with 2 % loss,
# also across ICE restarts that either asks for.
# shellcheck source-path=SCRIPTDIR source=lab_tools.sh
source "$(dirname "$0")/lab_tools.sh"
# shellcheck source-path=SCRIPTDIR source=../system/bamgate.sh
source "$INTEROP/../system/bamgate.sh"

declare -A TOOL=()
# peer DEVICE TOOL ROLE: its steps go to DEVICE.steps, what the peer says to DEVICE.out, its input is DEVICE.in
peer() {
  rm -f "$LAB_DIR/$1.in"
  mkfifo "$LAB_DIR/$1.in"
  ip netns exec "$LAB_PREFIX-$1" env --default-signal=INT "$BAMGATE" lab "$2" "$3" --json --stun 203.0.113.10 \
    --offer-file "$LAB_DIR/offer" --answer-file "$LAB_DIR/answer" 0<>"$LAB_DIR/$1.in" >"$LAB_DIR/$1.out" 2>"$LAB_DIR/$1.steps" &
  TOOL[$1]=$!
}
shows() { [ "$(grep '^{' "$LAB_DIR/$1.steps" | jq -s "map(select($2)) | length")" -ge 1 ]; }
# the ufrag of the ICE session that carries data
ufrag_of() { grep '^{' "$LAB_DIR/$1.steps" | jq -rs 'map(select(has("ufrag"))) | last | .ufrag'; }
end_tool() {
  kill -INT "${TOOL[$1]}" 2>/dev/null || true
  wait "${TOOL[$1]}" || lab_fail "the tool of $1 ended with code $?: $(tail -n 1 "$LAB_DIR/$1.steps")"
}
both() {
  rm -f "$LAB_DIR/offer" "$LAB_DIR/answer"
  peer dev1 "$1" offer
  peer dev2 "$1" answer
}

interop_begin lab-peers
two_sites
# shellcheck disable=SC2119
hub_start
wan_path nat1 --loss 2

both ice
for device in dev1 dev2; do
  lab_wait 30 "$device finds no path" shows "$device" '.state == "connected"'
  shows "$device" '.remote // "" | test("203.0.113")' || lab_fail "$device did not nominate the NAT's mapped address"
  lab_wait 20 "$device asks for no consent" shows "$device" '.section == "RFC 7675 §5.1"'
done
for device in dev1 dev2; do end_tool "$device"; done
echo "ice: $(grep '^{' "$LAB_DIR/dev1.steps" | jq -rs 'map(select(has("local"))) | last | .text')"

both datachannel
for device in dev1 dev2; do lab_wait 30 "$device opens no channel" shows "$device" '.label == "bamgate"'; done
python3 "$INTEROP/lockstep.py" 300 "$LAB_DIR/dev1.in" "$LAB_DIR/dev2.out" "$LAB_DIR/dev2.in" "$LAB_DIR/dev1.out" ||
  lab_fail "not all lines come through the data channel"
for device in dev1 dev2; do
  for other in dev1 dev2; do ufrag_of "$other" >"$LAB_DIR/$other.ufrag"; done
  echo /restart >"$LAB_DIR/$device.in"
  for other in dev1 dev2; do
    has_restarted() { [ "$(ufrag_of "$other")" != "$(cat "$LAB_DIR/$other.ufrag")" ]; }
    lab_wait 30 "$other has no path of a restarted session that $device asked for" has_restarted
  done
  python3 "$INTEROP/lockstep.py" 100 "$LAB_DIR/dev1.in" "$LAB_DIR/dev2.out" "$LAB_DIR/dev2.in" "$LAB_DIR/dev1.out" ||
    lab_fail "not all lines come through the data channel after the restart that $device asked for"
done
seq -f 'line %g of many, more of them than wait in a queue' 5000 >"$LAB_DIR/many"
cat "$LAB_DIR/many" >"$LAB_DIR/dev1.in"
all_lines_came() { cmp -s "$LAB_DIR/many" <(grep '^line ' "$LAB_DIR/dev2.out"); }
lab_wait 60 "not all of 5,000 lines that came at once passed the channel" all_lines_came
end_tool dev1
lab_wait 5 "dev2 does not hear of the end" shows dev2 '.step == "result" and (.text | test("closed"))'
wait "${TOOL[dev2]}" || lab_fail "lab datachannel of dev2 ended with code $?"
echo "datachannel: 500 lines each way with 2 % loss, and two ICE restarts"
