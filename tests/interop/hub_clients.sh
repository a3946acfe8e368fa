#!/usr/bin/env bash
# The hub as a server for others: curl (HTTP/1.1, HTTP/2, TLS, bodies, methods), raw pipelining, and two WebSocket clients that are
# not ours, Python's websockets and Node's ws: they join, exchange an offer and its answer with a real `bamgate up`, send in
# fragments, ping, close with codes, and are closed with codes.
# shellcheck source-path=SCRIPTDIR source=lab_tools.sh
source "$(dirname "$0")/lab_tools.sh"
# shellcheck source-path=SCRIPTDIR source=../system/bamgate.sh
source "$INTEROP/../system/bamgate.sh"

# curl in the hub's own namespace; the hub's certificate is its own.
ask() { lab_in hub curl -gks -m 10 --noproxy '*' "$@"; }
# One field of what curl knows about a transfer: asked FORMAT OPTION...
asked() { ask -o /dev/null -w "$1" "${@:2}"; }
expect() { [ "$2" = "$3" ] || lab_fail "$1: '$2', not '$3'"; }

with_curl() {
  local url version reached
  url=https://$(hub_endpoint)
  expect "connections of two requests" "$(ask -w '%{num_connects} ' -o /dev/null -o /dev/null "$url/status" "$url/status")" "1 0 "
  # Asked for by ALPN, HTTP/2 is not there, and curl goes on with 1.1; without asking it is an error, not a hanging.
  expect "HTTP/2 by ALPN" "$(asked '%{http_version} %{http_code}' --http2 "$url/status")" "1.1 200"
  if ask -o /dev/null --http2-prior-knowledge "$url/status"; then lab_fail "HTTP/2 without asking worked"; fi
  expect "after that" "$(asked '%{http_code}' "$url/status")" 200
  for version in 1.0 1.1; do
    if asked '%{http_code}' --tlsv$version --tls-max $version --ciphers 'DEFAULT@SECLEVEL=0' "$url/status" >/dev/null; then
      lab_fail "TLS $version worked"
    fi
  done
  expect "TLS 1.2" "$(asked '%{http_code}' --tls-max 1.2 "$url/status")" 200
  reached=no
  if [ "$(asked '%{http_code}' --tlsv1.3 "$url/status" || true)" = 200 ]; then reached=yes; fi
  echo "TLS 1.2: yes; TLS 1.3: $reached (as Debian's mbedTLS has it)"

  local body='{"device_id":"x","refresh_token":"y"}'
  expect "a body" "$(asked '%{http_code}' -d "$body" "$url/auth/refresh")" 401
  expect "a chunked body" "$(asked '%{http_code}' -H 'Transfer-Encoding: chunked' -d "$body" "$url/auth/refresh")" 401
  # curl waits a second when it is not answered.
  expect "Expect: 100-continue" "$(asked '%{http_code} %{time_total}' --expect100-timeout 8 -H 'Expect: 100-continue' -d "$body" \
    "$url/auth/refresh" | awk '{ print $1, ($2 < 5 ? "soon" : "late") }')" "401 soon"
  head -c 70000 /dev/zero | tr '\0' x >"$LAB_DIR/large"
  expect "a body that is too large" "$(asked '%{http_code}' --data-binary "@$LAB_DIR/large" "$url/auth/refresh")" 413
  expect "HEAD" "$(asked '%{http_code} %{size_download}' -I "$url/status")" "200 0"
  expect "OPTIONS" "$(asked '%{http_code}' -X OPTIONS "$url/status")" 404
  expect "HTTP/1.0" "$(asked '%{http_code}' --http1.0 "$url/status")" 200
  expect "an upgrade without a token" "$(asked '%{http_code}' -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
    -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' "$url/connect")" 401
  echo "curl $(curl --version | awk 'NR == 1 { print $2 }'): keep-alive, HTTP/2 refused, chunked, 100-continue, 413, HEAD, OPTIONS, HTTP/1.0"
}

# Three requests in one packet are answered in their order on one connection.
pipelined() {
  local replies
  replies=$(printf 'GET %s HTTP/1.1\r\nHost: hub\r\n%s\r\n' /status '' /nowhere '' /status $'Connection: close\r\n' |
    lab_in hub timeout 10 openssl s_client -quiet -connect "$(hub_endpoint)" 2>/dev/null | grep -a -o 'HTTP/1.1 [0-9]*' | tr '\n' ' ')
  expect "three requests at once" "$replies" "HTTP/1.1 200 HTTP/1.1 404 HTTP/1.1 200 "
  echo "openssl s_client: three pipelined requests, answered in order"
}

dev1_is_connected() { [ "$(device_status dev1 .hub.connected)" = true ]; }

interop_begin hub-clients
for program in node python3 openssl; do need_tool "$program"; done
lab_middle
lab_host hub 10
lab_host dev1 1
hub_start --stun off
with_curl
pipelined
device_setup dev1
device_up dev1
lab_wait 20 "dev1 does not reach the hub" dev1_is_connected
for client in "/usr/bin/python3 $INTEROP/hub_client.py" "env NODE_PATH=/usr/share/nodejs:/usr/lib/nodejs /usr/bin/node $INTEROP/hub_client.js"; do
  # shellcheck disable=SC2086  # words
  lab_in hub /usr/bin/python3 "$INTEROP/websocket_clients.py" "$(hub_endpoint)" "$BAMGATE" "$LAB_DIR/hub" dev1 $client ||
    lab_fail "$client"
done
