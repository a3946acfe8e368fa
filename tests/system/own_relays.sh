#!/usr/bin/env bash
# TURN servers of one's own (coturn), without the hub's relay: two devices between which no direct path can come about reach
# each other by UDP, TCP and TLS, also when one of them alone knows the server; status says which server and transport. coturn
# started again in the middle costs a short silence. A wrong credential is told once, and coturn is not asked again and again.
# usage: own_relays.sh [udp|tcp|tls|alone|forced|wrong]
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

COTURN_PID=

# coturn forgets everything when it ends.
coturn() {
  lab_spawn turn coturn turnserver -n --no-cli --log-file stdout --verbose --pidfile "$LAB_DIR/turn.pid" --userdb "$LAB_DIR/turndb" \
    -L 203.0.113.20 -E 203.0.113.20 -p 3478 --tls-listening-port 5349 --cert "$LAB_DIR/turn.pem" --pkey "$LAB_DIR/turn.key" \
    --lt-cred-mech --user me:secret --realm turn.example
  COTURN_PID=$LAB_PID
  lab_wait 20 "coturn does not answer" coturn_answers
}
coturn_answers() { lab_in turn timeout 1 turnutils_stunclient -p 3478 203.0.113.20 >/dev/null 2>&1; }
coturn_again() {
  kill -KILL "$COTURN_PID"
  await_process "$COTURN_PID" coturn
  coturn
}

# The devices know coturn by its name, and its certificate by the system's roots.
begin() {
  command -v turnserver >/dev/null || lab_fail "the program turnserver is missing: run scripts/setup"
  bamgate_begin "own-relays-$1"
  two_sites
  lab_host turn 20
  # coturn ends an allocation when the system knows no way to one of its peers, and private addresses are among them. On the
  # Internet there is a default route; here it leads to somebody who drops what is not for himself.
  ip -n "$LAB_PREFIX-turn" route add default via 203.0.113.10
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=turn.example" -addext subjectAltName=DNS:turn.example \
    -days 2 -keyout "$LAB_DIR/turn.key" -out "$LAB_DIR/turn.pem" 2>/dev/null || lab_fail "openssl makes no certificate"
  printf '127.0.0.1 localhost\n203.0.113.20 turn.example\n' >"$LAB_DIR/hosts"
  bamgate_sees_etc hosts="$LAB_DIR/hosts" ssl/certs/ca-certificates.crt="$LAB_DIR/turn.pem"
  coturn
  hub_start
  for device in dev1 dev2; do
    device_setup "$device"
    sed -i '/^turn_secret/d' "$LAB_DIR/$device/secrets.toml"
  done
}

# knows DEVICE URL [CREDENTIAL]
knows() {
  sed -i "/^\[turn\]/,/^\[/ s|^servers = .*|servers = [{ url = \"$2\", username = \"me\" }]|" "$LAB_DIR/$1/config.toml"
  grep -q "$2" "$LAB_DIR/$1/config.toml" || lab_fail "config.toml of $1 has no [turn] servers"
  sed -i '/^\[turn\]/,$d' "$LAB_DIR/$1/secrets.toml"
  printf '[turn]\ncredential = "%s"\n' "${3:-secret}" >>"$LAB_DIR/$1/secrets.toml"
}

each_destination_another_port() { # NAT
  lab_in "nat$1" nft flush table ip nat
  lab_in "nat$1" nft add table ip nat
  lab_in "nat$1" nft 'add chain ip nat postrouting { type nat hook postrouting priority srcnat; }'
  lab_in "nat$1" nft add rule ip nat postrouting oifname outside masquerade fully-random
}

no_udp() { # NAT
  lab_in "nat$1" nft add table inet closed
  lab_in "nat$1" nft 'add chain inet closed forward { type filter hook forward priority -1; }'
  lab_in "nat$1" nft add rule inet closed forward meta l4proto udp drop
}

up() {
  device_up dev1
  device_up dev2
  wait_connected dev1 dev2
}

# relayed DEVICE PEER SERVER TRANSPORT: what status says of the path
relayed() {
  local said
  said=$(device_status "$1" ".peers[] | select(.id == \"$2\") | \"\(.path) \(.relay.server) \(.relay.transport)\"")
  [[ $said =~ ^relayed\ ($3)\ ($4)$ ]] || lab_fail "$1 says of its path to $2: '$said', not relayed by $3 $4"
}

# SECONDS: as long as the tunnel may be silent when coturn is started again
restart() {
  start_pings dev1 dev2
  coturn_again
  local answered
  answered=$(answers)
  lab_wait 40 "no answer after coturn was started again" answers_reach $((answered + 100))
  end_pings "$1: coturn started again" "$2"
}

