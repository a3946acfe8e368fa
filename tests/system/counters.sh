#!/usr/bin/env bash
# What real devices count: traffic, and losses on sockets, on the interface and on the way, each with its reason; and what
# `bamgate status -v` makes of it for a person.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

counter() { device_status "$1" ".counters.$2 // \"not there\""; }

# grows NAME COUNTER BEFORE: it is more than it was
grows() { [ "$(counter "$1" "$2")" -gt "$3" ]; }

# expect_zero NAME COUNTER...
expect_zero() {
  local device=$1 name
  shift
  for name in "$@"; do [ "$(counter "$device" "$name")" = 0 ] || lab_fail "$device: $name is $(counter "$device" "$name"), not 0"; done
}

# says NAME WORDS: `status -v` has a line with a number and these words
says() {
  lab_in "$1" "$BAMGATE" status -v --config "$LAB_DIR/$1" >"$LAB_DIR/status.txt" || lab_fail "status -v of $1 failed"
  grep -Eq "^ +[1-9][0-9]*  $2" "$LAB_DIR/status.txt" || lab_fail "status -v of $1 does not say '$2': $(cat "$LAB_DIR/status.txt")"
}

# keeps_silent NAME WORDS
keeps_silent() {
  lab_in "$1" "$BAMGATE" status -v --config "$LAB_DIR/$1" >"$LAB_DIR/status.txt" || lab_fail "status -v of $1 failed"
  ! grep -q "$2" "$LAB_DIR/status.txt" || lab_fail "status -v of $1 says '$2': $(cat "$LAB_DIR/status.txt")"
}

# It is expected to be lost.
lose_pings() { lab_in "$1" ping -q -n -c 3 -i 0.1 -W 1 "$2" >"$LAB_DIR/ping.log" 2>&1 || true; }

bamgate_begin counters
one_site
hub_start
devices_connect dev1 dev2
dev1=$(device_address dev1 4)
dev2=$(device_address dev2 4)
check_ping_both_ways dev1 dev2
echo "$(device_status dev1 '.counters | length') counters"

# On a path that loses nothing nothing is lost, and each layer has counted its traffic.
expect_zero dev1 tun_write_failures tun_read_oversized packets_not_written udp_send_errors udp_send_blocked datagrams_not_sent datagrams_socket_gone wg_bad_tag sctp_packets_bad_checksum
for name in udp_received udp_sent packets_from_tun packets_to_tun wg_handshakes sctp_packets_in sctp_packets_out ice_checks_succeeded hub_joins hub_texts_received; do
  grows dev1 $name 0 || lab_fail "dev1: $name is $(counter dev1 $name)"
done
says dev1 'datagrams received$'
says dev1 'packets sealed for peers$'
says dev1 'handshakes completed$'
keeps_silent dev1 'the system did not take'
[ "$(sed -n 1p "$LAB_DIR/status.txt")" = "$(lab_in dev1 "$BAMGATE" status --config "$LAB_DIR/dev1" | sed -n 1p)" ] ||
  [ "$(wc -l <"$LAB_DIR/status.txt")" -gt 20 ] || lab_fail "status -v does not begin as status does"
echo "traffic is counted, and nothing is lost without a reason"

# A destination that nobody has.
before=$(counter dev1 packets_no_peer)
lose_pings dev1 "${dev1%.*}.250"
grows dev1 packets_no_peer "$before" || lab_fail "packets to nobody are not counted"
says dev1 'packets from the interface to a destination that nobody has: dropped$'

# The system refuses what the sockets send.
lab_in dev1 nft -f - <<'RULES'
table inet counters_test {
  chain out { type filter hook output priority 0; policy accept; ip daddr 192.168.1.3 meta l4proto udp drop; }
}
RULES
lose_pings dev1 "$dev2"
lab_in dev1 nft delete table inet counters_test
grows dev1 udp_send_errors 0 || lab_fail "datagrams that the system refused are not counted"
grows dev1 datagrams_not_sent 0 || lab_fail "datagrams that were not sent are not counted"
says dev1 'datagrams that the system refused'
check_ping dev1 "$dev2"

# The interface takes nothing.
lab_in dev1 ip link set bamgate0 down
lose_pings dev2 "$dev1"
lab_in dev1 ip link set bamgate0 up
grows dev1 tun_write_failures 0 || lab_fail "packets that the interface did not take are not counted"
grows dev1 packets_not_written 0 || lab_fail "packets that were not written are not counted"
says dev1 'packets of peers that the interface did not take: dropped$'
echo "losses are counted by reason, and status -v says them in words"

# What a connection has counted outlives it.
lab_in dev2 "$BAMGATE" status --json --config "$LAB_DIR/dev2" >"$LAB_DIR/before.json"
device_down dev1
device_up dev1
wait_connected dev1 dev2
lab_in dev2 "$BAMGATE" status --json --config "$LAB_DIR/dev2" >"$LAB_DIR/after.json"
less=$(jq -rs '.[0].counters as $before | .[1].counters as $after | $before | keys[] | select($after[.] < $before[.])' "$LAB_DIR/before.json" "$LAB_DIR/after.json")
[ -z "$less" ] || lab_fail "a new connection made these counters smaller: $less"
[ "$(jq .counters.wg_handshakes "$LAB_DIR/after.json")" -gt "$(jq .counters.wg_handshakes "$LAB_DIR/before.json")" ] || lab_fail "there was no new handshake"
echo "counters of a connection that ended are kept"
