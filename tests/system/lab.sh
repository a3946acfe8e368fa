# The NAT laboratory: an internet, NATs and devices as network namespaces of this machine. To be sourced by bash.
#
#   lab_begin NAME           temporary folder $LAB_DIR, clean-up at exit whatever happens; call this first
#   lab_middle               the internet: one bridge with 203.0.113.0/24 and 2001:db8:0::/64
#   lab_host NAME LAST       a host right on it: 203.0.113.LAST, 2001:db8::LAST
#   lab_nat N [CARRIER]      natN: outside 203.0.113.N, inside 192.168.N.1/24; for IPv6 a firewall: inside 2001:db8:0:N::/64
#                            with CARRIER it is behind that NAT: outside 192.168.CARRIER.N; IPv4 only
#   lab_device NAME N LAST   a device behind natN: 192.168.N.LAST, 2001:db8:0:N::LAST
#   lab_probe_nat NAME N     fails unless the device's mapping is natN's outside address and unsolicited packets are dropped
#   lab_in NAME COMMAND...   runs a command in the namespace of that host, device or NAT
#   lab_spawn NAME LOG COMMAND...   the same in the background, output to $LAB_DIR/LOG.log; its process id is then $LAB_PID
#   lab_wait SECONDS WHAT COMMAND...   repeats the command until it succeeds, which takes no machine so long;
#                            fails with WHAT after four times that
#   lab_snapshot NAME        prints interfaces, addresses, routes, rules and sockets, for comparing
#
# LAB_FAMILIES says what the internet speaks: 4 (default), 6, or 46. IPv6 inside tunnels works with each.
# Namespaces are named bam-PID-NAME, so several laboratories may run at once. Nothing here reaches a real network.
# shellcheck shell=bash
set -euo pipefail

LAB_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_DIR=
LAB_PID=
LAB_PREFIX=bam-$$
LAB_FAMILIES=${LAB_FAMILIES:-4}
LAB_NAMESPACES=()

lab_fail() {
  echo "FAIL: $*" >&2
  exit 1
}

