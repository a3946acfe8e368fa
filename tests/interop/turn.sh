#!/usr/bin/env bash
# Our TURN client against coturn: two of `bamgate lab turn` exchange lines through relayed addresses, over UDP, TCP, TLS and a
# WebSocket, of IPv4, IPv6 and both, each with the challenge that begins it; a wrong name and a wrong password; coturn
# started again in the middle, which costs one new allocation; and a nonce that has grown stale.
# shellcheck source-path=SCRIPTDIR source=lab_tools.sh
source "$(dirname "$0")/lab_tools.sh"

lines=1000
server=''
declare -A tools=()

# NAME HOST ARGUMENT...: lab turn; its steps go to NAME.log, what the peer says to NAME.data
tool() {
  local name=$1 host=$2
  shift 2
  rm -f "$LAB_DIR/$name.in"
  mkfifo "$LAB_DIR/$name.in"
  : >"$LAB_DIR/$name.log"
  ip netns exec "$LAB_PREFIX-$host" env --default-signal=INT "$BAMGATE" lab turn --user me --json "$@" \
    0<>"$LAB_DIR/$name.in" >"$LAB_DIR/$name.data" 2>"$LAB_DIR/$name.log" &
  tools[$name]=$!
}
end_tool() {
  local code=0
  kill -INT "${tools[$1]}"
  wait "${tools[$1]}" || code=$?
  [ "$code" = 0 ] || lab_fail "lab turn $1 ended with code $code: $(tail -n 1 "$LAB_DIR/$1.log")"
  has_step "$1" '.text | startswith("closed: the allocation is deleted")' || lab_fail "$1 did not delete its allocation"
}
relayed() { steps "$1" "map(select(has(\"relayed\"))) | last | .relayed"; }
allocated() { has_step "$1" 'has("relayed")' "${2:-1}"; }
said() { grep -qx "$2" "$LAB_DIR/$1.data"; }

# coturn ARGUMENT...: a relay with accounts, on both families.
coturn() {
  lab_spawn server coturn turnserver -n --no-cli --log-file stdout --pidfile "$LAB_DIR/turn.pid" --userdb "$LAB_DIR/turndb" \
    -L 203.0.113.10 -L 2001:db8::10 -E 203.0.113.10 -E 2001:db8::10 -p 3478 --tls-listening-port 5349 \
    --cert "$LAB_DIR/relay.pem" --pkey "$LAB_DIR/relay.key" --lt-cred-mech --user me:secret --realm relay.example "$@"
  server=$LAB_PID
  lab_wait 20 "coturn does not answer" answers
}
answers() { lab_in server timeout 1 turnutils_stunclient -p 3478 203.0.113.10 >/dev/null 2>&1; }
end_coturn() {
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
}

# The two learn each other's relayed address, and exchange lines one after the other.
meet() {
  tell a "/peer $(relayed b)"
  tell b "/peer $(relayed a)"
  lab_wait 10 "a has no permission" has_step a 'has("permission")'
  lab_wait 10 "b has no permission" has_step b 'has("permission")'
  python3 "$INTEROP/lockstep.py" $lines "$LAB_DIR/a.in" "$LAB_DIR/b.data" "$LAB_DIR/b.in" "$LAB_DIR/a.data" ||
    lab_fail "not all lines come through"
}

# NAME URI [FAMILY]: both over this URI; with TLS one believes the certificate, the other the key.
session() {
  local name=$1 uri=$2
  tool a us --server "$uri" --password secret --ca-file "$LAB_DIR/relay.pem" --family "${3:-4}"
  tool b them --server "$uri" --password secret --pin "$pin" --family "${3:-4}"
  lab_wait 10 "no allocation for a: $name" allocated a
  lab_wait 10 "no allocation for b: $name" allocated b
  has_step a '.step == "received" and (.text | contains("ERROR-CODE 401"))' || lab_fail "$name: nobody asked for a password"
  meet
  has_step a '.step == "sent" and (.text | contains(": Send indication"))' || lab_fail "$name: no packet without a channel"
  has_step a '.step == "sent" and (.text | contains(": ChannelData"))' $((lines / 2)) || lab_fail "$name: no channel"
  end_tool a
  end_tool b
  echo "$name: $lines lines each way"
}

