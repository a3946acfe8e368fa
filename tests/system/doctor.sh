#!/usr/bin/env bash
# bamgate doctor in the networks that people have: a home behind a NAT, a symmetric NAT, one without UDP, no network at all;
# beside a running agent, without one, with a narrow path, a conflicting route, a hub that is away or that has thrown the
# device out.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

# doctor CODE: how it ends; its answer is in $LAB_DIR/doctor.json
doctor() {
  local code=0 wanted=$1
  lab_in dev1 "$BAMGATE" doctor --json --config "$LAB_DIR/dev1" >"$LAB_DIR/doctor.json" || code=$?
  [ "$code" -eq "$wanted" ] || lab_fail "doctor ended with $code, not with $wanted: $(jq -c .conclusions "$LAB_DIR/doctor.json")"
}
# says FILTER: that is true of the answer
says() { jq -e "$1" "$LAB_DIR/doctor.json" >/dev/null || lab_fail "doctor does not say $1: $(jq -c . "$LAB_DIR/doctor.json")"; }
# concludes LEVEL TOPIC WORDS
concludes() {
  jq -e --arg level "$1" --arg topic "$2" --arg words "$3" \
    '.conclusions | any(.level == $level and .topic == $topic and (.text | test($words)))' "$LAB_DIR/doctor.json" >/dev/null ||
    lab_fail "doctor does not conclude '$1 $2 $3': $(jq -c .conclusions "$LAB_DIR/doctor.json")"
}
name_stun_servers() { sed -i "s|^servers = \[\"stun.*|servers = [$1]|" "$LAB_DIR/dev1/config.toml"; }
nat_draws_ports() {
  lab_in nat1 nft flush chain ip nat postrouting
  lab_in nat1 nft add rule ip nat postrouting oifname outside masquerade fully-random
}

bamgate_begin doctor
two_sites
lab_host stun 20
lab_address stun outside 203.0.113.21/24 2001:db8::21/64
hub_start
lab_spawn stun coturn turnserver -n --stun-only --no-cli --no-tls --no-dtls --log-file stdout --pidfile "$LAB_DIR/turn.pid" \
  --userdb "$LAB_DIR/turndb" -L 203.0.113.20 -L 203.0.113.21 -p 3478
coturn_answers() { lab_in stun timeout 1 turnutils_stunclient -p 3478 203.0.113.20 >/dev/null 2>&1; }
lab_wait 20 "coturn does not answer" coturn_answers

# Before any setup: what can be said without one.
doctor 1
concludes note device 'no device of a network'
says '.hub == null and .relays == []'

device_setup dev1
name_stun_servers '"stun:203.0.113.10:3478", "stun:203.0.113.20:3478"'
doctor 0
concludes note device 'not running'
concludes good NAT 'seen from outside as 203\.0\.113\.1, one port for all destinations; lets in: ports written to'
concludes good hub 'lets this device in'
concludes good clock 'agree'
concludes good 'path MTU' '1500 bytes'
says '.relays | length == 2 and all(.error == null)'
says '.nat[0] | .mapping == "endpoint-independent" and .filtering == "address-and-port-dependent"'
says '.direct_possible'
# The same in words, each with what to do below it.
lab_in dev1 "$BAMGATE" doctor --config "$LAB_DIR/dev1" >"$LAB_DIR/doctor.txt"
for words in "note  device .*not running" "^ *start it with 'bamgate up -d'" 'ok    direct path .*possible from here'; do
  grep -q "$words" "$LAB_DIR/doctor.txt" || lab_fail "doctor does not say '$words': $(cat "$LAB_DIR/doctor.txt")"
done

# A narrow path: the router of the home drops larger packets. And a network that overlaps with the tunnel's.
lab_in nat1 ip link set outside mtu 1400
lab_in dev1 ip link add other type bridge
lab_in dev1 ip address add 10.100.3.1/24 dev other
lab_in dev1 ip link set other up
doctor 0
concludes note 'path MTU' '1400 bytes'
concludes bad routes '10\.100\.3\.0/24 of other'
lab_in nat1 ip link set outside mtu 1500
lab_in dev1 ip link del other

# Beside a running agent, which keeps what it has; no allocation of it is taken away.
devices_running() {
  device_setup dev2
  device_up dev1
  device_up dev2
  wait_connected dev1 dev2
}
devices_running
doctor 0
concludes good device 'is running'
concludes good 'peer dev2' 'connected directly'
says '.relays | length == 2 and all(.error == null)'
check_ping_both_ways dev1 dev2
device_down dev1

nat_draws_ports
doctor 1
concludes note NAT 'a symmetric NAT'
concludes bad 'direct path' 'hardly possible'
says '.nat[0].mapping == "address-and-port-dependent"'
# The same where the second address of that server cannot be reached: two servers are compared.
lab_in nat1 nft add table inet closed
lab_in nat1 nft 'add chain inet closed forward { type filter hook forward priority -1; }'
lab_in nat1 nft add rule inet closed forward ip daddr 203.0.113.21 drop
doctor 1
says '.nat[0].mapping == "dependent"'

lab_in nat1 nft add rule inet closed forward meta l4proto udp drop
doctor 1
concludes bad UDP 'probably blocks UDP'
says '.relays | any(.what | test("WebSocket")) and all(.error == null or (.what | test("UDP")))'
lab_in nat1 nft delete table inet closed

# A clock that is wrong, as a person would see it: TLS with the hub's own certificate looks at no dates.
bamgate_at_clock dev1 hub
echo 172800 >"$LAB_DIR/dev1.clock"
doctor 1
says '.hub.clock_off_s > 172000'
concludes bad clock 'ahead of the hub'
echo 0 >"$LAB_DIR/dev1.clock"

# Thrown out, and then no hub at all.
lab_in hub "$BAMGATE" hub revoke --yes dev1 --data "$LAB_DIR/hub" 2>/dev/null
doctor 1
concludes bad hub 'revoked'
hub_kill TERM
doctor 1
concludes bad hub '203\.0\.113\.10:8443'
lab_in dev1 ip link set lan down
doctor 1
concludes bad network 'no usable address'
