#!/usr/bin/env bash
# A network whose name server never answers: a hub whose name is in /etc/hosts is reached all the same, before anybody gives
# up on the STUN servers' names, and `down` does not wait for them either.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

bamgate_begin name_server_gone
one_site
hub_start
lab_spawn hub silence python3 -c '
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
    silent.bind(("203.0.113.10", 53))
    print("ready", flush=True)
    while True:
        silent.recv(512)
        print("question", flush=True)
'
lab_wait 10 "the silent name server does not start" grep -q ready "$LAB_DIR/silence.log"

printf '127.0.0.1 localhost\n203.0.113.10 hub.example\n' >"$LAB_DIR/hosts"
printf 'nameserver 203.0.113.10\noptions timeout:30 attempts:1\n' >"$LAB_DIR/resolv.conf"
bamgate_sees_etc hosts="$LAB_DIR/hosts" resolv.conf="$LAB_DIR/resolv.conf"

join=$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub")
lab_in dev1 "$BAMGATE" setup --join "${join/203.0.113.10/hub.example}" --name dev1 --config "$LAB_DIR/dev1" 2>"$LAB_DIR/dev1.setup.log" ||
  lab_fail "setup failed: $(cat "$LAB_DIR/dev1.setup.log")"
lab_spawn dev1 dev1 "$BAMGATE" up --verbose --config "$LAB_DIR/dev1"
DEVICE_PID[dev1]=$LAB_PID
lab_wait 20 "dev1 does not reach the hub" hub_connected dev1
grep -E 'connected to the hub|is left out' "$LAB_DIR/dev1.log" | head -n 1 | grep -q 'connected to the hub' ||
  lab_fail "the hub had to wait for the names of STUN servers: $(cat "$LAB_DIR/dev1.log")"

# What was not found is asked for again when the configuration is read again, and when the network changes after that.
questions() { grep -c question "$LAB_DIR/silence.log" || true; }
asked_again() { [ "$(questions)" -gt "$asked" ]; }
left_out() { [ "$(grep -c 'is left out for now' "$LAB_DIR/dev1.log")" -ge "$1" ]; }
lab_wait 10 "the names of STUN servers are not given up" left_out 2
asked=$(questions)
kill -HUP "$(head -n 1 "$LAB_DIR/dev1/agent.lock")"
lab_wait 5 "the names of STUN servers are not asked for again after a reload" asked_again
lab_wait 10 "the names of STUN servers are not given up again" left_out 4
asked=$(questions)
ip -n "$LAB_PREFIX-dev1" address add 192.168.1.77/24 dev lan
lab_wait 5 "the names of STUN servers are not asked for again when the network changes" asked_again
device_down dev1
