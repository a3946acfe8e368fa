#!/usr/bin/env bash
# A device in the background without a service manager: up -d comes back when the interface is there and says where the log
# is and what the hub said first; status, logs, logs -f, restart and down find it; a second up says who holds the device; the log's size is bounded.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

dev1() { lab_in dev1 "$BAMGATE" "$@" --config "$LAB_DIR/dev1"; }
pid_of_dev1() { head -n 1 "$LAB_DIR/dev1/agent.lock"; }
ups_in() { grep -c 'bamgate0 is up' "$1" || true; }
followed() { [ "$(ups_in "$LAB_DIR/follow.log")" -eq "$1" ]; }

bamgate_begin background
one_site
hub_start
device_setup dev1
device_setup dev2
device_up dev2
remember dev1

must_end 1 'bamgate setup' lab_in dev1 "$BAMGATE" up -d --config "$LAB_DIR/nothing"
[ ! -e "$LAB_DIR/nothing" ] || lab_fail "up made a folder for a device that is not set up"
must_end 3 'up -d' dev1 logs
for command in down restart status; do must_end 3 'bamgate up' dev1 $command; done

# A log that is full already is put aside.
head -c 1048576 /dev/zero | tr '\0' 'x' >"$LAB_DIR/dev1/agent.log"
must_end 0 "process [0-9]+ and is connected to the hub; .*$LAB_DIR/dev1/agent.log" dev1 up -d --verbose
ip -n "$LAB_PREFIX-dev1" link show bamgate0 up | grep -q UP || lab_fail "the interface is not there although up -d has ended"
[ "$(stat -c %s "$LAB_DIR/dev1/agent.log")" -lt 1048576 ] || lab_fail "the log is not bounded in size"
[ -e "$LAB_DIR/dev1/agent.1.log" ] || lab_fail "the full log is gone"
rm "$LAB_DIR/dev1/agent.1.log"
[ "$(stat -c %a "$LAB_DIR/dev1/agent.log")" = 640 ] || lab_fail "everybody may read the log"
wait_connected dev1 dev2
check_ping dev1 "$(device_address dev2 4)"

first=$(pid_of_dev1)
must_end 1 "process $first in the background, since 2[0-9-]+ [0-9:]+" dev1 up
must_end 1 "process $first in the background" dev1 up -d
must_end 0 'bamgate0 is up with 10\.' dev1 logs
# Whoever may not read it is told so.
must_end 1 'cannot read the log .*sudo' lab_in dev1 setpriv --reuid 65534 --regid 65534 --clear-groups \
  "$BAMGATE" logs --config "$LAB_DIR/dev1"
lab_spawn dev1 follow "$BAMGATE" logs -f --config "$LAB_DIR/dev1"
following=$LAB_PID
lab_wait 10 "logs -f does not begin with what is there" followed 1

must_end 0 'in the background as process' dev1 restart
[ "$(pid_of_dev1)" != "$first" ] || lab_fail "restart left the old process"
[ "$(tail -n 1 "$LAB_DIR/dev1/agent.lock")" = "background verbose" ] || lab_fail "restart forgot --verbose"
lab_wait 10 "logs -f does not follow" followed 2
end_process INT "$following" "logs -f"
wait_connected dev1 dev2

# What cannot be started again is not stopped: another kind of interface, one that somebody holds, a log that is a folder.
keep_running() { # keep_running PATTERN: restart refuses with it, and the process goes on
  local before
  before=$(pid_of_dev1)
  must_end 1 "the device goes on as it was: .*$1" dev1 restart
  [ "$(pid_of_dev1)" = "$before" ] || lab_fail "a refused restart has ended the device"
}
cp "$LAB_DIR/dev1/config.toml" "$LAB_DIR/config"
sed -i 's/^interface = .*/interface = "lo"/' "$LAB_DIR/dev1/config.toml"
grep -q '^interface = "lo"' "$LAB_DIR/dev1/config.toml" || lab_fail "config.toml names no interface"
keep_running 'another kind of interface'
cp "$LAB_DIR/config" "$LAB_DIR/dev1/config.toml"
mv "$LAB_DIR/dev1/agent.log" "$LAB_DIR/agent.log"
mkdir "$LAB_DIR/dev1/agent.log"
keep_running 'cannot write the log'
rmdir "$LAB_DIR/dev1/agent.log"
mv "$LAB_DIR/agent.log" "$LAB_DIR/dev1/agent.log"
[ -z "$(lab_in dev1 ip -o link show | grep -o 'try[0-9]*' || true)" ] || lab_fail "trying has left an interface"

# The error of a start in the background is seen: another configuration wants the same interface.
cp -r "$LAB_DIR/dev1" "$LAB_DIR/other"
rm "$LAB_DIR/other/"{agent.lock,control.sock}
must_end 1 'another process' lab_in dev1 "$BAMGATE" up -d --config "$LAB_DIR/other"

dev1 down || lab_fail "down failed"
check_nothing_left dev1 "after down"

# Without the hub it says so, and goes on; a device that was revoked ends, and up -d with it.
hub_kill TERM
must_end 0 'no connection to the hub yet: cannot reach the hub .*goes on trying' dev1 up -d
device_status dev1 .hub.error | grep -q 'cannot reach the hub' || lab_fail "status --json does not say why"
must_end 0 'not connected' dev1 status
dev1 status | grep -Eq '^  cannot reach the hub .*; (next try in [0-9]+ s|trying now)$' || lab_fail "status does not say why: $(dev1 status)"
dev1 down || lab_fail "down failed"
hub_start
join=$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub")
lab_in dev1 "$BAMGATE" setup --join "$join" --name dev3 --config "$LAB_DIR/dev3" 2>/dev/null || lab_fail "setup of dev3 failed"
lab_wait 30 "dev2 does not come back" hub_connected dev2
dev1 devices revoke dev3 --yes 2>/dev/null || lab_fail "revoke failed"
must_end 4 'has ended again: the hub does not know this device any more.*bamgate setup' lab_in dev1 "$BAMGATE" up -d --config "$LAB_DIR/dev3"
must_end 0 'does not know this device any more' lab_in dev1 "$BAMGATE" logs --config "$LAB_DIR/dev3"
must_end 3 'bamgate up' dev1 down
must_end 0 'going down' dev1 logs

device_up dev1
wait_connected dev1 dev2
must_end 1 "in the foreground of a terminal" dev1 up -d
must_end 1 "in the foreground of a terminal" dev1 logs
device_down dev1
check_nothing_left dev1 "after down in the foreground"
