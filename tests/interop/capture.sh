#!/usr/bin/env bash
# What --pcap and --keylog are for: tshark reads the capture of two agents with the key log of one of them, and finds in it
# ICE, DTLS, SCTP with the data channel, WireGuard, and the pings inside; and the lab tools' captures likewise. Without the key
# log nothing of that is to be seen, and nobody but the owner can read the files.
# shellcheck source-path=SCRIPTDIR source=lab_tools.sh
source "$(dirname "$0")/lab_tools.sh"
# shellcheck source-path=SCRIPTDIR source=../system/bamgate.sh
source "$INTEROP/../system/bamgate.sh"

# Wireshark is told what DTLS carries, since no port says it: the newer ones by an option, the older ones in Lua (which the
# newer ones do not run for root).
carried=()
choose_how_to_tell() {
  carried=(-d "dtls.port==1-65535,sctp")
  tshark -r "$LAB_DIR/agent.pcap" "${carried[@]}" -c 1 >/dev/null 2>&1 ||
    carried=(-X "lua_script:$INTEROP/../../docs/webrtc.lua")
}
shark() {
  local file=$1
  shift
  tshark -r "$LAB_DIR/$file.pcap" "${carried[@]}" "$@" 2>"$LAB_DIR/tshark.log"
}
keys() { printf -- '-o\ntls.keylog_file:%s\n-o\nwg.keylog_file:%s\n' "$LAB_DIR/$1.keys" "$LAB_DIR/$1.keys"; }

# sees FILE KEYS FILTER LEAST: fails unless so many packets of the capture match with that key log ("" for none).
sees() {
  local options=() count
  [ -z "$2" ] || mapfile -t options < <(keys "$2")
  count=$(shark "$1" "${options[@]}" -Y "$3" | wc -l)
  [ "$count" -ge "$4" ] || lab_fail "tshark sees $count packets with '$3' in $1.pcap, not $4"
  echo "$1.pcap, $3: $count"
}
sees_nothing() {
  local count
  count=$(shark "$1" -Y "$2" | wc -l)
  [ "$count" = 0 ] || lab_fail "tshark sees '$2' in $1.pcap without a key log"
}
private() { [ "$(stat -c %a "$1")" = 600 ] || lab_fail "$1 has mode $(stat -c %a "$1"), not 600"; }

two_agents() {
  local device
  two_sites
  # shellcheck disable=SC2119
  hub_start
  for device in dev1 dev2; do device_setup "$device"; done
  lab_spawn dev1 dev1 "$BAMGATE" up --config "$LAB_DIR/dev1" --pcap "$LAB_DIR/agent.pcap" --keylog "$LAB_DIR/agent.keys"
  DEVICE_PID[dev1]=$LAB_PID
  device_up dev2
  wait_connected dev1 dev2
  lab_in dev1 ping -q -n -c 30 -i 0.02 -s 777 -W 5 "$(device_address dev2 4)" >/dev/null || lab_fail "no answer through the tunnel"
  device_down dev1
  device_down dev2
  grep -q 'agent.keys gets the keys of this run' "$LAB_DIR/dev1.log" || lab_fail "nobody was warned of the key log"
}

two_lab_tools() {
  local side
  umask 077
  for side in us them; do
    "$BAMGATE" genkey >"$LAB_DIR/$side.key"
    "$BAMGATE" pubkey <"$LAB_DIR/$side.key" >"$LAB_DIR/$side.pub"
  done
  wg genpsk >"$LAB_DIR/psk"
  # What listens writes the logs, and so is the responder; the hub's host serves as the other side.
  lab_spawn hub responder "$BAMGATE" lab wg --private-key-file "$LAB_DIR/us.key" --preshared-key-file "$LAB_DIR/psk" \
    --peer "$(<"$LAB_DIR/them.pub")" --listen 203.0.113.10:51000 --address 10.9.0.1/24 --pcap "$LAB_DIR/wg.pcap" \
    --keylog "$LAB_DIR/wg.keys"
  lab_wait 10 "lab wg does not listen" bound 51000
  lab_in dev1 "$BAMGATE" lab wg --private-key-file "$LAB_DIR/them.key" --preshared-key-file "$LAB_DIR/psk" \
    --peer "$(<"$LAB_DIR/us.pub")" --endpoint 203.0.113.10:51000 --listen 0.0.0.0:0 --address 10.9.0.2/24 --ping 10.9.0.1 \
    --count 50 </dev/null >"$LAB_DIR/initiator.log" || lab_fail "no pings through lab wg"

  mkfifo "$LAB_DIR/dtls.in"
  ip netns exec "$LAB_PREFIX-hub" "$BAMGATE" lab dtls listen 203.0.113.10:51001 0<>"$LAB_DIR/dtls.in" \
    >"$LAB_DIR/dtls.out" 2>"$LAB_DIR/dtls.log" &
  lab_wait 10 "lab dtls does not listen" bound 51001
  echo 'a line that is secret' | lab_in dev1 "$BAMGATE" lab dtls connect 203.0.113.10:51001 --pcap "$LAB_DIR/dtls.pcap" \
    --keylog "$LAB_DIR/dtls.keys" 2>"$LAB_DIR/dtls-client.log" || lab_fail "lab dtls does not connect"
}
bound() { [ -n "$(lab_in hub ss -Hlun "sport = :$1")" ]; }

interop_begin capture
need_tool tshark
two_agents
two_lab_tools
for file in "$LAB_DIR"/{agent,wg,dtls}.{pcap,keys}; do private "$file"; done

choose_how_to_tell
sees agent "" stun 4
sees agent "" dtls.handshake 2
sees agent agent 'sctp.chunk_type == 1' 1
sees agent agent 'rtcdc.label == "bamgate"' 1
sees agent agent 'dtls and sctp.data_payload_proto_id == 53' 40
sees agent "" 'wg.type == 1' 1
sees agent agent 'wg and icmp and data.len >= 700' 40
sees_nothing agent sctp
sees_nothing agent icmp

sees wg wg 'wg.type == 2' 1
sees wg wg 'wg and icmp' 100
sees_nothing wg icmp
mapfile -t options < <(keys dtls)
tshark -r "$LAB_DIR/dtls.pcap" "${options[@]}" -x 2>/dev/null | grep 'Decrypted DTLS (22 bytes)' >/dev/null ||
  lab_fail "tshark does not decrypt the line that lab dtls sent"
