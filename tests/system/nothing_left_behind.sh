#!/usr/bin/env bash
# After down, Ctrl-C and SIGTERM no interface, route, rule, socket or process is left; after SIGKILL none but the socket's
# file; and up works again each time. The hub leaves nothing either.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

bamgate_begin nothing-left-behind
two_sites
remember hub
hub_start
device_setup dev1
device_setup dev2
device_up dev1
remember dev2

for way in down INT TERM KILL; do
  device_up dev2
  wait_connected dev1 dev2
  check_ping_both_ways dev1 dev2
  if same_as_before dev2; then lab_fail "the snapshot does not see that bamgate runs"; fi
  if [ $way = down ]; then
    device_down dev2
  else
    end_process $way "${DEVICE_PID[dev2]}" "bamgate up of dev2"
  fi
  check_nothing_left dev2 "after $way"
  if [ $way != KILL ]; then
    [ "$ENDED_WITH" -eq 0 ] || lab_fail "bamgate up ended with $ENDED_WITH after $way"
    [ ! -e "$LAB_DIR/dev2/control.sock" ] || lab_fail "the control socket is left after $way"
  fi
  code=0
  lab_in dev2 "$BAMGATE" status --config "$LAB_DIR/dev2" >/dev/null 2>&1 || code=$?
  [ "$code" -eq 3 ] || lab_fail "status ended with $code instead of 3 (not running) after $way"
done

device_down dev1
hub_kill TERM
[ "$ENDED_WITH" -eq 0 ] || lab_fail "the hub ended with $ENDED_WITH after SIGTERM"
check_nothing_left hub "after SIGTERM"
