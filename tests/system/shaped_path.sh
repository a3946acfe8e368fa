#!/usr/bin/env bash
# Two devices with a wide-area path between them: 50 ms each way, 1 % loss, 100 Mbit/s, an MTU of 1,420 bytes. They connect
# directly, files arrive intact, and the shaper's counters prove that all of it went that way. Then the path's MTU falls
# below a full data channel packet: large packets are lost in silence, small ones go on.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"
# shellcheck source-path=SCRIPTDIR source=wan.sh
source "$(dirname "$0")/wan.sh"

# expect_counter FILTER: a condition on the shaper's counters that must be true
expect_counter() {
  local counters
  counters=$(wan_counters nat1)
  [ "$(jq "$1" <<<"$counters")" = true ] || lab_fail "the shaper's counters are not '$1': $counters"
}

# round_trips NAME ADDRESS COUNT: the shortest round trip must be twice the delay; prints the median. There is no upper bound:
# a busy machine adds what it likes.
round_trips() {
  lab_in "$1" ping -n -c "$3" -i 0.05 -W 5 "$2" >"$LAB_DIR/ping.log" || lab_fail "$1 gets no answer from $2"
  sed -n 's/.*time=\([0-9.]*\) ms/\1/p' "$LAB_DIR/ping.log" | sort -n >"$LAB_DIR/times"
  awk -v least=$((2 * delay)) 'NR == 1 && $1 < least { exit 1 }' "$LAB_DIR/times" ||
    lab_fail "$1 has an answer from $2 after $(head -n 1 "$LAB_DIR/times") ms, sooner than the path allows"
  awk '{ time[NR] = $1 } END { print time[int((NR + 1) / 2)] }' "$LAB_DIR/times"
}

bamgate_begin shaped-path
two_sites
delay=50
wan_path nat1 --delay $delay --loss 1 --rate 100 --mtu 1420
echo "round trip outside: median $(round_trips nat1 203.0.113.10 20) ms"
expect_counter '.a_to_b.packets >= 20 and .a_to_b.packets < 40'

hub_start
devices_connect dev1 dev2
check_path dev1 dev2 "$(local_behind_nat 1 2)" "$(remote_behind_nat 2)"
check_path dev2 dev1 "$(local_behind_nat 2 2)" "$(remote_behind_nat 1)"
peer=$(device_address dev2 4)
echo "round trip inside: median $(round_trips dev1 "$peer" 40) ms"

mkdir "$LAB_DIR/files"
head -c 2M /dev/urandom >"$LAB_DIR/files/data"
transfer dev1 dev2 4 "$LAB_DIR/files/data"
echo "dev1 to dev2: $TRANSFER_RATE MB/s"
transfer dev2 dev1 6 "$LAB_DIR/files/data"
echo "dev2 to dev1: $TRANSFER_RATE MB/s"
for way in a_to_b b_to_a; do
  expect_counter ".$way.passed_bytes > 2 * 1024 * 1024 and .$way.lost > 0 and .$way.too_large == 0"
  expect_counter ".$way.crowded == 0 and .$way.refused == 0 and .$way.unread == 0"
done
echo "the shaper: $(wan_counters nat1)"

# 1,200 bytes of echo make 1,357 outside.
wan_path nat1 --delay 5 --mtu 1300
lab_in dev1 ping -q -n -c 5 -i 0.1 -W 5 -s 200 "$peer" >/dev/null || lab_fail "small packets do not cross the narrow path"
expect_counter '.a_to_b.too_large == 0'
if lab_in dev1 ping -q -n -c 3 -i 0.1 -W 1 -s 1200 "$peer" >/dev/null; then lab_fail "large packets cross the narrow path"; fi
expect_counter '.a_to_b.too_large >= 3 and .a_to_b.lost == 0'
