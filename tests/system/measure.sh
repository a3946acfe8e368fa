#!/usr/bin/env bash
# Prints what this machine reaches in a first look; asserts nothing about it (scripts/bench tunnel measures more). Not among the
# default tests: run it as tests/system/run measure. Needs iperf3 and binutils.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

measure() { # TOPOLOGY TEXT RAW_ADDRESS
  bamgate_begin measure
  "$1"
  if [ -n "$3" ]; then
    throughput dev1 dev2 "$3"
    echo "$2: TCP on the bare cable (cubic): $THROUGHPUT Mbit/s"
  fi
  hub_start
  device_setup dev1
  device_setup dev2
  device_up dev1
  lab_wait 10 "dev1 does not reach the hub" hub_connected dev1
  local address
  address=$(device_address dev1 4)
  device_up dev2
  first_ping dev2 "$address"
  wait_connected dev1 dev2
  echo "$2: first answered ping $FIRST_PING s after up"
  echo "$2: resident after the start: up $(resident "${DEVICE_PID[dev2]}") MiB, hub $(resident "$HUB_PID") MiB"
  throughput dev1 dev2 "$(device_address dev2 4)"
  echo "$2: TCP through the tunnel, IPv4 (cubic): $THROUGHPUT Mbit/s"
  throughput dev1 dev2 "$(device_address dev2 6)"
  echo "$2: TCP through the tunnel, IPv6 (cubic): $THROUGHPUT Mbit/s"
  echo "$2: resident after the transfers: up $(resident "${DEVICE_PID[dev2]}") MiB, hub $(resident "$HUB_PID") MiB"
}

(measure one_site "one LAN" 192.168.1.3)
(measure two_sites "two NATs" "")
stripped=$(mktemp)
strip -o "$stripped" "$BAMGATE" && echo "stripped binary: $(stat -c %s "$stripped") bytes"
rm -f "$stripped"
