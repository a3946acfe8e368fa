#!/usr/bin/env bash
# Every pair of the kinds of network that people have, with NATs of the kernel: sixteen devices, two in each kind of network,
# all in one network of ours. Each pair connects, directly exactly where the committed grid says so (tests/scenario/nat_grid.txt,
# which the simulation keeps to as well), and packets pass. Prints the grid as it was found.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

KINDS=(open cone addr port sym cgn no-udp tcp-443)

hub_endpoint() { echo 203.0.113.10:443; }

# ---- What makes natN one of these kinds; lab_nat makes it "port" ----

# Each socket inside keeps its port outside, and whoever is let in reaches it though it has not written to him.
# let_in N SET_TYPE WHAT_OUT WHAT_IN: the set remembers WHAT_OUT of packets that leave, and lets in whose WHAT_IN is in it.
let_in() {
  lab_in "nat$1" nft -f - <<RULES
table ip let_in {
  set known {
    type $2
    flags dynamic
    timeout 2m
  }
  chain remember {
    type filter hook forward priority -1; policy accept;
    iifname "inside" oifname "outside" meta l4proto udp update @known { $3 }
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "outside" meta l4proto udp $4 @known dnat to 192.168.$1.2
  }
}
add rule inet filter forward iifname "outside" ct status dnat accept
RULES
}

be_cone() { let_in "$1" inet_service 'udp sport' 'udp dport'; }
be_addr() { let_in "$1" 'ipv4_addr . inet_service' 'ip daddr . udp sport' 'ip saddr . udp dport'; }

be_sym() {
  lab_in "nat$1" nft flush table ip nat
  lab_in "nat$1" nft add rule ip nat postrouting oifname outside masquerade random,fully-random
}

# closed N RULE: of what comes from inside, only this passes.
closed() {
  lab_in "nat$1" nft -f - <<RULES
table inet closed {
  chain forward {
    type filter hook forward priority -1; policy accept;
    iifname "inside" $2 accept
    iifname "inside" drop
  }
}
RULES
}
be_no_udp() { closed "$1" 'meta l4proto tcp'; }
be_tcp_443() { closed "$1" 'tcp dport 443'; }

# ---- The networks, and proof that they are what they are called ----

# add_place DEVICE KIND N
add_place() {
  if [ "$2" = open ]; then
    lab_host "$1" "$((100 + $3))"
    return
  fi
  if [ "$2" = cgn ]; then
    lab_nat "$((30 + $3))"
    lab_nat "$3" "$((30 + $3))"
  else
    lab_nat "$3"
  fi
  lab_device "$1" "$3" 2
  case $2 in
    cone) be_cone "$3" ;;
    addr) be_addr "$3" ;;
    sym) be_sym "$3" ;;
    no-udp) be_no_udp "$3" ;;
    tcp-443) be_tcp_443 "$3" ;;
  esac
}

# What the witness must see: one port for two destinations or not, and how many of three strangers come in.
probe() { # DEVICE KIND
  local seen same strangers expected
  case $2 in
    open | cone) expected='same-port 3' ;;
    addr) expected='same-port 1' ;;
    port | cgn) expected='same-port 0' ;;
    sym) expected='other-port 0' ;;
    no-udp | tcp-443)
      if lab_in "$1" python3 "$LAB_SOURCE/witness.py" ask 203.0.113.250 2>/dev/null; then lab_fail "UDP leaves the network of $1"; fi
      return
      ;;
  esac
  read -r seen same strangers < <(lab_in "$1" python3 "$LAB_SOURCE/witness.py" ask 203.0.113.250) || lab_fail "$1 gets no answer"
  [ "$same $strangers" = "$expected" ] || lab_fail "$1, seen as $seen, has '$same $strangers', not '$expected' as $2 has"
}

# all_at_once COMMAND: runs it for each device and its kind, side by side.
all_at_once() {
  local device pids=() pid
  for device in "${DEVICES[@]}"; do
    (trap - EXIT && "$1" "$device" "${device#?-}") &
    pids+=("$!")
  done
  for pid in "${pids[@]}"; do wait "$pid" || lab_fail "'$1' failed for one of the devices"; done
}

is_ready() { [ "$(device_status "$1" '[.peers[] | select(.state == "connected")] | length')" = "$((${#DEVICES[@]} - 1))" ]; }

look() {
  local device
  for device in "${DEVICES[@]}"; do device_status "$device" >"$LAB_DIR/$device.json" || return 1; done
}

as_committed() {
  look && python3 "$LAB_SOURCE/matrix.py" "$LAB_SOURCE/../scenario/nat_grid.txt" "$LAB_DIR" >"$LAB_DIR/grid"
}

check_pings() { # DEVICE: each of the others answers
  local address
  for address in $(device_status "$1" '.peers[].address | split("/")[0]'); do
    lab_in "$1" ping -q -n -c 2 -i 0.2 -W 5 "$address" >"$LAB_DIR/$1.ping" || lab_fail "$1 gets no answer from $address"
  done
}

bamgate_begin matrix
lab_middle
lab_host hub 10
lab_witness
DEVICES=()
number=0
for role in a b; do
  for kind in "${KINDS[@]}"; do
    number=$((number + 1))
    # .10 is the hub's.
    [ "$number" -ne 10 ] || number=20
    add_place "$role-$kind" "$kind" "$number"
    DEVICES+=("$role-$kind")
  done
done
all_at_once probe
hub_start
all_at_once device_setup
began=$EPOCHREALTIME
for device in "${DEVICES[@]}"; do device_up "$device"; done
for device in "${DEVICES[@]}"; do lab_wait 30 "$device is not connected with all others" is_ready "$device"; done
echo "all $((${#DEVICES[@]} * (${#DEVICES[@]} - 1) / 2)) pairs are connected $(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $began }") s after up"
# What began through the hub may have found a direct path meanwhile, or be about to.
end=$((SECONDS + 20))
until as_committed || [ "$SECONDS" -ge "$end" ]; do sleep 0.5; done
all_at_once check_pings
as_committed || { cat "$LAB_DIR/grid"; lab_fail "the grid is not as it was committed"; }
cat "$LAB_DIR/grid"
