#!/usr/bin/env bash
# How long after a revocation the packets of the revoked device still arrive at its peers, while it pings both as hard as
# it may and hears nothing from the hub: the peers alone shut it out. When it hears the hub again, it ends by itself. The
# peers go on talking with each other. Prints the seconds for each peer.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

# seen PEER: how many pings of the thief have come out of PEER's tunnel, and when the last one did
seen() { grep -c 'ICMP echo request' "$LAB_DIR/seen-$1.log"; }
last_seen() { awk '/ICMP echo request/ { last = $1 } END { print last }' "$LAB_DIR/seen-$1.log"; }
sees_some() { [ "$(seen "$1")" -gt 20 ]; }
sees_no_more() {
  local before
  before=$(seen "$1")
  sleep 1
  [ "$(seen "$1")" = "$before" ]
}

make_deaf() {
  lab_in "$1" nft -f - <<'RULES' || lab_fail "nft refuses the rules"
table inet deaf {
  chain in { type filter hook input priority 0; tcp sport 8443 drop; }
  chain out { type filter hook output priority 0; tcp dport 8443 drop; }
}
RULES
}

bamgate_begin revoke_time
one_site
lab_device thief 1 4
hub_start
devices_connect dev1 dev2 thief

stolen=$(device_address thief 4)
for peer in dev1 dev2; do
  lab_spawn "$peer" "seen-$peer" tcpdump -l -n -tt -i bamgate0 "icmp and src $stolen"
  lab_wait 10 "tcpdump does not start on $peer" grep -q 'listening on' "$LAB_DIR/seen-$peer.log"
  lab_spawn thief "pings-$peer" ping -n -q -i 0.01 "$(device_address "$peer" 4)"
done
for peer in dev1 dev2; do lab_wait 10 "no ping of the thief arrives at $peer" sees_some "$peer"; done

make_deaf thief
begin=$EPOCHREALTIME
lab_in dev1 "$BAMGATE" devices revoke thief --yes --config "$LAB_DIR/dev1" 2>/dev/null || lab_fail "revoke failed"
for peer in dev1 dev2; do
  lab_wait 60 "packets of the revoked device still arrive at $peer" sees_no_more "$peer"
  awk "BEGIN { late = $(last_seen "$peer") - $begin; printf \"last packet at $peer %.2f s after the order\n\", late < 0 ? 0 : late }"
done
process_ended "${DEVICE_PID[thief]}" && lab_fail "the thief has ended: it was not deaf"
lab_in thief nft delete table inet deaf
await_process "${DEVICE_PID[thief]}" "bamgate up of the revoked thief"
[ "$ENDED_WITH" = 4 ] || lab_fail "bamgate up of the revoked thief ended with $ENDED_WITH, not 4"
check_ping_both_ways dev1 dev2
