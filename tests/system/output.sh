#!/usr/bin/env bash
# What became of the answer: every command that prints one, into a full disk, into a pipe that nobody reads, and with
# standard output closed, ends with 1 and says so; a reader that has seen enough ends a command that prints on and on. Started with
# descriptors 0, 1 and 2 closed, no command hangs, and none of its files gets what it prints.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

nowhere() { lab_in dev1 timeout 60 "$LAB_SOURCE/without_reader.py" "$@" 2>"$LAB_DIR/said"; }

# lost COMMAND...: fails unless it notices each of the three
lost() {
  local kind code
  for kind in full pipe; do
    code=0
    nowhere "$kind" "$BAMGATE" "$@" <"$LAB_DIR/input" || code=$?
    [ "$code" -eq 1 ] || lab_fail "'bamgate $*' into $kind ended with $code: $(cat "$LAB_DIR/said")"
    grep -q 'bamgate: cannot write the answer to standard output: ' "$LAB_DIR/said" ||
      lab_fail "'bamgate $*' into $kind does not say that its answer is lost: $(cat "$LAB_DIR/said")"
    [ "$(grep -c 'cannot write the answer' "$LAB_DIR/said")" -eq 1 ] || lab_fail "'bamgate $*' says it twice"
  done
  code=0
  nowhere closed "$BAMGATE" "$@" || code=$?
  [ "$code" -eq 124 ] && lab_fail "'bamgate $*' hangs with descriptors 0 to 2 closed"
  [ "$code" -ne 0 ] || lab_fail "'bamgate $*' ended with 0 though its standard output is closed"
}

bamgate_begin output
one_site
hub_start
device_setup dev1
"$BAMGATE" genkey >"$LAB_DIR/input"
config=(--config "$LAB_DIR/dev1")

# The device itself begins with its descriptors closed: it comes up, and its control socket is no standard output.
code=0
nowhere closed "$BAMGATE" up -d "${config[@]}" || code=$?
[ "$code" -eq 0 ] || lab_fail "up -d with descriptors 0 to 2 closed ended with $code (124: it hangs)"
lab_wait 15 "dev1 does not reach the hub" hub_connected dev1
device=$(head -n 1 "$LAB_DIR/dev1/agent.lock")
for descriptor in 0 1 2; do
  [ "$(readlink "/proc/$device/fd/$descriptor")" = /dev/null ] || lab_fail "descriptor $descriptor of the device is $(readlink "/proc/$device/fd/$descriptor")"
done

lost genkey
lost pubkey
lost version
lost --version
lost help
lost --help
lost hub --help
lost man-page
lost complete ''
lost hub token --data "$LAB_DIR/hub"
lost status "${config[@]}"
lost status --json "${config[@]}"
lost status --watch "${config[@]}"
lost devices "${config[@]}"
lost devices --json "${config[@]}"
lost devices add "${config[@]}"
lost devices add --json "${config[@]}"
lost logs "${config[@]}"
lost lab stun 203.0.113.10

# The reason is the true one also where a library prints.
must_end 1 'No space left' lab_in dev1 sh -c "'$BAMGATE' --version >/dev/full"
# A limit of a file's size is an error that is said, and no signal; what is said goes through a pipe, for it counts there too.
limited() { local where=$1; shift; lab_in "$where" bash -o pipefail -c "(ulimit -f 0; exec $* 2>&1 >'$LAB_DIR/limited.out') | cat"; }
must_end 1 'File too large' limited dev1 "'$BAMGATE' genkey"
must_end 1 'File too large' limited hub "'$BAMGATE' hub --listen 203.0.113.10:9443 --data '$LAB_DIR/limited'"

# Who has read enough says so by going away: no fault, and nothing is said.
for command in status devices; do
  lab_in dev1 "$BAMGATE" $command "${config[@]}" | cat >/dev/null || lab_fail "$command into a pipe failed"
done
lab_in dev1 "$BAMGATE" status --watch --json "${config[@]}" 2>"$LAB_DIR/said" | head -n 1 >"$LAB_DIR/first" || lab_fail "status --watch | head failed: $(cat "$LAB_DIR/said")"
jq -e .device.name "$LAB_DIR/first" >/dev/null || lab_fail "status --watch | head shows $(cat "$LAB_DIR/first")"
[ ! -s "$LAB_DIR/said" ] || lab_fail "status --watch | head complains: $(cat "$LAB_DIR/said")"

# A device and a hub whose messages nobody takes go on.
lab_in dev1 "$BAMGATE" down "${config[@]}" || lab_fail "down failed"
mkfifo "$LAB_DIR/fifo"
cat "$LAB_DIR/fifo" >/dev/null &
reader=$!
lab_in dev1 "$BAMGATE" up "${config[@]}" --verbose >/dev/null 2>"$LAB_DIR/fifo" &
lab_wait 15 "dev1 does not reach the hub" hub_connected dev1
kill "$reader"
await_process "$reader" "the reader of the messages"
device=$(head -n 1 "$LAB_DIR/dev1/agent.lock")
kill -HUP "$device"   # it has something to say
hub_connected dev1 || lab_fail "the device ended when nobody read its messages any more"
lab_in dev1 "$BAMGATE" down "${config[@]}" || lab_fail "down failed"
lab_wait 10 "the device does not end" process_ended "$device"
