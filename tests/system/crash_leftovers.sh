#!/usr/bin/env bash
# kill -9 of a device, in the foreground and in the background, with a route of a peer in force, and of the hub: interface,
# addresses and routes go with the process; what stays (control socket, lock) says "not running" and hinders no next start.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

# exit_code WANTED COMMAND...: fails unless the command ends with that code
exit_code() {
  local wanted=$1 code=0
  shift
  "$@" >/dev/null 2>"$LAB_DIR/stderr" || code=$?
  [ "$code" -eq "$wanted" ] || lab_fail "'$*' ended with $code, not $wanted: $(tail -n 1 "$LAB_DIR/stderr")"
}

dev1() { lab_in dev1 "$BAMGATE" "$@" --config "$LAB_DIR/dev1"; }
has_route() { [ -n "$(ip -n "$LAB_PREFIX-dev1" route show 10.77.0.0/24 dev bamgate0)" ]; }
pid_of_dev1() { head -n 1 "$LAB_DIR/dev1/agent.lock"; }

start() {
  case $1 in
    foreground) device_up dev1 ;;
    background) dev1 up -d 2>/dev/null || lab_fail "up -d failed" ;;
  esac
  wait_connected dev1 dev2
  lab_wait 10 "the route of dev2 is not set" has_route
}

bamgate_begin crash-leftovers
one_site
hub_start
device_setup dev1
device_setup dev2
sed -i 's|^routes = .*|routes = ["10.77.0.0/24"]|' "$LAB_DIR/dev2/config.toml"
printf '\n[peers.dev2]\nroutes = ["10.77.0.0/24"]\n' >>"$LAB_DIR/dev1/config.toml"
remember dev1
device_up dev2

for mode in foreground background; do
  start $mode
  if same_as_before dev1; then lab_fail "a running device leaves no trace in the snapshot, so it would prove nothing"; fi
  victim=$(pid_of_dev1)
  kill -KILL "$victim" || lab_fail "dev1 is not running"
  await_process "$victim" "bamgate up of dev1"
  check_nothing_left dev1 "after kill -9 in the $mode"
  [ -S "$LAB_DIR/dev1/control.sock" ] || lab_fail "kill -9 left no socket behind, so the next start proves nothing"
  for command in status down restart; do exit_code 3 dev1 $command; done

  start $mode
  check_ping dev1 "$(device_address dev2 4)"
  dev1 down || lab_fail "down failed after a crash in the $mode"
  check_nothing_left dev1 "after the end in the $mode"
  [ ! -e "$LAB_DIR/dev1/control.sock" ] || lab_fail "the control socket is left after a proper end"
done

hub_kill KILL
hub_start
start foreground
device_down dev1
