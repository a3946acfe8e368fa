#!/usr/bin/env bash
# `bamgate lab dtls` against OpenSSL's s_server and s_client, with datagrams of at most 600 bytes, so that handshake messages
# come in fragments: the fingerprint that is shown is that of the certificate, a wrong one is refused, thousands of lines go
# both ways, either side closes in good order, and the handshake comes through with 2 % and with 20 % loss.
# shellcheck source-path=SCRIPTDIR source=lab_tools.sh
source "$(dirname "$0")/lab_tools.sh"

port=4433
lines=10000
tool='' openssl=''

connected() { has_step us 'has("cipher_suite")'; }
closed_as() { has_step us ".step == \"result\" and .text == \"closed: $1\""; }
fragments() { steps us "map(select(.step == \"$1\" and (.text | test(\"bytes [0-9]+ to\")))) | length"; }
largest() { steps us "map(select(.step == \"$1\") | .datagram_bytes // 0) | max"; }

# them COMMAND...: openssl on host them, fed by a pipe; what it prints goes to them.log
them() {
  rm -f "$LAB_DIR/them.in"
  mkfifo "$LAB_DIR/them.in"
  ip netns exec "$LAB_PREFIX-them" env --default-signal=INT openssl "$@" 0<>"$LAB_DIR/them.in" >"$LAB_DIR/them.log" 2>&1 &
  openssl=$!
}
end_them() {
  kill "$openssl" 2>/dev/null || true
  wait "$openssl" 2>/dev/null || true
}

# us ARGUMENT...: lab dtls; its steps go to us.log, what the peer says to us.data
us() {
  rm -f "$LAB_DIR/us.in"
  : >"$LAB_DIR/us.all"
  mkfifo "$LAB_DIR/us.in"
  ip netns exec "$LAB_PREFIX-us" env --default-signal=INT "$BAMGATE" lab dtls "$@" --json --mtu 600 \
    0<>"$LAB_DIR/us.in" >"$LAB_DIR/us.data" 2>"$LAB_DIR/us.all" &
  tool=$!
}
# Notices for people stand between the steps.
collect() { grep '^{' "$LAB_DIR/us.all" >"$LAB_DIR/us.log" || true; }
when_connected() { collect && connected; }
when_closed() { collect && closed_as "$1"; }
end_us() {
  local code=0
  wait "$tool" || code=$?
  [ "$code" = "$1" ] || lab_fail "lab dtls ended with code $code, not $1: $(tail -n 1 "$LAB_DIR/us.all")"
}

fingerprint() { openssl x509 -in "$LAB_DIR/$1.pem" -noout -fingerprint -sha256 | cut -d= -f2; }
certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -days 2 \
    -keyout "$LAB_DIR/$1.key" -out "$LAB_DIR/$1.pem" 2>/dev/null || lab_fail "openssl makes no certificate"
}

server() {
  them s_server -dtls1_2 -accept $port -cert "$LAB_DIR/them.pem" -key "$LAB_DIR/them.key" -Verify 1 -mtu 600
  lab_wait 10 "s_server does not start" is_bound them $port
}
client() {
  them s_client -dtls1_2 -connect 203.0.113.1:$port -cert "$LAB_DIR/them.pem" -key "$LAB_DIR/them.key" -mtu 600
}
is_bound() { [ -n "$(lab_in "$1" ss -Hlun "sport = :$2")" ]; }

data_both_ways() {
  python3 "$INTEROP/lockstep.py" $lines "$LAB_DIR/us.in" "$LAB_DIR/them.log" "$LAB_DIR/them.in" "$LAB_DIR/us.data" ||
    lab_fail "not all lines come through"
}

check_handshake() {
  local shown
  lab_wait 20 "no connection" when_connected
  shown=$(steps us 'map(select(has("fingerprint"))) | last | .fingerprint')
  [ "$shown" = "$(fingerprint them)" ] || lab_fail "the fingerprint shown is $shown, not $(fingerprint them)"
  [ "$(fragments received)" -ge 2 ] || lab_fail "their messages came in no fragments"
  [ "$(largest sent)" -le 600 ] || lab_fail "we sent a datagram of $(largest sent) bytes"
}

# ROLE of ours (client, server), WHO closes (us, them).
session() {
  local arguments=(connect "203.0.113.2:$port")
  if [ "$1" = client ]; then
    server
  else
    arguments=(listen "203.0.113.1:$port")
  fi
  us "${arguments[@]}" --fingerprint "$(fingerprint them)"
  if [ "$1" = server ]; then
    lab_wait 10 "lab dtls does not listen" is_bound us $port
    client
  fi
  check_handshake
  if [ "$2" = us ]; then
    data_both_ways
    kill -INT "$tool"
    lab_wait 5 "we do not close" when_closed "closed locally"
    end_us 0
    if [ "$1" = server ]; then await_openssl; fi
  else
    echo Q >"$LAB_DIR/them.in"
    lab_wait 5 "we do not hear that they close" when_closed "closed by peer"
    end_us 0
  fi
  end_them
  echo "we as $1, $2 closing: $(fragments received) fragments in, the largest datagram out $(largest sent) bytes"
}

# s_client ends when it is told that the session ends.
openssl_ended() { ! kill -0 "$openssl" 2>/dev/null; }
await_openssl() { lab_wait 5 "s_client does not hear that we close" openssl_ended; }

wrong_fingerprint() {
  server
  us connect "203.0.113.2:$port" --fingerprint "$(fingerprint us)"
  end_us 1
  grep -q 'fingerprint' "$LAB_DIR/us.all" || lab_fail "the refusal does not name the fingerprint"
  end_them
}

lossy_handshake() {
  server
  us connect "203.0.113.2:$port"
  until when_connected; do
    kill -0 "$tool" 2>/dev/null || { end_us 1; end_them; return 1; }
    sleep 0.05
  done
  kill -INT "$tool"
  end_us 0
  end_them
}

lossy_handshakes() {
  local i
  with_loss "$1"
  for ((i = 0; i < $2; i++)); do
    # With 20 % loss one of a hundred rightly runs out of the tool's 30 s.
    lossy_handshake || lossy_handshake || lab_fail "no connection with $1 % loss, twice"
  done
  echo "$2 handshakes with $1 % loss"
}

interop_begin dtls
need_tool openssl
two_hosts
certificate them
certificate us
# There is no "session client them": whatever s_server is told, it closes its socket before its last alert (OpenSSL 3.0).
session client us
session server us
session server them
wrong_fingerprint
lossy_handshakes 2 5
lossy_handshakes 20 3
