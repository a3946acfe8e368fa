# bamgate in the NAT laboratory: starts the hub and devices, waits for them, and checks what they say. Source lab.sh first.
#
#   bamgate_begin NAME         begins the laboratory; the program is $BAMGATE (default: build/release/bamgate)
#   bamgate_sees_etc NAME=FILE...        from here on $BAMGATE finds these files in /etc, and all else there as it is
#   bamgate_at_clock NAME...   from here on bamgate on these has a clock of its own: the seconds in $LAB_DIR/NAME.clock are added
#   two_sites | one_site       a hub on the internet, dev1 and dev2 behind two probed NATs, or behind one
#   hub_start [OPTION...], hub_kill SIGNAL     process id in $HUB_PID
#   device_setup NAME          joins with a fresh join string; the folder is $LAB_DIR/NAME
#   device_up NAME, device_down NAME     process id in ${DEVICE_PID[NAME]}, output in $LAB_DIR/NAME.log
#   devices_connect NAME...    setup and up of each, then wait_connected
#   device_status NAME [JQ]    what status --json says, or a part of it
#   device_address NAME 4|6    the tunnel address without its length
#   wait_connected NAME...     until each of these is connected with each other one
#   check_path NAME PEER LOCAL REMOTE    fails unless the path is direct and both candidates match the regular expressions
#   check_ping NAME ADDRESS    fails unless pings are answered
#   transfer FROM TO 4|6 FILE  HTTP through the tunnel; fails unless the SHA-256 agrees; $TRANSFER_RATE is then MB/s
#   remember NAME              keeps what interfaces, routes, rules and sockets there are
#   check_nothing_left NAME WHEN         fails when they are not as they were, or a process is left
#   iperf FROM TO ADDRESS OPTION...      iperf3 to that address of TO; its report is then $LAB_DIR/iperf3.json
#   throughput FROM TO ADDRESS           TCP by iperf3 to that address of TO; Mbit/s in $THROUGHPUT
#   resident PID               resident memory in MiB
#   start_pings FROM TO        50 pings a second through the tunnel, until end_pings; answers_reach N: so many are answered
#   end_pings WHAT SECONDS     prints the longest time without an answer; fails if it is longer than SECONDS, and the machine
#                              itself was not why
#   must_end CODE PATTERN COMMAND...     fails unless the command ends with that code and says something that matches
#   first_ping NAME ADDRESS    seconds from now until the first answered ping in $FIRST_PING; call it right after device_up
# shellcheck shell=bash

BAMGATE=${BAMGATE:-$(cd "$LAB_SOURCE/../.." && pwd)/build/release/bamgate}
HUB_PID=
TRANSFER_RATE=
declare -A DEVICE_PID=()

bamgate_begin() {
  [ -x "$BAMGATE" ] || lab_fail "there is no program $BAMGATE: build it, or set BAMGATE to its path"
  BAMGATE=$(realpath "$BAMGATE")
  lab_begin "$1"
}

bamgate_sees_etc() {
  local pair
  cp -a /etc "$LAB_DIR/etc"
  for pair in "$@"; do
    rm -f "$LAB_DIR/etc/${pair%%=*}"
    cp "${pair#*=}" "$LAB_DIR/etc/${pair%%=*}"
  done
  cat >"$LAB_DIR/bamgate" <<SCRIPT
#!/bin/sh
exec unshare --mount sh -c 'mount --bind "$LAB_DIR/etc" /etc && exec "$BAMGATE" "\$@"' bamgate "\$@"
SCRIPT
  chmod 755 "$LAB_DIR/bamgate"
  BAMGATE=$LAB_DIR/bamgate
}

