#!/usr/bin/env bash
# Signals: SIGHUP reloads device and hub and says so; a renewed certificate of the hub is noticed by itself, a broken pair changes
# nothing; SIGTERM and SIGINT at each step of start and end leave nothing; a configuration that cannot be carried out
# stops no device that runs. And what a process shows of its secrets: no core file, no memory, no join string in ps.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

dev1() { lab_in dev1 "$BAMGATE" "$@" --config "$LAB_DIR/dev1"; }
says() { grep -Eq -- "$2" "$LAB_DIR/$1.log"; }
times_said() { [ "$(grep -Ec -- "$3" "$LAB_DIR/$1.log")" -ge "$2" ]; }
has_route() { [ -n "$(ip -n "$LAB_PREFIX-dev1" route show 10.77.0.0/24 dev bamgate0)" ]; }
has_no_route() { ! has_route; }
writes_no_core() {
  local limit
  limit=$(awk '/^Max core file size/ { print $5 " " $6 }' "/proc/$1/limits")
  [ "$limit" = "0 0" ] || lab_fail "$2 may write a core file: $limit"
}
# pause MILLISECONDS: to hit a step of something, as good as it goes
pause() { read -r -t "$(printf '0.%03d' "$1")" <>"$LAB_DIR/never" || true; }
sees() { setpriv --reuid 64123 --clear-groups cat "/proc/$1/environ" >/dev/null 2>&1; }

bamgate_begin signals
mkfifo "$LAB_DIR/never"
one_site

# ---- the hub, with a certificate of its owner ----
make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
    -addext "subjectAltName=IP:203.0.113.10" -keyout "$LAB_DIR/$1.key" -out "$LAB_DIR/$1.pem" 2>/dev/null
}
# As certbot does it: links that are turned to other files, one after the other.
use_certificate() { ln -sfn "$LAB_DIR/$1.pem" "$LAB_DIR/live.pem"; ln -sfn "$LAB_DIR/$2.key" "$LAB_DIR/live.key"; }
serves() {
  [ "$(lab_in hub openssl s_client -connect 203.0.113.10:8443 </dev/null 2>/dev/null | openssl x509 -noout -subject)" = "subject=CN = $1" ] ||
    [ "$(lab_in hub openssl s_client -connect 203.0.113.10:8443 </dev/null 2>/dev/null | openssl x509 -noout -subject)" = "subject=CN=$1" ]
}
for name in first second third; do make_certificate $name; done
use_certificate first first
hub_start --tls-cert "$LAB_DIR/live.pem" --tls-key "$LAB_DIR/live.key"
writes_no_core "$HUB_PID" "the hub"
lab_wait 5 "the hub does not serve its certificate" serves first
use_certificate second second
lab_wait 15 "a renewed certificate is not noticed" serves second
says hub 'certificate read' || lab_fail "the hub does not say that it has read the new certificate"
use_certificate third second
lab_wait 30 "a broken pair is not told" says hub 'certificate refused.*the one before serves on'
serves second || lab_fail "a broken pair took the certificate away"
echo nonsense >"$LAB_DIR/nonsense.pem"
ln -sfn "$LAB_DIR/nonsense.pem" "$LAB_DIR/live.pem"
kill -HUP "$HUB_PID"
lab_wait 10 "SIGHUP with a broken pair is not answered" times_said hub 2 'certificate refused'
serves second || lab_fail "SIGHUP took the certificate away"
use_certificate third third
kill -HUP "$HUB_PID"
lab_wait 4 "SIGHUP does not read the certificate again" serves third
says hub 'hub reloads' || lab_fail "the hub does not say that it reloads"
hub_kill TERM
[ "$ENDED_WITH" = 0 ] || lab_fail "the hub ended with $ENDED_WITH"

# Nobody looks into it, not even its own user, to whom all other processes of that user are open.
install -d -m 700 -o 64123 "$LAB_DIR/users-hub"
chmod 711 "$LAB_DIR"
lab_spawn hub users-sleep setpriv --reuid 64123 --clear-groups sleep 600
sleeping=$LAB_PID
lab_wait 5 "a process of the user cannot be seen, which proves nothing" sees "$sleeping"
lab_spawn hub users-hub setpriv --reuid 64123 --clear-groups "$BAMGATE" hub --listen 203.0.113.10:9443 --stun off --data "$LAB_DIR/users-hub"
lab_wait 10 "a user's hub does not start" listens hub 9443
if sees "$LAB_PID"; then lab_fail "a hub's memory is open to its user"; fi
end_process TERM "$LAB_PID" "a user's hub"
end_process TERM "$sleeping" "sleep"

