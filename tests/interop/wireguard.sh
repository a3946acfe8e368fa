#!/usr/bin/env bash
# `bamgate lab wg` against wireguard-go over a cable without and with 2 % loss: both sides begin, with a preshared key; 10,000
# messages of each size both ways; rekeys under traffic; cookies asked for by either side; both move; and what `wg show`
# says there agrees with what we count. WIREGUARD_GO names a second binary to test against (get_wireguard_go builds one).
# Our clock runs 20 times as fast as the peer's, so that ours rekeys after 6 s: the machine gets its time as an argument.
# shellcheck source-path=SCRIPTDIR source=lab_tools.sh
source "$(dirname "$0")/lab_tools.sh"

lapse=20
interface=wg$((BASHPID % 1000000))
inner_us=10.9.0.1 inner_them=10.9.0.2
loss=0
tool=

we_began() { steps us 'map(select(.text | test("completed, we began"))) | length'; }
they_began() { has_step us '.text | test("completed, the peer began")'; }
we_began_more_than() { [ "$(we_began)" -gt "$1" ]; }
ran_pings() { has_step us '.step == "result" and (.text | startswith("pings:"))' "$1"; }
result() { steps us "map(select(has(\"$1\"))) | last | .$1"; }
shows() { lab_in them wg show "$interface" "$1" | cut -f2-; }

they_know_us() {
  lab_in them wg set "$interface" peer "$(<"$LAB_DIR/us.pub")" preshared-key "$LAB_DIR/psk" allowed-ips "$inner_us/32" \
    endpoint "$1"
}
is_up() { lab_in them wg show "$interface" >/dev/null 2>&1; }

start_them() {
  lab_spawn them wireguard-go env WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD=1 LOG_LEVEL=verbose "$1" -f "$interface"
  lab_wait 20 "$1 does not start" is_up
  lab_in them wg set "$interface" private-key "$LAB_DIR/them.key" listen-port 51820
  they_know_us 203.0.113.1:51820
  ip -n "$LAB_PREFIX-them" address add "$inner_them/24" dev "$interface"
  ip -n "$LAB_PREFIX-them" link set "$interface" up mtu 1420
}

start_us() {
  lab_tool us wg --private-key-file "$LAB_DIR/us.key" --preshared-key-file "$LAB_DIR/psk" --peer "$(<"$LAB_DIR/them.pub")" \
    --listen 203.0.113.1:51820 --address "$inner_us/24" --ping "$inner_them" --count 0 --stay --time-lapse $lapse
  tool=$LAB_PID
  lab_wait 10 "lab wg does not start" ran_pings 1
}

# they_ping COUNT SIZE [OPTION...]: from the kernel behind wireguard-go; with loss most must be answered, else all.
they_ping() {
  local least=$1
  [ "$loss" = 0 ] || least=$(($1 * 85 / 100))
  lab_in them timeout -s INT 120 ping -q -n -W 1 -c "$1" -s "$2" "${@:3}" "$inner_us" >"$LAB_DIR/ping.log" || true
  local answered
  answered=$(sed -n 's/.* \([0-9]*\) received.*/\1/p' "$LAB_DIR/ping.log")
  [ "${answered:-0}" -ge "$least" ] || lab_fail "they get $answered answers to $1 pings of $2 bytes"
  if grep -q 'wrong data' "$LAB_DIR/ping.log"; then lab_fail "their pings came back damaged"; fi
}
they_reach_us() { lab_in them ping -q -n -c 1 -W 1 "$inner_us" >/dev/null; }

# we_ping COUNT: each intact, none twice; with loss most of them.
we_ping() {
  local before least=$1
  [ "$loss" = 0 ] || least=$(($1 * 85 / 100))
  before=$(steps us 'map(select(.text | startswith("pings:"))) | length')
  tell us "ping $1"
  lab_wait 90 "our $1 pings do not end" ran_pings $((before + 1))
  [ "$(result pings_answered)" -ge "$least" ] || lab_fail "we get $(result pings_answered) answers to $1 pings"
  [ "$(result pings_damaged)" = 0 ] || lab_fail "$(result pings_damaged) of our pings came back damaged"
  [ "$loss" != 0 ] || [ "$(result pings_unexpected)" = 0 ] || lab_fail "answers came twice, or later than in 1 s"
}

both_begin() {
  lab_wait 30 "they cannot begin a handshake" they_reach_us
  lab_wait 5 "no handshake of theirs is seen" they_began
  tell us initiate
  lab_wait 30 "we cannot begin a handshake" we_began_more_than 0
}

messages_both_ways() {
  local size
  we_ping 10000
  # One after the other, so that none is lost for want of a buffer after the machine stood still. Where some are lost on
  # purpose, ping -f would wait for the last of them for ever.
  local pace=(-f)
  [ "$loss" = 0 ] || pace=(-i 0.001)
  for size in 1 200 600 1000 1284; do they_ping 2000 "$size" "${pace[@]}"; done
}

