#!/usr/bin/env bash
# The hub without TLS behind nginx and then behind caddy, which do it, with a certificate of an authority that the devices
# trust: devices join, connect and are revoked through each; the hub sees the devices' addresses, not the proxy's, and
# believes no client that names another; a proxy that goes and comes back ends no tunnel.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

url=https://hub.example

# An authority of our own, the proxy's certificate, and a machine on which both that authority and the name are known, and
# no name server: nobody waits for one that does not answer.
make_trust() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=Lab authority" \
    -addext basicConstraints=critical,CA:TRUE -keyout "$LAB_DIR/ca.key" -out "$LAB_DIR/ca.crt"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=hub.example" \
    -keyout "$LAB_DIR/proxy.key" -out "$LAB_DIR/proxy.csr"
  openssl x509 -req -days 2 -in "$LAB_DIR/proxy.csr" -CA "$LAB_DIR/ca.crt" -CAkey "$LAB_DIR/ca.key" -CAcreateserial \
    -extfile <(echo "subjectAltName=DNS:hub.example") -out "$LAB_DIR/proxy.crt"
}
make_machine() {
  printf '127.0.0.1 localhost\n203.0.113.10 hub.example\n' >"$LAB_DIR/hosts"
  echo 'nameserver 127.0.0.1' >"$LAB_DIR/resolv.conf"
  bamgate_sees_etc hosts="$LAB_DIR/hosts" resolv.conf="$LAB_DIR/resolv.conf" ssl/certs/ca-certificates.crt="$LAB_DIR/ca.crt"
}

start_nginx() {
  cat >"$LAB_DIR/nginx.conf" <<CONF
daemon off;
worker_processes 1;
pid $LAB_DIR/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  map \$http_upgrade \$connection_upgrade { default upgrade; "" close; }
  server {
    listen 203.0.113.10:443 ssl;
    server_name hub.example;
    ssl_certificate $LAB_DIR/proxy.crt;
    ssl_certificate_key $LAB_DIR/proxy.key;
    location / {
      proxy_pass http://127.0.0.1:8080;
      proxy_http_version 1.1;
      proxy_set_header Host \$host;
      proxy_set_header Upgrade \$http_upgrade;
      proxy_set_header Connection \$connection_upgrade;
      proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
      proxy_read_timeout 90s;
    }
  }
}
CONF
  lab_spawn hub nginx nginx -c "$LAB_DIR/nginx.conf"
}

start_caddy() {
  cat >"$LAB_DIR/Caddyfile" <<CONF
{
  admin off
  auto_https off
}
https://hub.example {
  bind 203.0.113.10
  tls $LAB_DIR/proxy.crt $LAB_DIR/proxy.key
  reverse_proxy 127.0.0.1:8080
}
CONF
  lab_spawn hub caddy env HOME="$LAB_DIR/caddy-home" caddy run --adapter caddyfile --config "$LAB_DIR/Caddyfile"
}

# ask HOST CURL_ARGUMENT...: a request through the proxy; prints the status
ask() {
  local host=$1
  shift
  lab_in "$host" curl -sS -m 5 --noproxy '*' --cacert "$LAB_DIR/ca.crt" --resolve hub.example:443:203.0.113.10 \
    -o "$LAB_DIR/answer" -w '%{http_code}' "$@"
}
proxy_answers() { [ "$(ask dev1 "$url/status" 2>/dev/null)" = 200 ]; }
wrong_registration() {
  ask "$1" -H 'X-Forwarded-For: 198.51.100.7' -H 'X-Forwarded-For: 127.0.0.1' \
    -d '{"join_token":"00112233445566778899aabbccddeeff","device_name":"stranger"}' "$url/auth/register"
}
# logged FILTER: how many events of the hub's log fit
logged() { jq -s "map(select($1)) | length" "$LAB_DIR/hub.log"; }