# ---- the device ----
rm -rf "$LAB_DIR/hub"
hub_start
kill -HUP "$HUB_PID"
join=$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub" --uses 5)
# A hub that takes its time shows what ps sees meanwhile.
kill -STOP "$HUB_PID"
lab_spawn dev1 dev1.setup "$BAMGATE" setup --join "$join" --name dev1 --config "$LAB_DIR/dev1"
setting_up=$LAB_PID
lab_wait 10 "setup does not begin" says dev1.setup registering
seen=$(tr '\0' ' ' <"/proc/$setting_up/cmdline")
[[ $seen == *" setup --join xxx"*" --name dev1 "* ]] || lab_fail "the arguments of setup are: $seen"
[[ $seen != *token=* && $seen != *bamgate://* ]] || lab_fail "ps shows the join string: $seen"
kill -CONT "$HUB_PID"
await_process "$setting_up" setup
[ "$ENDED_WITH" = 0 ] || lab_fail "setup failed: $(cat "$LAB_DIR/dev1.setup.log")"
device_setup dev2
sed -i 's|^routes = .*|routes = ["10.77.0.0/24"]|' "$LAB_DIR/dev2/config.toml"
remember dev1
device_up dev2
device_up dev1
wait_connected dev1 dev2
device=$(head -n 1 "$LAB_DIR/dev1/agent.lock")
writes_no_core "$device" "the device"

# Routes that are accepted change at once, the tunnel stays; the rest waits for a restart.
cp "$LAB_DIR/dev1/config.toml" "$LAB_DIR/good"
printf '\n[peers.dev2]\nroutes = ["10.77.0.0/24"]\n' >>"$LAB_DIR/dev1/config.toml"
kill -HUP "$device"
lab_wait 5 "SIGHUP does not take over accepted routes" has_route
says dev1 'was read again: in force now: accepted routes' || lab_fail "the device does not say what it has taken over"
connected_before=$(device_status dev1 '.peers[0].connected_s | floor')
sed -i 's/^mtu = .*/mtu = 1300/' "$LAB_DIR/dev1/config.toml"
kill -HUP "$device"
lab_wait 5 "the device does not say what waits" says dev1 "after 'bamgate restart': device.mtu"
cp "$LAB_DIR/good" "$LAB_DIR/dev1/config.toml"
kill -HUP "$device"
lab_wait 5 "SIGHUP does not take back an accepted route" has_no_route
kill -HUP "$device"
lab_wait 5 "SIGHUP without a change says nothing" says dev1 'was read again: nothing has changed in it'

# A configuration that cannot be carried out changes nothing, and stops nothing.
for broken in 'mtu = 1' 'nonsense' 'force_relay = "often"'; do
  sed "s/^mtu = .*/$broken/" "$LAB_DIR/good" >"$LAB_DIR/dev1/config.toml"
  [[ $broken == force_relay* ]] && sed -i '/^force_relay = false/d' "$LAB_DIR/dev1/config.toml"
  kill -HUP "$device"
  must_end 1 'nothing was restarted, the device goes on as it was: .*config.toml' dev1 restart
  [ "$(head -n 1 "$LAB_DIR/dev1/agent.lock")" = "$device" ] || lab_fail "restart took a device down that it cannot start"
done
lab_wait 5 "SIGHUP with a broken configuration is not answered" times_said dev1 3 'the configuration is not taken over, the one before stays in force'
cp "$LAB_DIR/good" "$LAB_DIR/dev1/config.toml"
check_ping dev1 "$(device_address dev2 4)"
[ "$(device_status dev1 '.peers[0].connected_s | floor')" -ge "$connected_before" ] || lab_fail "a reload has broken the tunnel"
device_down dev1

# In the background: a log that was moved away is begun anew.
dev1 up -d 2>/dev/null || lab_fail "up -d failed"
lab_wait 15 "dev1 does not reach the hub" hub_connected dev1
mv "$LAB_DIR/dev1/agent.log" "$LAB_DIR/dev1/rotated"
kill -HUP "$(head -n 1 "$LAB_DIR/dev1/agent.lock")"
lab_wait 5 "no new log is begun at SIGHUP" grep -qs 'was read again' "$LAB_DIR/dev1/agent.log"
dev1 down

# ---- the end, at each step of the start ----
# With job control: without it the shell has what it starts in the background ignore SIGINT.
set -m
steps=0
for signal in TERM INT; do
  for delay in 0 1 2 3 5 8 12 16 20 25 30 40 60 100 200; do
    lab_spawn dev1 early "$BAMGATE" up --config "$LAB_DIR/dev1"
    # So many milliseconds, as good as it goes: whichever step it hits, nothing may be left.
    pause "$delay"
    kill -"$signal" "$LAB_PID"
    await_process "$LAB_PID" "a device that got SIG$signal after $delay ms"
    [ ! -S "$LAB_DIR/dev1/control.sock" ] || lab_fail "SIG$signal after $delay ms left the control socket"
    check_nothing_left dev1 "after SIG$signal $delay ms after the start"
    [ "$(grep -c 'info going down' "$LAB_DIR/early.log")" -le 1 ] || lab_fail "two goodbyes"
    [ "$ENDED_WITH" = 0 ] && steps=$((steps + 1))
  done
done
[ "$steps" -ge 10 ] || lab_fail "only $steps starts ended in order: the others were killed before they could"

# A second signal during the end, and a third.
for second in TERM INT HUP; do
  device_up dev1
  wait_connected dev1 dev2
  device=$(head -n 1 "$LAB_DIR/dev1/agent.lock")
  kill -TERM "$device"
  lab_wait 5 "the device does not say that it goes down" says dev1 'info going down'
  kill -"$second" "$device" 2>/dev/null || true
  await_process "${DEVICE_PID[dev1]}" "a device that got SIGTERM and SIG$second"
  [ ! -S "$LAB_DIR/dev1/control.sock" ] || lab_fail "a second signal ($second) left the control socket"
  check_nothing_left dev1 "after SIGTERM and SIG$second"
done

# Whoever interrupts `up -d` means what it began.
for delay in 0 2 5 10 20; do
  lab_spawn dev1 early "$BAMGATE" up -d --config "$LAB_DIR/dev1"
  waiting=$LAB_PID
  pause "$delay"
  kill -INT "$waiting" 2>/dev/null || true
  await_process "$waiting" "up -d that was interrupted"
  if [ "$ENDED_WITH" = 0 ]; then dev1 down || lab_fail "up -d said that it has begun a device, and there is none"; fi
  check_nothing_left dev1 "after up -d was interrupted after $delay ms"
done

set +m

# The terminal goes away: a device in its foreground ends in order, one under nohup stays.
# shellcheck disable=SC2016
in_terminal='import os, pty, sys, time
process, terminal = pty.fork()
if process == 0:
    os.chdir("'$LAB_DIR'")
    os.execvp(sys.argv[1], sys.argv[1:])
os.set_blocking(terminal, False)
while not os.path.exists("'$LAB_DIR'/hang-up"):
    time.sleep(0.05)
    try:
        os.read(terminal, 65536)
    except OSError:
        pass
os.close(terminal)
os.waitpid(process, 0) if "nohup" not in sys.argv[1] else None'
lab_spawn dev1 terminal python3 -c "$in_terminal" "$BAMGATE" up --config "$LAB_DIR/dev1"
lab_wait 15 "dev1 does not reach the hub" hub_connected dev1
touch "$LAB_DIR/hang-up"
await_process "$LAB_PID" "a device whose terminal is gone"
[ ! -S "$LAB_DIR/dev1/control.sock" ] || lab_fail "a device whose terminal went away left its control socket"
check_nothing_left dev1 "after the terminal was gone"
rm "$LAB_DIR/hang-up"
lab_spawn dev1 terminal python3 -c "$in_terminal" nohup "$BAMGATE" up --config "$LAB_DIR/dev1"
lab_wait 15 "dev1 does not reach the hub" hub_connected dev1
touch "$LAB_DIR/hang-up"
await_process "$LAB_PID" "the terminal"
hub_connected dev1 || lab_fail "a device under nohup ended with its terminal"
dev1 down || lab_fail "down failed"
check_nothing_left dev1 "at the end"

# The hub: a signal at each step, too.
hub_kill TERM
set -m
for delay in 0 2 5 10 20 40; do
  lab_spawn hub hub "$BAMGATE" hub --listen "$(hub_endpoint)" --data "$LAB_DIR/hub"
  pause "$delay"
  kill -INT "$LAB_PID"
  await_process "$LAB_PID" "a hub that was interrupted after $delay ms"
done
set +m
hub_start
hub_connected dev2 || lab_wait 60 "the device does not come back after the hub's interruptions" hub_connected dev2
