# What the scripts of this folder share: two hosts on one network, `bamgate lab` on one of them. Source it first.
#
#   interop_begin NAME           lab_begin, and finds the program ($BAMGATE, default build/release/bamgate)
#   two_hosts                    hosts us (203.0.113.1) and them (203.0.113.2) with a cable over the middle
#   with_loss PERCENT            from now on both directions of the cable of us lose so much
#   need_tool PROGRAM            fails when it is not installed
#   lab_tool NAME ARGUMENT...    starts `bamgate lab ARGUMENT...` on host us with a pipe to its standard input; its steps
#                                (--json is added) go to $LAB_DIR/NAME.log; its process id is then $LAB_PID
#   tell NAME LINE               writes a line to its standard input
#   steps NAME FILTER            prints what the jq FILTER makes of its steps, taken as one array, raw
#   has_step NAME CONDITION [N]  true when at least N (1) steps meet the jq CONDITION
# shellcheck shell=bash
set -euo pipefail

INTEROP=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../system/lab.sh
source "$INTEROP/../system/lab.sh"
BAMGATE=${BAMGATE:-$INTEROP/../../build/release/bamgate}
# shellcheck source-path=SCRIPTDIR source=../system/wan.sh
source "$INTEROP/../system/wan.sh"

interop_begin() {
  [ -x "$BAMGATE" ] || lab_fail "there is no program $BAMGATE: build it, or set BAMGATE to its path"
  BAMGATE=$(realpath "$BAMGATE")
  lab_begin "interop-$1"
}

two_hosts() {
  lab_middle
  lab_host us 1
  lab_host them 2
}

with_loss() { wan_path us --loss "$1"; }

need_tool() { command -v "$1" >/dev/null || lab_fail "the program $1 is missing: run scripts/setup"; }

lab_tool() {
  local name=$1
  shift
  rm -f "$LAB_DIR/$name.in"
  mkfifo "$LAB_DIR/$name.in"
  : >"$LAB_DIR/$name.log"
  # Opened for both ways, so that neither waits for the other and the tool sees no end of its input.
  ip netns exec "$LAB_PREFIX-us" env --default-signal=INT,QUIT "$BAMGATE" lab "$@" --json \
    >"$LAB_DIR/$name.log" 2>"$LAB_DIR/$name.stderr.log" 0<>"$LAB_DIR/$name.in" &
  # shellcheck disable=SC2034  # for the caller
  LAB_PID=$!
}

tell() { echo "$2" >"$LAB_DIR/$1.in"; }

steps() { jq -rs "$2" "$LAB_DIR/$1.log"; }

has_step() { [ "$(steps "$1" "map(select($2)) | length" 2>/dev/null || echo 0)" -ge "${3:-1}" ]; }