lab_begin() {
  [ "$(id -u)" -eq 0 ] || lab_fail "the laboratory makes network namespaces: run this as root"
  local tool
  for tool in ip nft ping python3 jq ss tcpdump curl; do
    command -v "$tool" >/dev/null || lab_fail "the program $tool is missing: run scripts/setup"
  done
  LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/bamgate-$1.XXXXXX")
  trap lab_end EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# Kills everything in the namespaces, deletes them and the folder. Keeps the exit code.
lab_end() {
  local code=$?
  trap - EXIT
  trap '' HUP INT TERM
  set +e
  local namespace log
  if [ "$code" -ne 0 ] && [ "$code" -lt 128 ]; then
    for log in "$LAB_DIR"/*.log; do
      [ -s "$log" ] && echo "--- $(basename "$log"), last lines" && tail -n 12 "$log"
    done >&2
  fi
  {
    # A job that has just been started may not be in its namespace yet.
    jobs -p | xargs -r kill -KILL
    for namespace in "${LAB_NAMESPACES[@]}"; do
      ip netns pids "$namespace" | xargs -r kill -KILL
    done
    wait
    for namespace in "${LAB_NAMESPACES[@]}"; do
      ip netns del "$namespace"
    done
  } 2>/dev/null
  rm -rf "$LAB_DIR"
  exit "$code"
}

lab_in() {
  local name=$1
  shift
  ip netns exec "$LAB_PREFIX-$name" "$@"
}

# A background job of a script ignores SIGINT; env gives it back the signal that a terminal would send.
lab_spawn() {
  local name=$1 log=$2
  shift 2
  : >"$LAB_DIR/$log.log"
  ip netns exec "$LAB_PREFIX-$name" env --default-signal=INT,QUIT "$@" >"$LAB_DIR/$log.log" 2>&1 </dev/null &
  # shellcheck disable=SC2034  # for the caller
  LAB_PID=$!
}

lab_wait() {
  local seconds=$((4 * $1)) what=$2 end
  shift 2
  end=$((SECONDS + seconds + 1))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || lab_fail "$what (gave up after $seconds s)"
    sleep 0.05
  done
}

# lab_sysctl NAME VALUE FILE...: writes the value into those files of /proc/sys/net that exist.
lab_sysctl() {
  local name=$1 value=$2
  shift 2
  # shellcheck disable=SC2016  # the inner shell expands
  lab_in "$name" bash -c 'for file in "${@:2}"; do [ ! -e "$file" ] || echo "$1" >"$file"; done' _ \
    "$value" "${@/#//proc/sys/net/}"
}

lab_namespace() {
  local namespace=$LAB_PREFIX-$1
  ip netns add "$namespace"
  LAB_NAMESPACES+=("$namespace")
  lab_sysctl "$1" 0 ipv6/conf/{all,default}/accept_{dad,ra} bridge/bridge-nf-call-{ip,ip6}tables
  ip -n "$namespace" link set lo up
}

lab_middle() {
  lab_namespace middle
  ip -n "$LAB_PREFIX-middle" link add middle type bridge forward_delay 0
  ip -n "$LAB_PREFIX-middle" link set middle up
}

# lab_cable A INTERFACE_A B INTERFACE_B BRIDGE_OF_B: a cable from namespace A to a port of a bridge in namespace B.
lab_cable() {
  ip -n "$LAB_PREFIX-$1" link add "$2" type veth peer name "$4" netns "$LAB_PREFIX-$3"
  ip -n "$LAB_PREFIX-$3" link set "$4" master "$5" up
  ip -n "$LAB_PREFIX-$1" link set "$2" up
}

# lab_address NAME INTERFACE V4/LENGTH V6/LENGTH: as far as the internet speaks them.
lab_address() {
  if [[ $LAB_FAMILIES == *4* ]]; then ip -n "$LAB_PREFIX-$1" address add "$3" dev "$2"; fi
  if [[ $LAB_FAMILIES == *6* ]]; then ip -n "$LAB_PREFIX-$1" address add "$4" dev "$2" nodad; fi
}

lab_host() {
  lab_namespace "$1"
  lab_cable "$1" outside middle "to-$1" middle
  lab_address "$1" outside "203.0.113.$2/24" "2001:db8::$2/64"
  LAB_HOSTS+=("$1")
  lab_route_insides
}

LAB_HOSTS=()
LAB_NATS=()

# Networks behind the NATs are IPv6 networks of the internet: everybody on it knows the way. IPv4 ones nobody knows.
lab_route_insides() {
  local host nat
  [[ $LAB_FAMILIES == *6* ]] || return 0
  for host in "${LAB_HOSTS[@]}" "${LAB_NATS[@]/#/nat}"; do
    for nat in "${LAB_NATS[@]}"; do
      [ "$host" = "nat$nat" ] ||
        ip -n "$LAB_PREFIX-$host" -6 route replace "2001:db8:0:$nat::/64" via "2001:db8::$nat" dev outside
    done
  done
}

lab_nat() {
  local nat=nat$1
  lab_namespace "$nat"
  # A bridge without an address of its own takes the lowest of its ports: with a device that comes later it would change,
  # and the others would send to the old one until their caches forget it.
  ip -n "$LAB_PREFIX-$nat" link add inside address "$(printf '02:00:00:00:00:%02x' "$1")" type bridge forward_delay 0
  ip -n "$LAB_PREFIX-$nat" link set inside up
  if [ $# -eq 1 ]; then
    lab_cable "$nat" outside middle "to-$nat" middle
    lab_address "$nat" outside "203.0.113.$1/24" "2001:db8::$1/64"
  else
    lab_cable "$nat" outside "nat$2" "to-$nat" inside
    ip -n "$LAB_PREFIX-$nat" address add "192.168.$2.$1/24" dev outside
    ip -n "$LAB_PREFIX-$nat" route add default via "192.168.$2.1"
  fi
  lab_address "$nat" inside "192.168.$1.1/24" "2001:db8:0:$1::1/64"
  lab_sysctl "$nat" 1 ipv4/ip_forward ipv6/conf/all/forwarding
  # Unsolicited packets must be dropped in the input hook too: else conntrack keeps their tuple, and the port of a mapping
  # that would have been the same on both sides changes, so that no hole can be punched.
  lab_in "$nat" nft -f - <<'RULES'
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "outside" masquerade
  }
}
table inet filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "inside" oifname "outside" accept
  }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname { "inside", "lo" } accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
  }
}
RULES
  LAB_NATS+=("$1")
  lab_route_insides
}

lab_device() {
  local name=$1 nat=$2
  lab_namespace "$name"
  lab_cable "$name" lan "nat$nat" "to-$name" inside
  lab_address "$name" lan "192.168.$nat.$3/24" "2001:db8:0:$nat::$3/64"
  if [[ $LAB_FAMILIES == *4* ]]; then ip -n "$LAB_PREFIX-$name" route add default via "192.168.$nat.1"; fi
  if [[ $LAB_FAMILIES == *6* ]]; then ip -n "$LAB_PREFIX-$name" -6 route add default via "2001:db8:0:$nat::1"; fi
}

# The witness is a host of its own on the internet with two addresses (203.0.113.250 and .251, 2001:db8::250 and ::251).
lab_witness() {
  [[ " ${LAB_HOSTS[*]} " != *" witness "* ]] || return 0
  lab_host witness 250
  lab_address witness outside 203.0.113.251/24 2001:db8::251/64
  local family
  for family in 4 6; do
    [[ $LAB_FAMILIES == *$family* ]] || continue
    lab_spawn witness "witness$family" python3 "$LAB_SOURCE/witness.py" serve "$(lab_witness_address $family)"
    lab_wait 10 "the witness does not start" grep -q ready "$LAB_DIR/witness$family.log"
  done
}

lab_witness_address() {
  if [ "$1" = 4 ]; then echo 203.0.113.250; else echo 2001:db8::250; fi
}

lab_probe_nat() {
  local name=$1 nat=$2 seen intruders same answer
  lab_witness
  if [[ $LAB_FAMILIES == *4* ]]; then
    answer=$(lab_in "$name" python3 "$LAB_SOURCE/witness.py" ask 203.0.113.250) || lab_fail "$name gets no answer through nat$nat"
    read -r seen same intruders <<<"$answer"
    [ "$seen" = "203.0.113.$nat" ] || lab_fail "$name is seen from outside as $seen, not as nat$nat: no NAT is in force"
    [ "$same" = same-port ] || lab_fail "nat$nat gives one socket several ports: it is a symmetric NAT"
    [ "$intruders" = 0 ] || lab_fail "$intruders unsolicited packets came through nat$nat to $name"
  fi
  if [[ $LAB_FAMILIES == *6* ]]; then
    answer=$(lab_in "$name" python3 "$LAB_SOURCE/witness.py" ask 2001:db8::250) || lab_fail "$name gets no answer through nat$nat"
    read -r seen same intruders <<<"$answer"
    [[ "$seen" = "2001:db8:0:$nat:"* ]] || lab_fail "$name is seen from outside as $seen, not as itself"
    [ "$intruders" = 0 ] || lab_fail "$intruders unsolicited packets came through the firewall of nat$nat to $name"
  fi
}

lab_snapshot() {
  local namespace=$LAB_PREFIX-$1
  echo "interfaces and addresses:"
  ip -n "$namespace" -o address show | awk '{ print $2, $3, $4 }' | sort
  ip -n "$namespace" -o link show | awk '{ print $2 }' | cut -d@ -f1 | sort
  echo "routes and rules:"
  ip -n "$namespace" -4 route show table all
  ip -n "$namespace" -6 route show table all
  ip -n "$namespace" -4 rule show
  ip -n "$namespace" -6 rule show
  echo "nftables:"
  ip netns exec "$namespace" nft list ruleset
  echo "sockets:"
  ip netns exec "$namespace" ss -Hntuwa | awk '$2 == "LISTEN" || $2 == "UNCONN" || $2 == "ESTAB" { print $1, $2, $5, $6 }' | sort
}
