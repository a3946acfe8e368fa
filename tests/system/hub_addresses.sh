#!/usr/bin/env bash
# A hub with several addresses that listens on all of them: STUN is answered from the address that was asked, in both
# families, through NATs and firewalls that let nothing else in; so devices that know the hub by its second address
# find their path.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

hub_endpoint() { echo 203.0.113.11:8443; }

# begin FAMILIES LISTEN
begin() {
  LAB_FAMILIES=$1
  bamgate_begin hub-addresses
  two_sites
  lab_address hub outside 203.0.113.11/24 2001:db8::11/64
  lab_spawn hub hub "$BAMGATE" hub --listen "$2" --data "$LAB_DIR/hub" --public-url "https://$(hub_endpoint)"
  lab_wait 10 "the hub does not answer" hub_answers
}

asks() { # DEVICE HOST...: the STUN port of each answers it
  local device=$1 host
  for host in "${@:2}"; do
    lab_in "$device" timeout 20 "$BAMGATE" lab stun "$host:3478" >"$LAB_DIR/stun" 2>&1 ||
      lab_fail "no answer of $host: $(cat "$LAB_DIR/stun")"
  done
}

one_family() {
  begin 4 0.0.0.0:8443
  asks dev1 203.0.113.10 203.0.113.11
  devices_connect dev1 dev2
  check_path dev1 dev2 "$(local_behind_nat 1 2)" "$(remote_behind_nat 2)"
  check_ping_both_ways dev1 dev2
}

both_families() {
  begin 46 '[::]:8443'
  asks dev1 203.0.113.10 203.0.113.11 '[2001:db8::10]' '[2001:db8::11]'
  echo "[::] answers from each of four addresses"
}

(one_family)
(both_families)