# Which machine it is, its network namespace says.
bamgate_at_clock() {
  local clock name
  clock=${MOVED_CLOCK_PRELOAD:-$(dirname "$BAMGATE")/tests/moved_clock.so}
  [ -e "$clock" ] || lab_fail "there is no $clock: build the target moved_clock, or set MOVED_CLOCK_PRELOAD to its path"
  for name in "$@"; do echo 0 >"$LAB_DIR/$name.clock"; done
  cat >"$LAB_DIR/bamgate-at-clock" <<SCRIPT
#!/bin/sh
MOVED_CLOCK=$LAB_DIR/\$(ip netns identify \$\$ | sed 's/^bam-[0-9]*-//').clock LD_PRELOAD=$clock exec "$BAMGATE" "\$@"
SCRIPT
  chmod 755 "$LAB_DIR/bamgate-at-clock"
  BAMGATE=$LAB_DIR/bamgate-at-clock
}

two_sites() {
  lab_middle
  lab_host hub 10
  lab_nat 1
  lab_nat 2
  lab_device dev1 1 2
  lab_device dev2 2 2
  lab_probe_nat dev1 1
  lab_probe_nat dev2 2
}

one_site() {
  lab_middle
  lab_host hub 10
  lab_nat 1
  lab_device dev1 1 2
  lab_device dev2 1 3
  lab_probe_nat dev1 1
  lab_probe_nat dev2 1
}

hub_endpoint() {
  if [[ $LAB_FAMILIES == 6 ]]; then echo "[2001:db8::10]:8443"; else echo 203.0.113.10:8443; fi
}

hub_answers() { lab_in hub curl -gksf -m 2 --noproxy '*' -o "$LAB_DIR/hub-status" "https://$(hub_endpoint)/status"; }

# shellcheck disable=SC2120  # most tests need no options
hub_start() {
  lab_spawn hub hub "$BAMGATE" hub --listen "$(hub_endpoint)" --data "$LAB_DIR/hub" --public-url "https://$(hub_endpoint)" "$@"
  HUB_PID=$LAB_PID
  lab_wait 10 "the hub does not answer" hub_answers
}

# end_process SIGNAL PID WHAT: sends the signal and waits; the exit code is then in $ENDED_WITH.
ENDED_WITH=
end_process() {
  kill -"$1" "$2" || lab_fail "$3 is not running"
  await_process "$2" "$3"
}

# The shell's own remarks about killed jobs are kept away.
await_process() {
  local end=$((SECONDS + 41))
  {
    until process_ended "$1" || [ "$SECONDS" -ge "$end" ]; do sleep 0.05; done
    ENDED_WITH=0
    # shellcheck disable=SC2034  # for the caller
    if process_ended "$1"; then wait "$1" || ENDED_WITH=$?; fi
  } 2>/dev/null
  process_ended "$1" || lab_fail "$2 does not end (gave up after 40 s)"
}

# Ended, though perhaps not yet waited for.
process_ended() {
  local state
  state=$(awk '/^State:/ { print $2 }' "/proc/$1/status" 2>/dev/null) || return 0
  [ -z "$state" ] || [ "$state" = Z ]
}

hub_kill() { end_process "$1" "$HUB_PID" "the hub"; }

device_setup() {
  local join
  join=$(lab_in hub "$BAMGATE" hub token --for "$1" --data "$LAB_DIR/hub") || lab_fail "hub token failed"
  lab_in "$1" "$BAMGATE" setup --join "$join" --name "$1" --config "$LAB_DIR/$1" >"$LAB_DIR/$1.setup.log" 2>&1 ||
    lab_fail "setup of $1 failed: $(tail -n 1 "$LAB_DIR/$1.setup.log")"
}

device_up() {
  lab_spawn "$1" "$1" "$BAMGATE" up --config "$LAB_DIR/$1"
  DEVICE_PID[$1]=$LAB_PID
}

device_down() {
  lab_in "$1" "$BAMGATE" down --config "$LAB_DIR/$1" >"$LAB_DIR/$1.down.log" 2>&1 ||
    lab_fail "down of $1 failed: $(tail -n 1 "$LAB_DIR/$1.down.log")"
  await_process "${DEVICE_PID[$1]}" "bamgate up of $1"
}

device_status() {
  local status
  status=$(lab_in "$1" "$BAMGATE" status --json --config "$LAB_DIR/$1" 2>/dev/null) || return 1
  jq -r "${2:-.}" <<<"$status"
}