rekey_under_traffic() {
  local before rounds=0
  tell us initiate # the side that began a session renews it
  before=$(we_began)
  until we_began_more_than $((before + 2)); do
    we_ping 2000
    rounds=$((rounds + 1))
    [ $rounds -lt 1000 ] || lab_fail "no rekey while $((rounds * 2000)) pings were sent"
  done
  echo "  rekeyed twice while $((rounds * 2000)) pings went through"
}

# The counters of both sides, in bytes of WireGuard messages; without loss each arrived.
counters_agree() {
  local received sent age
  tell us status
  lab_wait 10 "no status" has_step us 'has("tx_bytes")'
  read -r received sent <<<"$(shows transfer)"
  age=$(($(date +%s) - $(shows latest-handshakes)))
  [ $age -le 30 ] || lab_fail "they say that the latest handshake is $age s old"
  awk -v ours="$(result tx_bytes)" -v theirs="$received" -v back="$(result rx_bytes)" -v sent="$sent" -v loss="$loss" '
    function near(a, b) { return a > 0 && b > 0 && a / b > 0.99 - loss / 50 && a / b < 1.01 + loss / 50 }
    END { exit !(near(theirs, ours) && near(back, sent)) }' </dev/null ||
    lab_fail "they count $received in and $sent out; we $(result tx_bytes) out and $(result rx_bytes) in"
  echo "  wg show: $received bytes in, $sent out; ours: $(result tx_bytes) out, $(result rx_bytes) in"
}

moved_to() { [ "$(shows endpoints)" = "$1" ]; }
we_move() {
  local to=$1
  tell us "roam $to"
  we_ping 100
  lab_wait 10 "they do not follow us to $to: $(shows endpoints)" moved_to "$to"
}
roaming() {
  we_move 203.0.113.1:51821
  we_move 203.0.113.3:51822
  lab_in them wg set "$interface" listen-port 51900
  lab_wait 20 "they are not heard after they moved" they_reach_us
  lab_wait 10 "we do not follow them" has_step us '.endpoint == "203.0.113.2:51900" and .step == "event"'
  we_ping 100
}

# Whoever has forgotten the session has to begin; under load they need a cookie, and come again with it after 5 s.
we_ask_for_cookies() {
  tell us "load on"
  lab_in them wg set "$interface" peer "$(<"$LAB_DIR/us.pub")" remove
  they_know_us 203.0.113.3:51822
  lab_wait 60 "they do not come through while we are under load" they_reach_us
  has_step us '.step == "sent" and (.text | test("cookie reply"))' || lab_fail "we sent no cookie"
  has_step us '.step == "received" and (.text | test("initiation.*with a cookie"))' || lab_fail "they came without a cookie"
  tell us "load off"
}

got_cookie() { has_step us '.step == "received" and (.text | test("cookie reply"))'; }
burst_until_cookie() {
  tell us "burst 1000"
  for _ in {1..20}; do
    ! got_cookie || return 0
    sleep 0.05
  done
  return 1
}
they_ask_for_cookies() {
  local before
  lab_wait 30 "they ask for no cookie" burst_until_cookie
  before=$(we_began)
  tell us initiate
  lab_wait 20 "no handshake with their cookie" we_began_more_than "$before"
  has_step us '.step == "sent" and (.text | test("initiation.*with a cookie"))' || lab_fail "we came without their cookie"
  we_ping 100
}

against() {
  loss=$2
  interop_begin wireguard
  need_tool wg
  need_tool "$1"
  two_hosts
  lab_address us outside 203.0.113.3/24 2001:db8::3/64
  [ "$loss" = 0 ] || with_loss "$loss"
  umask 077
  local side
  for side in us them; do
    "$BAMGATE" genkey >"$LAB_DIR/$side.key"
    "$BAMGATE" pubkey <"$LAB_DIR/$side.key" >"$LAB_DIR/$side.pub"
  done
  wg genpsk >"$LAB_DIR/psk"
  start_us
  start_them "$1"
  both_begin
  messages_both_ways
  rekey_under_traffic
  counters_agree
  roaming
  we_ask_for_cookies
  they_ask_for_cookies
  tell us quit
  wait "$tool" || lab_fail "lab wg ended with code $?"
}

for binary in wireguard-go ${WIREGUARD_GO:+"$WIREGUARD_GO"}; do
  for percent in 0 2; do
    begin=$SECONDS
    (against "$binary" $percent)
    echo "$("$binary" --version 2>/dev/null | head -n 1) with $percent % loss: $((SECONDS - begin)) s"
  done
done
