#!/usr/bin/env bash
# Two devices between which no direct path can come about: behind symmetric NATs, in networks that let no UDP out, or told
# by force_relay. The hub relays; status says so and why; pings and a transfer go through.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

# relayed DEVICE PEER TRANSPORT WHY: what status says of the path
relayed() {
  local said
  said=$(device_status "$1" ".peers[] | select(.id == \"$2\") | \"\(.path) \(.relay.transport) \(.why_relayed)\"")
  [[ $said =~ ^"relayed "($3)" ".*($4) ]] || lab_fail "$1 says of its path to $2: '$said', not relayed by $3 because of $4"
}

each_destination_another_port() { # NAT
  lab_in "nat$1" nft flush table ip nat
  lab_in "nat$1" nft add table ip nat
  lab_in "nat$1" nft 'add chain ip nat postrouting { type nat hook postrouting priority srcnat; }'
  lab_in "nat$1" nft add rule ip nat postrouting oifname outside masquerade fully-random
}

carry() {
  head -c 3000000 /dev/urandom >"$LAB_DIR/file"
  transfer dev1 dev2 4 "$LAB_DIR/file"
  echo "$(device_status dev1 '.peers[0].relay.transport'): $TRANSFER_RATE MB/s through the hub"
}

begin() {
  bamgate_begin "relayed-$1"
  two_sites
  hub_start
}

symmetric() {
  begin symmetric
  each_destination_another_port 1
  each_destination_another_port 2
  devices_connect dev1 dev2
  relayed dev1 dev2 udp 'NAT'
  relayed dev2 dev1 udp 'NAT'
  check_ping_both_ways dev1 dev2
  carry
}

no_udp() {
  begin no-udp
  for nat in 1 2; do
    lab_in "nat$nat" nft add table inet closed
    lab_in "nat$nat" nft 'add chain inet closed forward { type filter hook forward priority -1; }'
    lab_in "nat$nat" nft add rule inet closed forward meta l4proto udp drop
  done
  devices_connect dev1 dev2
  relayed dev1 dev2 websocket 'UDP'
  relayed dev2 dev1 websocket 'UDP'
  check_ping_both_ways dev1 dev2
  carry
}

forced() {
  begin forced
  for device in dev1 dev2; do device_setup "$device"; done
  sed -i 's/^force_relay = false/force_relay = true/' "$LAB_DIR/dev1/config.toml"
  for device in dev1 dev2; do device_up "$device"; done
  wait_connected dev1 dev2
  relayed dev1 dev2 'udp|websocket' 'force_relay'
  check_ping_both_ways dev1 dev2
}

if [ $# -gt 0 ]; then
  "$1"
else
  for one in symmetric no_udp forced; do ("$one"); done
fi