udp() {
  begin udp
  each_destination_another_port 1
  each_destination_another_port 2
  knows dev1 turn:turn.example
  knows dev2 turn:turn.example
  up
  # Of two relays one carries each direction's choice: the peer's relayed address, or our own.
  relayed dev1 dev2 'turn:turn.example:3478|203.0.113.20:[0-9]+' udp
  check_ping_both_ways dev1 dev2
  head -c 3000000 /dev/urandom >"$LAB_DIR/file"
  transfer dev1 dev2 4 "$LAB_DIR/file"
  echo "udp: $TRANSFER_RATE MB/s through coturn"
  restart udp 12
}

stream() { # NAME URL
  no_udp 1
  no_udp 2
  knows dev1 "$2"
  knows dev2 "$2"
  up
  relayed dev1 dev2 "$3" "$1"
  relayed dev2 dev1 "$3" "$1"
  check_ping_both_ways dev1 dev2
  head -c 3000000 /dev/urandom >"$LAB_DIR/file"
  transfer dev1 dev2 4 "$LAB_DIR/file"
  echo "$1: $TRANSFER_RATE MB/s through coturn"
  restart "$1" 12
}

tcp() {
  begin tcp
  stream tcp 'turn:turn.example?transport=tcp' 'turn:turn.example:3478[?]transport=tcp'
}

tls() {
  begin tls
  stream tls turns:turn.example turns:turn.example:5349
}

# dev2 knows no relay at all; dev1 gets the server while it runs.
alone() {
  begin alone
  each_destination_another_port 1
  each_destination_another_port 2
  device_up dev1
  device_up dev2
  lab_wait 20 "dev1 does not reach the hub" hub_connected dev1
  lab_wait 20 "dev2 does not reach the hub" hub_connected dev2
  is_connected dev1 dev2 && lab_fail "they are connected without a relay: the NATs are not symmetric"
  knows dev1 turn:turn.example
  kill -HUP "${DEVICE_PID[dev1]}"
  wait_connected dev1 dev2
  grep -q 'in force now: TURN servers' "$LAB_DIR/dev1.log" || lab_fail "the log does not tell of the new server"
  relayed dev1 dev2 turn:turn.example:3478 udp
  relayed dev2 dev1 '203.0.113.20:[0-9]+' udp
  check_ping_both_ways dev1 dev2
  echo "alone: one device's server serves both"
}

forced() {
  begin forced
  knows dev1 turn:turn.example
  sed -i 's/^force_relay = false/force_relay = true/' "$LAB_DIR/dev1/config.toml"
  up
  relayed dev1 dev2 turn:turn.example:3478 udp
  check_ping_both_ways dev1 dev2
  echo "forced: relayed where a direct path was there"
}

refusals() { grep -c 'refuses the username or the credential (401)' "$LAB_DIR/dev1.log" || true; }
refused() { [ "$(refusals)" = 1 ]; }

wrong() {
  begin wrong
  no_udp 1
  no_udp 2
  knows dev1 turns:turn.example wrong
  knows dev2 turns:turn.example
  device_up dev1
  device_up dev2
  lab_wait 20 "dev1 does not tell that its credential is refused" refused
  local connections
  connections=$(grep -c 'session .*: usage' "$LAB_DIR/coturn.log" || true)
  kill -HUP "${DEVICE_PID[dev1]}" # a reload without a change asks nobody
  lab_wait 10 "dev1 does not read its configuration again" grep -q 'nothing has changed in it' "$LAB_DIR/dev1.log"
  lab_in dev1 ping -c 10 -i 0.3 -W 1 "$(device_address dev2 4)" >/dev/null 2>&1 || true
  [ "$(refusals)" = 1 ] || lab_fail "dev1 tells $(refusals) times that its credential is refused"
  [ "$(lab_in turn ss -Htn state established "sport = :5349" | wc -l)" = 1 ] || lab_fail "dev1 still holds a connection to coturn"
  knows dev1 turns:turn.example secret
  kill -HUP "${DEVICE_PID[dev1]}"
  wait_connected dev1 dev2
  relayed dev1 dev2 turns:turn.example:5349 tls
  echo "wrong: told once, mended by a reload (${connections:-0} sessions had ended)"
  # What cannot be used is refused before anything is taken down.
  knows dev1 'turn:turn.example?transport=sctp'
  kill -HUP "${DEVICE_PID[dev1]}"
  lab_wait 10 "a bad server is not refused" grep -q 'turn.servers.url: .*the one before stays\|stays in force: .*turn.servers.url' "$LAB_DIR/dev1.log"
  is_connected dev1 dev2 || lab_fail "a bad configuration cost the tunnel"
}

if [ $# -gt 0 ]; then
  "$1"
else
  for one in udp tcp tls alone forced wrong; do ("$one"); done
fi