# through_proxy NAME: two devices join and connect through the proxy that runs, one of them revokes the other
through_proxy() {
  lab_wait 10 "$1 does not answer for the hub" proxy_answers
  if [ "$1" = nginx ]; then
    device_setup dev1
    device_up dev1
  fi
  lab_wait 60 "dev1 does not find the hub through $1" hub_connected dev1
  device_setup dev2
  device_up dev2
  wait_connected dev1 dev2
  check_ping_both_ways dev1 dev2
  lab_in dev1 "$BAMGATE" devices revoke dev2 --yes --config "$LAB_DIR/dev1" 2>/dev/null || lab_fail "revoke failed"
  await_process "${DEVICE_PID[dev2]}" "bamgate up of the revoked dev2"
  [ "$ENDED_WITH" -eq 4 ] || lab_fail "the revoked dev2 ended with $ENDED_WITH behind $1, not 4"
  # The next dev2 is another machine, and dev1 is told that this is as it should be.
  lab_in dev1 "$BAMGATE" devices trust dev2 --config "$LAB_DIR/dev1" 2>/dev/null || lab_fail "devices trust failed"
  rm -rf "${LAB_DIR:?}/dev2"
}

bamgate_begin proxy
for tool in nginx caddy openssl unshare; do
  command -v "$tool" >/dev/null || lab_fail "the program $tool is missing: run scripts/setup"
done
one_site
make_trust >"$LAB_DIR/openssl.log" 2>&1 || lab_fail "openssl cannot make the certificates"
bamgate_at_clock dev1
make_machine
lab_spawn hub hub "$BAMGATE" hub --plain-http --listen 127.0.0.1:8080 --data "$LAB_DIR/hub" --public-url "$url" \
  --stun 203.0.113.10:3478 --log-format json --verbose
HUB_PID=$LAB_PID
plain_hub_answers() { lab_in hub curl -sf -m 2 --noproxy '*' -o "$LAB_DIR/answer" http://127.0.0.1:8080/status; }
lab_wait 10 "the hub does not answer" plain_hub_answers

start_nginx
nginx=$LAB_PID
through_proxy nginx
end_process TERM "$nginx" nginx
start_caddy
caddy=$LAB_PID
through_proxy caddy

# Everybody came from behind nat1, 203.0.113.1, although every connection of the hub was the proxy's.
[ "$(logged '.event == "device_registered" and .client == "203.0.113.0/24"')" -eq 3 ] || lab_fail "the log does not show where the devices came from"
[ "$(logged '.client != null and .client != "203.0.113.0/24"')" -eq 0 ] || lab_fail "the log shows other clients than the devices"
[ "$(logged '.event == "device_revoked" and .device == "dev2" and .by == "dev1"')" -eq 2 ] || lab_fail "the log does not show both revocations"

# Strangers' failures are their own: the limit holds for their address, whatever they say of it, and for nobody else.
# (What dev2 asked after it was revoked may be among the ten that are free.)
codes=$(for _ in $(seq 14); do wrong_registration dev2; echo; done | sort | uniq -c | awk '{ print $2 "x" $1 }' | tr '\n' ' ')
[[ "$codes" =~ ^401x(10|9|8)\ 429x(4|5|6)\ $ ]] || lab_fail "14 wrong registrations were answered with $codes"
grep -q '"too_many_failures"' "$LAB_DIR/answer" || lab_fail "the refusal does not say why: $(cat "$LAB_DIR/answer")"
[ "$(wrong_registration witness)" = 401 ] || lab_fail "another address is limited too"
# A certificate whose dates do not fit a device's clock is no stranger's.
echo $((40 * 86400)) >"$LAB_DIR/dev1.clock"
must_end 5 "is refused: .*it is the hub's, so look at this machine's clock, which says 2" lab_in dev1 "$BAMGATE" setup \
  --join "$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub")" --name late --config "$LAB_DIR/late"
echo 0 >"$LAB_DIR/dev1.clock"
end_process TERM "$caddy" caddy
hub_kill TERM
echo "nginx $(nginx -v 2>&1 | cut -d/ -f2), caddy $(caddy version | cut -d' ' -f1)"
