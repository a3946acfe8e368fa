#!/usr/bin/env bash
# The owner signs in by GitHub: a device registers, and another machine takes it over with a new key while it is connected.
# The old one ends with exit code 4, its peer drops the old tunnel and talks with the new one without a restart. Strangers,
# wrong tokens and clients that leave get nothing. The hub's signing key is rotated while it runs.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

owner=gho0123456789owner
hub_url="https://$(hub_endpoint)"

expect() { [ "$2" = "$3" ] || lab_fail "$1 is '$2', not '$3'"; }

# The fake GitHub's certificate, and a hub in whose sight that certificate is the one that it trusts.
make_github_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=localhost" \
    -addext subjectAltName=DNS:localhost -keyout "$LAB_DIR/github.key" -out "$LAB_DIR/github.crt" 2>"$LAB_DIR/openssl.log" ||
    lab_fail "openssl cannot make a certificate"
  echo '127.0.0.1 localhost' >"$LAB_DIR/hosts"
  cat >"$LAB_DIR/bamgate-trusting" <<SCRIPT
#!/bin/sh
exec unshare --mount sh -c 'mount --bind "$LAB_DIR/hosts" /etc/hosts &&
  mount --bind "$LAB_DIR/github.crt" /etc/ssl/certs/ca-certificates.crt && exec "$BAMGATE" "\$@"' bamgate "\$@"
SCRIPT
  chmod 755 "$LAB_DIR/bamgate-trusting"
}

# register NAMESPACE TOKEN NAME KEY [CURL_OPTION...]: the status is then in $STATUS, the reply in $LAB_DIR/reply
register() {
  local namespace=$1 body
  body=$(jq -nc --arg token "$2" --arg name "$3" --arg key "$4" '{github_token: $token, device_name: $name, public_key: $key}')
  shift 4
  STATUS=$(lab_in "$namespace" curl -gks -m 20 --noproxy '*' -D "$LAB_DIR/headers" -o "$LAB_DIR/reply" -w '%{http_code}' \
    "$@" -d @- "$hub_url/auth/register" <<<"$body") || true
}
reply() { jq -r ".$1" "$LAB_DIR/reply"; }

# github_setup NAMESPACE NAME: registers by the owner's token and writes the device's folder, as a client with sign-in does
github_setup() {
  local key public fingerprint
  key=$("$BAMGATE" genkey)
  public=$("$BAMGATE" pubkey <<<"$key")
  register "$1" "$owner" "$2" "$public"
  expect "the status of $1's sign-in as $2" "$STATUS" 200
  fingerprint=$(jq -r .fingerprint "$LAB_DIR/hub/hub.json")
  mkdir -m 700 "$LAB_DIR/$1"
  cat >"$LAB_DIR/$1/config.toml" <<CONFIG
[network]
server_url = "$hub_url"
device_id = "$(reply device_id)"
hub_fingerprint = "$fingerprint"
[device]
name = "$2"
address = "$(reply address)"
address6 = "$(reply address6)"
[stun]
servers = ["$(reply 'stun[0]')"]
CONFIG
  (
    umask 077
    cat >"$LAB_DIR/$1/secrets.toml" <<SECRETS
[network]
turn_secret = "$(reply turn_secret)"
refresh_token = "$(reply refresh_token)"
[device]
private_key = "$key"
SECRETS
  )
}

devices_of() { lab_in dev1 "$BAMGATE" devices list --json --config "$LAB_DIR/dev1" | jq -r "$1"; }
github_answered_again() { [ "$(grep -c answered "$LAB_DIR/github.log")" -gt "$answered" ]; }
says_taken_over() { [[ $(device_status dev2 .hub.error) == *"has taken over this device's name"* ]]; }
refuses_new_key() { [ "$(device_status dev1 '.peers[] | select(.id == "dev2") | .refused_key')" = "$new_key" ]; }
has_new_key() { [ "$(device_status dev1 '.peers[] | select(.id == "dev2") | .public_key')" = "$new_key" ]; }

bamgate_begin github
one_site
lab_device dev3 1 4
mkdir "$LAB_DIR/github"
echo '{"login":"Octocat","id":583231,"plan":{"name":"free"}}' >"$LAB_DIR/github/$owner"
echo '{"login":"mallory","id":99}' >"$LAB_DIR/github/stranger"
make_github_certificate
lab_spawn hub github python3 "$LAB_SOURCE/github.py" 8088 "$LAB_DIR/github" "$LAB_DIR/github.crt" "$LAB_DIR/github.key"
github_pid=$LAB_PID
lab_wait 10 "the fake GitHub does not start" listens hub 8088
program=$BAMGATE BAMGATE=$LAB_DIR/bamgate-trusting
hub_start --github octocat --github-api https://localhost:8088/api/v3
BAMGATE=$program