# coturn forgets everything, and is there again.
restart() {
  end_coturn
  coturn
}

# A stale nonce, by any request, then a restart of the server.
forgetful() {
  local name=$1 uri=$2 reason=$3
  tool a us --server "$uri" --password secret
  tool b them --server "$uri" --password secret
  lab_wait 10 "no allocation: $name" allocated a
  lab_wait 10 "no allocation: $name" allocated b
  restart
  tell a /check
  tell b /check
  lab_wait 60 "a does not notice: $name" has_step a "(.lost // \"\") == \"$reason\""
  lab_wait 60 "no new allocation for a: $name" allocated a 2
  lab_wait 60 "no new allocation for b: $name" allocated b 2
  meet
  has_step a 'has("lost")' 2 && lab_fail "$name: a lost more than one allocation"
  end_tool a
  end_tool b
  echo "$name: one new allocation after a restart"
}

stale_nonce() {
  coturn --stale-nonce=2
  tool a us --server turn:203.0.113.10 --password secret --peer 203.0.113.77:9
  lab_wait 10 "no allocation" allocated a
  sleep_past_nonce() { tell a /check && has_step a '.step == "received" and (.text | contains("ERROR-CODE 438"))'; }
  lab_wait 30 "no nonce grows stale" sleep_past_nonce
  lab_wait 10 "the refresh is not repeated" has_step a '.text | contains(": Refresh success response")'
  has_step a 'has("lost")' && lab_fail "a stale nonce cost the allocation"
  end_tool a
  end_coturn
  echo "stale nonce: answered with the new one"
}

# Refused: exit code 1, and why.
refused() {
  local what=$1 reason=$2 code=0
  shift 2
  lab_in us "$BAMGATE" lab turn --json "$@" >/dev/null 2>"$LAB_DIR/a.log" </dev/null || code=$?
  [ "$code" = 1 ] || lab_fail "$what: exit code $code"
  has_step a ".failed == \"$reason\"" || lab_fail "$what: $(tail -n 1 "$LAB_DIR/a.log")"
  echo "$what: $reason"
}

export LAB_FAMILIES=46
interop_begin turn
need_tool turnserver
need_tool turnutils_stunclient
two_hosts
lab_host server 10
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=203.0.113.10" -days 2 \
  -keyout "$LAB_DIR/relay.key" -out "$LAB_DIR/relay.pem" 2>/dev/null ||
  lab_fail "openssl makes no certificate"
pin=$(openssl x509 -in "$LAB_DIR/relay.pem" -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary |
  basenc --base64url | tr -d =)

coturn
session udp turn:203.0.113.10
session tcp 'turn:203.0.113.10?transport=tcp'
session tls turns:203.0.113.10
session "udp of IPv6" 'turn:[2001:db8::10]' 6
# coturn 4.6 has the numbers of an older draft for dual allocations, so that it gives one address of IPv4 for the asking.
session "both families" turn:203.0.113.10 both
lab_spawn server websocket "$INTEROP/turn_websocket.py" 203.0.113.10:8080 203.0.113.10:3478
hears() { lab_in server bash -c '</dev/tcp/203.0.113.10/8080' 2>/dev/null; }
lab_wait 10 "the WebSocket does not listen" hears
session websocket ws://203.0.113.10:8080/turn
session "websocket with batches" 'ws://203.0.113.10:8080/turn?batch=1'

refused "wrong password" "wrong name or password" --server turn:203.0.113.10 --user me --password wrong
refused "wrong name" "wrong name or password" --server turn:203.0.113.10 --user you --password secret
forgetful udp turn:203.0.113.10 "forgotten by the server"
forgetful tcp 'turn:203.0.113.10?transport=tcp' "connection closed"
end_coturn
stale_nonce
