# Shaped wide-area paths in the laboratory. Source lab.sh first; SHAPER names the program (default: beside $BAMGATE).
#
#   wan_path NAME OPTION...    from now on everything between NAME (a host, NAT or device) and the bridge that its cable
#                              leads to goes through a shaper with these options (shaper --help). In values "X/Y" X is for
#                              what NAME sends. Called again for the same NAME, it changes the options.
#   wan_counters NAME [JQ]     what has passed so far, or a part of it: .a_to_b is what NAME sent, .b_to_a what it got
#
# The shaper sits in a namespace of its own, wan-NAME, between two bridges, so addresses, routes and NATs stay as they are.
# Counters begin afresh when the options change.
# shellcheck shell=bash

declare -A WAN_PID=()

wan_shaper() {
  SHAPER=${SHAPER:-$(dirname "${BAMGATE:?}")/tests/shaper}
  [ -x "$SHAPER" ] || lab_fail "there is no program $SHAPER: build the target shaper, or set SHAPER to its path"
  SHAPER=$(realpath "$SHAPER")
}

# The namespace, without its prefix, that holds the far end of NAME's cable.
wan_far_end() {
  local namespace
  for namespace in "${LAB_NAMESPACES[@]}"; do
    if ip -n "$namespace" link show "to-$1" >/dev/null 2>&1; then
      echo "${namespace#"$LAB_PREFIX-"}"
      return
    fi
  done
  lab_fail "$1 has no cable to a bridge"
}

# Cuts the cable of NAME and puts the namespace wan-NAME in between: NAME -- near | side-a ... side-b | far -- bridge.
wan_insert() {
  local name=$1 wan=wan-$1 far bridge port
  far=$(wan_far_end "$name")
  bridge=$(ip -n "$LAB_PREFIX-$far" -j link show "to-$name" | jq -r '.[0].master')
  lab_namespace "$wan"
  # The bridges are wires, nothing more: no addresses and no chatter of their own.
  lab_sysctl "$wan" 1 ipv6/conf/{all,default}/disable_ipv6
  ip -n "$LAB_PREFIX-$far" link set "to-$name" netns "$LAB_PREFIX-$wan"
  ip -n "$LAB_PREFIX-$wan" link set "to-$name" name near
  ip -n "$LAB_PREFIX-$wan" link add far type veth peer name "to-$name" netns "$LAB_PREFIX-$far"
  for port in side-a side-b; do
    ip -n "$LAB_PREFIX-$wan" link add "bridge-$port" type bridge forward_delay 0 mcast_snooping 0
    ip -n "$LAB_PREFIX-$wan" tuntap add mode tap name "$port"
    ip -n "$LAB_PREFIX-$wan" link set "bridge-$port" up
    # A burst waits here until the shaper has read it; what does not fit is counted as "unread".
    ip -n "$LAB_PREFIX-$wan" link set dev "$port" txqueuelen 20000 master "bridge-$port" up
  done
  ip -n "$LAB_PREFIX-$wan" link set near master bridge-side-a up
  ip -n "$LAB_PREFIX-$wan" link set far master bridge-side-b up
  ip -n "$LAB_PREFIX-$far" link set "to-$name" master "$bridge" up
}

wan_ready() { grep -q '^ready' "$LAB_DIR/shaper-$1.log"; }

wan_path() {
  local name=$1
  shift
  wan_shaper
  if [ -n "${WAN_PID[$name]:-}" ]; then
    kill -TERM "${WAN_PID[$name]}" || lab_fail "the shaper of $name is gone"
    wait "${WAN_PID[$name]}" || lab_fail "the shaper of $name failed"
  else
    wan_insert "$name"
  fi
  lab_spawn "wan-$name" "shaper-$name" "$SHAPER" "$@" side-a side-b
  WAN_PID[$name]=$LAB_PID
  lab_wait 10 "the shaper of $name does not start" wan_ready "$name"
}

wan_lines() { grep -c '^{' "$LAB_DIR/shaper-$1.log" || true; }
wan_has_lines() { [ "$(wan_lines "$1")" -ge "$2" ]; }

wan_counters() {
  local wanted=$(($(wan_lines "$1") + 1))
  kill -USR1 "${WAN_PID[$1]}" || lab_fail "the shaper of $1 is gone"
  lab_wait 10 "the shaper of $1 does not tell its counters" wan_has_lines "$1" "$wanted"
  grep '^{' "$LAB_DIR/shaper-$1.log" | tail -n 1 | jq -c "${2:-.}"
}