# A stranger cannot become the owner, neither before nor after the owner came.
register dev3 stranger dev2 ""
expect "the status of a stranger" "$STATUS $(reply error)" "403 not_the_owner"
device_setup dev1
github_setup dev2 dev2
old_token=$(reply access_token) old_id=$(reply device_id) old_address=$(reply address)
register dev3 stranger dev2 ""
expect "the status of a stranger later" "$STATUS $(reply error)" "403 not_the_owner"
register dev3 nobody dev2 ""
expect "the status of a token that GitHub refuses" "$STATUS $(reply error)" "401 invalid_github_token"
grep -q '^/api/v3/user application/vnd.github+json bamgate-hub/' "$LAB_DIR/github.log" || lab_fail "GitHub was asked something else"

device_up dev1
device_up dev2
wait_connected dev1 dev2
check_ping_both_ways dev1 dev2

# The take-over, by another machine.
github_setup dev3 dev2
expect "the id after the take-over" "$(reply device_id)" "$old_id"
expect "the address after the take-over" "$(reply address)" "$old_address"
new_key=$(sed -n 's/^private_key = "\(.*\)"/\1/p' "$LAB_DIR/dev3/secrets.toml" | "$BAMGATE" pubkey)
lab_wait 30 "the device that was taken over does not say so" says_taken_over
expect "the status of its access token" \
  "$(lab_in dev2 curl -gks -o /dev/null -w '%{http_code}' --noproxy '*' -H "Authorization: Bearer $old_token" "$hub_url/auth/devices")" 401
device_up dev3
lab_wait 30 "dev1 does not refuse the new key" refuses_new_key
lab_in dev1 "$BAMGATE" devices trust dev2 --config "$LAB_DIR/dev1" 2>/dev/null || lab_fail "devices trust failed"
lab_wait 30 "dev1 does not accept the new key" has_new_key
lab_wait 30 "dev1 is not connected with the new dev2" is_connected dev1 dev2
process_ended "${DEVICE_PID[dev1]}" && lab_fail "dev1 has ended"
device_down dev2
check_ping_both_ways dev1 dev3
device_up dev2
lab_wait 30 "the device that was taken over does not say so, once more" says_taken_over
device_down dev2
expect "the number of devices" "$(devices_of '.devices | length')" 2

# A client that leaves while GitHub thinks registers nothing.
touch "$LAB_DIR/github/hold"
register dev3 "$owner" left "" -m 5
expect "the status for a client that left" "$STATUS" 000
answered=$(grep -c answered "$LAB_DIR/github.log")
rm "$LAB_DIR/github/hold"
lab_wait 10 "GitHub has not been asked for the client that left" github_answered_again
register dev3 "$owner" probe ""
expect "the status of a sign-in after that" "$STATUS" 200
old_token=$(reply access_token)
expect "whether the device of the client that left is there" "$(devices_of '[.devices[] | select(.device_name == "left")] | length')" 0

# A new signing key in the hub that runs.
kid=$(lab_in hub "$BAMGATE" hub rotate-keys --data "$LAB_DIR/hub" 2>&1) || lab_fail "rotate-keys failed: $kid"
register dev3 "$owner" second-probe ""
kid_of() { jq -Rr 'split(".")[0] | gsub("-"; "+") | gsub("_"; "/") | @base64d | fromjson | .kid' <<<"$1"; }
[[ $kid == *" $(kid_of "$(reply access_token)"),"* || $kid == *" $(kid_of "$(reply access_token)");"* ]] ||
  lab_fail "the hub signs with $(kid_of "$(reply access_token)"); rotate-keys said: $kid"
[ "$(kid_of "$old_token")" != "$(kid_of "$(reply access_token)")" ] || lab_fail "the key is the same as before"
expect "the status of a token of the key before" \
  "$(lab_in dev3 curl -gks -o /dev/null -w '%{http_code}' --noproxy '*' -H "Authorization: Bearer $old_token" "$hub_url/auth/devices")" 200
if lab_in hub "$BAMGATE" hub rotate-keys --data "$LAB_DIR/nothing" 2>/dev/null; then lab_fail "rotate-keys made a hub"; fi
[ ! -e "$LAB_DIR/nothing" ] || lab_fail "rotate-keys left something where no hub is"

# Without GitHub nobody signs in, and everything else goes on.
end_process TERM "$github_pid" "the fake GitHub"
register dev1 "$owner" late ""
expect "the status without GitHub" "$STATUS $(reply error)" "429 github_unavailable"
grep -qi '^retry-after: ' "$LAB_DIR/headers" || lab_fail "429 has no Retry-After"
check_ping_both_ways dev1 dev3
if grep -aq "$owner" "$LAB_DIR/hub.log" "$LAB_DIR"/hub/*; then lab_fail "the GitHub token stands in the hub's log or folder"; fi
if "$BAMGATE" hub --github octocat --github-api http://192.0.2.1/ --data "$LAB_DIR/nothing" 2>/dev/null; then
  lab_fail "the hub would send tokens in the clear"
fi
