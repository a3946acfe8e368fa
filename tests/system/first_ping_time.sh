#!/usr/bin/env bash
# Prints the time from `up` on the second device to its first answered ping, on one LAN and behind two NATs. Only a bound
# that no healthy run comes near is demanded here: the first ping is answered at all within 30 s.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

measure() { # TOPOLOGY TEXT
  bamgate_begin first-ping
  "$1"
  hub_start
  device_setup dev1
  device_setup dev2
  device_up dev1
  lab_wait 10 "dev1 does not reach the hub" hub_connected dev1
  local address
  address=$(device_address dev1 4)
  device_up dev2
  first_ping dev2 "$address"
  echo "first answered ping, $2: $FIRST_PING s after up"
}

(measure one_site "one LAN")
(measure two_sites "two NATs")
