#!/usr/bin/env bash
# A device gets another address, then moves to another network, under a ping of 50 packets a second: first the one that
# makes the offers, then the one that answers. No gap of more than 3 s, and the path is that of the new network. Before
# that a bridge comes and goes, as those of containers do, and nothing is to be seen of it.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

bamgate_begin move
two_sites
lab_nat 3
hub_start
devices_connect dev1 dev2
check_path dev1 dev2 "$(local_behind_nat 1 2)" "$(remote_behind_nat 2)"

path_is() { [[ $(device_status "$1" ".peers[0].ice.$2") =~ $3 ]]; }

# What carries nothing of ours ends nothing when it goes: no attempt is made, and the hub's connection stays.
bridge_comes_and_goes() {
  local before
  before=$(device_status dev1 '[.counters.connection_attempts, .counters.hub_attempts] | tostring')
  for _ in 1 2 3; do
    ip -n "$LAB_PREFIX-dev1" link add docker0 type veth peer name inside0
    ip -n "$LAB_PREFIX-dev1" address add 172.17.0.1/16 dev docker0
    ip -n "$LAB_PREFIX-dev1" link set inside0 up
    ip -n "$LAB_PREFIX-dev1" link set docker0 up
    lab_wait 10 "dev1 has no socket on its new address" sockets_are dev1 2
    ip -n "$LAB_PREFIX-dev1" link delete docker0
    lab_wait 10 "dev1 keeps the socket of an address that is gone" sockets_are dev1 1
  done
  [ "$(device_status dev1 '[.counters.connection_attempts, .counters.hub_attempts] | tostring')" = "$before" ] ||
    lab_fail "connections were made anew for an address that served none"
}
sockets_are() { [ "$(lab_in "$1" ss -Huan | wc -l)" = "$2" ]; }

# set_address NAME N LAST: the cable's only address is 192.168.N.LAST, and natN the way out.
set_address() {
  ip -n "$LAB_PREFIX-$1" address flush dev lan
  ip -n "$LAB_PREFIX-$1" address add "192.168.$2.$3/24" dev lan
  ip -n "$LAB_PREFIX-$1" route add default via "192.168.$2.1"
}

# plug_into NAME N LAST: the cable leads to natN now.
plug_into() {
  ip -n "$LAB_PREFIX-$1" link delete lan
  lab_cable "$1" lan "nat$2" "to-$1-moved" inside
  set_address "$1" "$2" "$3"
}

# after_change WHAT DEVICE LOCAL OTHER REMOTE: waits until both use the new path, then prints the longest gap in the
# answers since the pings began.
after_change() {
  lab_wait 30 "$2 does not use its new address after $1" path_is "$2" local "$3"
  lab_wait 30 "$4 does not use the new path after $1" path_is "$4" remote "$5"
  wait_connected dev1 dev2
  lab_wait 10 "no pings are answered after $1" answers_reach $(($(answers) + 100))
  end_pings "$1" 3
}

start_pings dev1 dev2
bridge_comes_and_goes
end_pings "a bridge that comes and goes three times" 1

start_pings dev1 dev2
set_address dev1 1 77
after_change "another address of the offerer" dev1 'host 192\.168\.1\.77|(srflx|prflx) 203\.0\.113\.1:' dev2 '203\.0\.113\.1:'

start_pings dev1 dev2
plug_into dev1 3 2
after_change "a move of the offerer" dev1 'host 192\.168\.3\.2|(srflx|prflx) 203\.0\.113\.3:' dev2 '203\.0\.113\.3:'

start_pings dev1 dev2
plug_into dev2 3 3
after_change "a move of the answerer into the same network" dev2 'host 192\.168\.3\.3' dev1 'host 192\.168\.3\.3|prflx 192\.168\.3\.3'

[ "$(device_status dev1 .hub.connected)" = true ] || lab_fail "dev1 has no connection to the hub"
