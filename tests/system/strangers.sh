#!/usr/bin/env bash
# Between two devices and their hub stands a proxy that for a moment answers by itself: 401 and 403 with pages and JSON of its
# own, a portal's 200 and 302, 5xx, nothing, too much, no HTTP, another certificate, a TLS alert, a close as of a revoked
# device; or it takes the Upgrade field away. Each time the devices say what answered, their tunnel carries pings without a
# gap, and they come back by themselves. Only what the hub itself says ends a device.
# usage: tests/system/strangers.sh [--list] [CASE...]      all cases without an argument
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

url=https://hub.example

make_trust() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=Lab authority" \
    -addext basicConstraints=critical,CA:TRUE -keyout "$LAB_DIR/ca.key" -out "$LAB_DIR/ca.crt"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=hub.example" \
    -keyout "$LAB_DIR/proxy.key" -out "$LAB_DIR/proxy.csr"
  openssl x509 -req -days 2 -in "$LAB_DIR/proxy.csr" -CA "$LAB_DIR/ca.crt" -CAkey "$LAB_DIR/ca.key" -CAcreateserial \
    -extfile <(echo "subjectAltName=DNS:hub.example") -out "$LAB_DIR/proxy.crt"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=portal" \
    -keyout "$LAB_DIR/portal.key" -out "$LAB_DIR/portal.crt"
}
make_machine() {
  printf '127.0.0.1 localhost\n203.0.113.10 hub.example\n' >"$LAB_DIR/hosts"
  echo 'nameserver 127.0.0.1' >"$LAB_DIR/resolv.conf"
  bamgate_sees_etc hosts="$LAB_DIR/hosts" resolv.conf="$LAB_DIR/resolv.conf" ssl/certs/ca-certificates.crt="$LAB_DIR/ca.crt"
}

# has_had ADDRESS ANSWER...: the client has got all of them since the round began, and was passed on after that
has_had() {
  local address=$1
  shift
  [[ "$(tail -n "+$round_begin" "$LAB_DIR/strange.log" | awk -v a="$address" '$1 == a { printf "%s ", $2 }')" == "$* pass "* ]]
}
says_strange() { [[ $(device_status "$1" .hub.error) == *"cannot reach the hub at hub.example"* ]]; }

# begin_round ANSWER...: the proxy cuts every connection and gives each client these answers
begin_round() {
  echo "$*" >"$LAB_DIR/round"
  round_begin=$(($(wc -l <"$LAB_DIR/strange.log") + 1))
  kill -USR1 "$proxy" || lab_fail "the proxy is not running"
  lab_wait 10 "the proxy does not begin a round" round_began
}
round_began() { tail -n "+$round_begin" "$LAB_DIR/strange.log" | grep -q '^round'; }

# one_round ANSWER...: both devices lose the hub and get these answers before they are passed on again
one_round() {
  local device
  # What was connected for 10 s is tried again soon: without that the round would only take longer.
  sleep 11
  begin_round "$@"
  for device in dev1 dev2; do lab_wait 30 "$device does not say what answered ($*)" says_strange "$device"; done
  for device in 1 2; do
    lab_wait 60 "dev$device has not tried again after each of: $*" has_had "203.0.113.$device" "$@"
    lab_wait 60 "dev$device does not come back after: $*" hub_connected "dev$device"
  done
}
# said DEVICE TEXT: fails unless its log has it
said() { grep -qF -- "$2" "$LAB_DIR/$1.log" || lab_fail "$1 has not said '$2'"; }
# commands_meet ANSWER CODE TEXT COMMAND...: fails unless `bamgate COMMAND`, met by that answer, ends so and says that
commands_meet() {
  local answer=$1 wanted=$2 text=$3 code=0
  shift 3
  begin_round "$answer"
  lab_in dev3 timeout 60 "$BAMGATE" "$@" >"$LAB_DIR/stdout" 2>"$LAB_DIR/stderr" || code=$?
  [ "$code" -eq "$wanted" ] || lab_fail "'$*' ended with $code on $answer, not $wanted: $(cat "$LAB_DIR/stderr")"
  grep -qF -- "$text" "$LAB_DIR/stderr" || lab_fail "'$*' does not say '$text': $(cat "$LAB_DIR/stderr")"
}

