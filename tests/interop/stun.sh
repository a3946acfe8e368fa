#!/usr/bin/env bash
# STUN both ways with coturn: `bamgate lab stun` behind a NAT finds the mapping that the NAT made and says whether it depends
# on the destination, from a server with two addresses (RFC 5780) and from two servers; with 2 % loss every question is
# answered all the same. Then coturn's client asks the hub.
# shellcheck source-path=SCRIPTDIR source=lab_tools.sh
source "$(dirname "$0")/lab_tools.sh"

# What `lab stun` found: a field of its last result that has it.
found() { jq -rs "map(select(has(\"$2\"))) | last | .$2" "$LAB_DIR/$1.steps"; }
ask() {
  local name=$1
  shift
  lab_in dev1 "$BAMGATE" lab stun --json "$@" >"$LAB_DIR/$name.steps" || lab_fail "lab stun $*: $(tail -n 1 "$LAB_DIR/$name.steps")"
}
expect() { [ "$2" = "$3" ] || lab_fail "$1 is '$2', not '$3'"; }

interop_begin stun
need_tool turnserver
need_tool turnutils_stunclient
lab_middle
lab_host server 10
lab_address server outside 203.0.113.11/24 2001:db8::11/64
lab_host hub 20
lab_nat 1
lab_device dev1 1 2

lab_spawn server coturn turnserver -n --stun-only --no-cli --no-tls --no-dtls --log-file stdout --pidfile "$LAB_DIR/turn.pid" \
  --userdb "$LAB_DIR/turndb" -L 203.0.113.10 -L 203.0.113.11 -p 3478
answers() { lab_in server timeout 1 turnutils_stunclient -p 3478 203.0.113.10 >/dev/null 2>&1; }
lab_wait 20 "coturn does not answer" answers

ask one 203.0.113.10
mapped=$(found one mapped)
[[ $mapped == 203.0.113.1:* ]] || lab_fail "the mapped address is $mapped, not the NAT's"
expect "the local address" "$(found one local | cut -d: -f1)" 192.168.1.2
expect "endpoint-independent mapping of a NAT that keeps ports" "$(found one endpoint_independent)" true
expect "the number of servers asked" "$(jq -s 'map(select(has("mapped"))) | length' "$LAB_DIR/one.steps")" 2

# The same with two servers, and with a NAT that draws a new port for each destination.
ask two 203.0.113.10 203.0.113.11
expect "endpoint-independent mapping seen by two servers" "$(found two endpoint_independent)" true
lab_in nat1 nft flush chain ip nat postrouting
lab_in nat1 nft add rule ip nat postrouting oifname outside masquerade fully-random
ask symmetric 203.0.113.10 203.0.113.11
expect "endpoint-independent mapping of a symmetric NAT" "$(found symmetric endpoint_independent)" false

questions=150
wan_path nat1 --loss 2
mapfile -t servers < <(for _ in $(seq $questions); do echo 203.0.113.10; done)
ask lossy "${servers[@]}"
expect "the answers with 2 % loss" "$(jq -s 'map(select(has("mapped"))) | length' "$LAB_DIR/lossy.steps")" $questions
repeated=$(jq -s 'map(select(.step == "sent")) | length' "$LAB_DIR/lossy.steps")
echo "$questions questions, $((repeated - questions)) retransmissions with 2 % loss"

lab_spawn hub hub "$BAMGATE" hub --listen 203.0.113.20:8443 --data "$LAB_DIR/hub" --public-url https://203.0.113.20:8443
ask_hub() { lab_in dev1 timeout 1 turnutils_stunclient -p 3478 203.0.113.20 >"$LAB_DIR/turnutils.log" 2>&1; }
lab_wait 20 "the hub does not answer coturn's client" ask_hub
grep -q 'UDP reflexive addr: 203\.0\.113\.1:' "$LAB_DIR/turnutils.log" ||
  lab_fail "coturn's client understands the hub's answer as: $(tail -n 2 "$LAB_DIR/turnutils.log")"
echo "coturn's client about the hub: $(grep -o 'UDP reflexive addr.*' "$LAB_DIR/turnutils.log" | head -n 1)"