device_address() {
  case $2 in
    4) device_status "$1" '.device.address | split("/")[0]' ;;
    6) device_status "$1" '.device.address6 | split("/")[0]' ;;
  esac
}

is_connected() {
  [ "$(device_status "$1" ".peers[] | select(.id == \"$2\") | .state")" = connected ] &&
    [ "$(device_status "$1" ".peers[] | select(.id == \"$2\") | .wireguard.last_handshake_s != null")" = true ]
}

wait_connected() {
  local one other
  for one in "$@"; do
    for other in "$@"; do
      [ "$one" = "$other" ] || lab_wait 30 "$one is not connected with $other" is_connected "$one" "$other"
    done
  done
}

devices_connect() {
  local device
  for device in "$@"; do
    device_setup "$device"
    device_up "$device"
  done
  wait_connected "$@"
}

hub_connected() { [ "$(device_status "$1" .hub.connected)" = true ]; }

check_path() {
  local path local_candidate remote_candidate peer=".peers[] | select(.id == \"$2\")"
  path=$(device_status "$1" "$peer | .path")
  local_candidate=$(device_status "$1" "$peer | .ice.local")
  remote_candidate=$(device_status "$1" "$peer | .ice.remote")
  [ "$path" = direct ] || lab_fail "$1 reaches $2 on a path that is $path, not direct"
  [[ $local_candidate =~ ^$3:[0-9]+\ udp$ ]] || lab_fail "$1 uses '$local_candidate' towards $2; the topology demands $3"
  [[ $remote_candidate =~ ^$4:[0-9]+\ udp$ ]] || lab_fail "$1 sends to '$remote_candidate' of $2; the topology demands $4"
}

# What check_path must see between two sites: seen from dev N behind natN towards dev M behind natM.
local_behind_nat() { echo "(host 192\.168\.$1\.$2|(srflx|prflx) 203\.0\.113\.$1)"; }
remote_behind_nat() { echo "(srflx|prflx) 203\.0\.113\.$1"; }

check_ping() {
  lab_in "$1" ping -q -n -c 5 -i 0.1 -W 5 "$2" >"$LAB_DIR/ping.log" ||
    lab_fail "$1 gets no answer from $2: $(grep loss "$LAB_DIR/ping.log")"
}

check_ping_both_ways() {
  local family
  for family in 4 6; do
    check_ping "$1" "$(device_address "$2" $family)"
    check_ping "$2" "$(device_address "$1" $family)"
  done
}

listens() { [ -n "$(lab_in "$1" ss -Hltn "sport = :$2")" ]; }

transfer() {
  local from=$1 to=$2 family=$3 file=$4 address server speed sent received
  address=$(device_address "$from" "$family")
  lab_spawn "$from" http python3 -m http.server 8000 --bind "$address" --directory "$(dirname "$file")"
  server=$LAB_PID
  # It asks a name server that is not there for its own name first.
  lab_wait 60 "the HTTP server does not start" listens "$from" 8000
  [ "$family" = 4 ] || address="[$address]"
  speed=$(lab_in "$to" curl -gsSf -m 300 --noproxy '*' -o "$LAB_DIR/received" -w '%{speed_download}' \
    "http://$address:8000/$(basename "$file")") || lab_fail "$to cannot download from $from over IPv$family"
  # shellcheck disable=SC2034  # for the caller
  TRANSFER_RATE=$(awk "BEGIN { printf \"%.1f\", $speed / 1e6 }")
  sent=$(sha256sum <"$file")
  received=$(sha256sum <"$LAB_DIR/received")
  [ "$sent" = "$received" ] || lab_fail "what $to downloaded from $from over IPv$family is not what was sent"
  rm -f "$LAB_DIR/received"
  end_process TERM "$server" "the HTTP server"
}

iperf() {
  local server
  lab_spawn "$2" iperf3-server iperf3 -s -1 -B "$3"
  server=$LAB_PID
  lab_wait 10 "iperf3 does not start" listens "$2" 5201
  lab_in "$1" iperf3 -c "$3" -J "${@:4}" >"$LAB_DIR/iperf3.json" 2>"$LAB_DIR/iperf3-client.log" || lab_fail "iperf3 failed: $(jq -r .error "$LAB_DIR/iperf3.json")"
  await_process "$server" "the iperf3 server"
}

# shellcheck disable=SC2034  # for the caller
THROUGHPUT=
throughput() {
  iperf "$1" "$2" "$3" -C cubic -t "${THROUGHPUT_SECONDS:-5}"
  # shellcheck disable=SC2034  # for the caller
  THROUGHPUT=$(jq -r '.end.sum_received.bits_per_second / 1e6 | floor' "$LAB_DIR/iperf3.json")
}

resident() { awk '/^VmRSS:/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }

FIRST_PING=
first_ping() {
  local begin=$EPOCHREALTIME pinging answered
  lab_spawn "$1" first-ping ping -D -n -i 0.02 -W 1 "$2"
  pinging=$LAB_PID
  lab_wait 30 "no ping from $1 to $2 is answered" grep -q 'bytes from' "$LAB_DIR/first-ping.log"
  answered=$(awk '/bytes from/ { gsub(/[][]/, "", $1); print $1; exit }' "$LAB_DIR/first-ping.log")
  # shellcheck disable=SC2034  # for the caller
  FIRST_PING=$(awk "BEGIN { printf \"%.2f\", $answered - $begin }")
  end_process INT "$pinging" "ping"
}

answers() { grep -c 'bytes from' "$LAB_DIR/receive.log"; }
answers_reach() { [ "$(answers)" -ge "$1" ]; }

PINGS=()
start_pings() {
  lab_spawn "$1" receive ping -D -n -i 0.02 -W 1 "$(device_address "$2" 4)"
  PINGS=("$LAB_PID")
  lab_spawn "$1" itself ping -D -n -i 0.02 -W 1 127.0.0.1
  PINGS+=("$LAB_PID")
  lab_wait 10 "the pings are not answered" answers_reach 50
}

# The longest time between two answers in that log. (On a busy machine ping tears a line now and then.)
longest_gap() {
  awk '/^\[[0-9.]+\] [0-9]+ bytes from/ { gsub(/[][]/, "", $1); if (last && $1 - last > gap) gap = $1 - last; last = $1 }
       END { printf "%.3f", gap }' "$LAB_DIR/$1.log"
}

# What stopped FROM's pings to itself stopped the whole machine.
end_pings() {
  local pid gap itself
  for pid in "${PINGS[@]}"; do end_process INT "$pid" ping; done
  gap=$(longest_gap receive) itself=$(longest_gap itself)
  echo "$1: longest gap between two of $(answers) answers $gap s (between the machine's own $itself s)"
  awk "BEGIN { exit !($gap <= $2 + $itself) }" || lab_fail "$1: no answers for $gap s"
}

remember() { lab_snapshot "$1" >"$LAB_DIR/$1.before"; }

same_as_before() {
  lab_snapshot "$1" >"$LAB_DIR/$1.after"
  cmp -s "$LAB_DIR/$1.before" "$LAB_DIR/$1.after"
}

processes_of() { ip netns pids "$LAB_PREFIX-$1" | tr '\n' ' '; }
no_processes() { [ -z "$(processes_of "$1")" ]; }

check_nothing_left() {
  lab_wait 5 "processes of $1 are left $2" no_processes "$1"
  if ! same_as_before "$1"; then
    diff "$LAB_DIR/$1.before" "$LAB_DIR/$1.after" >&2 || true
    lab_fail "$1 is not as it was before, $2"
  fi
}

must_end() {
  local wanted=$1 pattern=$2 code=0
  shift 2
  "$@" >"$LAB_DIR/said" 2>&1 || code=$?
  [ "$code" -eq "$wanted" ] || lab_fail "'$*' ended with $code, not $wanted: $(cat "$LAB_DIR/said")"
  grep -Eq -- "$pattern" "$LAB_DIR/said" || lab_fail "'$*' does not say '$pattern': $(cat "$LAB_DIR/said")"
}