set_up() {
  for tool in openssl unshare; do
    command -v "$tool" >/dev/null || lab_fail "the program $tool is missing: run scripts/setup"
  done
  two_sites
  lab_nat 3
  lab_device dev3 3 2
  make_trust >"$LAB_DIR/openssl.log" 2>&1 || lab_fail "openssl cannot make the certificates"
  make_machine
  : >"$LAB_DIR/round"
  lab_spawn hub hub "$BAMGATE" hub --plain-http --listen 127.0.0.1:8080 --data "$LAB_DIR/hub" --public-url "$url" \
    --stun 203.0.113.10:3478 --log-format json --verbose
  lab_wait 10 "the hub does not listen" listens hub 8080
  lab_spawn hub strange python3 "$LAB_SOURCE/strange_proxy.py" 203.0.113.10:443 8080 "$LAB_DIR/proxy.crt" "$LAB_DIR/proxy.key" \
    "$LAB_DIR/portal.crt" "$LAB_DIR/portal.key" "$LAB_DIR/round"
  proxy=$LAB_PID
  lab_wait 10 "the proxy does not listen" listens hub 443
  for device in dev1 dev2 dev3; do
    device_setup "$device"
    # Each answer of the proxy is for one connection, and meant for the signaling: without the secret there is no relay.
    sed -i '/^turn_secret/d' "$LAB_DIR/$device/secrets.toml"
  done
  device_up dev1
  device_up dev2
  wait_connected dev1 dev2
  start_pings dev1 dev2
}

# said_by_both TEXT...: and neither has ended, nor printed what a terminal obeys
said_by_both() {
  local device text
  for device in dev1 dev2; do
    process_ended "${DEVICE_PID[$device]}" && lab_fail "$device has ended"
    for text in "$@"; do said "$device" "$text"; done
    ! grep -q $'\x1b' "$LAB_DIR/$device.log" || lab_fail "$device has printed what a terminal obeys"
  done
}

# Each answer more in a round doubles what the devices wait before the next.
pages() {
  one_round 401-html 403-json 302
  one_round 200-portal 502
  said_by_both 'something that is not the hub answered with status 401, text/html, "Log in to the [31m office"' \
    'status 403, application/json, "{"error":{"code":403,"message":"policy"}}"' \
    'status 302, text/html, "Found"' 'status 200, text/html, "Guest network"' 'status 502, text/html, "502 Bad Gateway"'
}
# After a close as of a revoked device the hub is asked for a token: these meet the refresh.
refused_refresh() {
  one_round ws4410 401-html 401-json
  one_round ws4410 401-gone-html 403-gone close
  said_by_both 'closed as if this device were revoked' 'something that is not the hub answered with status 401, text/html, "Log in to the [31m office"'
}
refresh_of_a_portal() {
  one_round ws4410 200-json 200-portal
  one_round ws4410 503-empty no-http
  said_by_both 'status 200, text/html, "Guest network"' 'status 503, without a word' 'closed as if this device were revoked'
}
tls_and_upgrade() {
  one_round alert other-cert huge
  one_round strip 426
  said_by_both 'takes away its Upgrade field' 'a network that asks for a login first'
}
commands() {
  local join device
  commands_meet 200-portal 5 'something that is not the hub answered with status 200, text/html, "Guest network"' devices --config "$LAB_DIR/dev3"
  commands_meet 401-gone-html 5 'is not the hub' devices --config "$LAB_DIR/dev3"
  join=$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub")
  commands_meet 302 5 'status 302' setup --join "$join" --name dev4 --config "$LAB_DIR/dev4"
  begin_round
  lab_in dev3 "$BAMGATE" setup --join "$join" --name dev4 --config "$LAB_DIR/dev4" 2>/dev/null || lab_fail "setup does not succeed after a portal was in its way"

  # What the hub itself says counts, also through the proxy.
  for device in dev1 dev2; do lab_wait 60 "$device does not come back" hub_connected "$device"; done
  lab_in dev1 "$BAMGATE" devices revoke dev2 --yes --config "$LAB_DIR/dev1" 2>/dev/null || lab_fail "revoke failed"
  await_process "${DEVICE_PID[dev2]}" "bamgate up of the revoked dev2"
  [ "$ENDED_WITH" -eq 4 ] || lab_fail "the revoked dev2 ended with $ENDED_WITH, not 4"
}

cases=(refused_refresh refresh_of_a_portal pages tls_and_upgrade commands)
case ${1:-} in
  --list)
    printf '%s\n' "${cases[@]}"
    exit 0
    ;;
esac
if [ $# -ne 1 ]; then
  # Each in a process of its own: it has its own networks.
  for name in "${@:-${cases[@]}}"; do "$0" "$name"; done
  exit 0
fi
[[ " ${cases[*]} " == *" $1 "* ]] || { echo "strangers: there is no case '$1'; there are: ${cases[*]}" >&2; exit 2; }
bamgate_begin "strangers-$1"
set_up
if [ "$1" = commands ]; then
  commands
else
  start_pings dev1 dev2
  "$1"
  end_pings "a proxy with moments ($1)" 1
fi
