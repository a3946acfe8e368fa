#!/usr/bin/env bash
# What others do to the tunnel's interface: switched off and on, flushed, routes and addresses taken, another MTU, deleted,
# renamed. It is put back within a second, three times a minute, then that is said; what others have added stays. Also a name
# that is taken, a TUN that was there before, and a machine without IPv6.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

dev1_ip() { ip -n "$LAB_PREFIX-dev1" "$@"; }
# Everything of the interface that is ours to keep.
shape() {
  dev1_ip -o link show "$1" | grep -oE 'mtu [0-9]+|[<,]UP[,>]' | tr -d '<>,'
  dev1_ip -o address show dev "$1" | awk '{ print $3, $4 }' | sort
  dev1_ip -4 route show dev "$1" | sort
  dev1_ip -6 route show dev "$1" | sort
}
is_whole() { [ "$(shape bamgate0 2>/dev/null)" = "$WHOLE" ]; }
put_back_in_log() { grep -c 'putting it back' "$LAB_DIR/dev1.log" || true; }
was_put_back() { shape bamgate0 >"$LAB_DIR/shape.log" 2>&1 && [ "$(put_back_in_log)" -eq "$1" ] && is_whole; }

# breaks WHAT COMMAND...: does it to the interface, and waits until it is as before.
REPAIRS=0
breaks() {
  local what=$1 begin
  shift
  "$@"
  begin=$EPOCHREALTIME
  REPAIRS=$((REPAIRS + 1))
  lab_wait 1 "the interface is not put back after $what" was_put_back $REPAIRS
  echo "$what: put back after $(awk "BEGIN { printf \"%.2f\", $EPOCHREALTIME - $begin }") s"
  check_ping dev1 "$PEER4"
  check_ping dev1 "$PEER6"
}
down_and_up() { dev1_ip link set bamgate0 down && dev1_ip link set bamgate0 up; }
trouble() { [[ "$(device_status dev1 .device.trouble)" == *"again and again"* ]]; }
again() {
  device_down dev1
  device_up dev1
  wait_connected dev1 dev2
  REPAIRS=0
  lab_wait 5 "the interface is not as in the first run" is_whole
}
# refuses PATTERN: up of dev1 fails and says that.
refuses() {
  local code=0
  lab_in dev1 "$BAMGATE" up --config "$LAB_DIR/dev1" >"$LAB_DIR/refused" 2>&1 </dev/null || code=$?
  [ "$code" = 1 ] || lab_fail "up ended with $code, not 1: $(cat "$LAB_DIR/refused")"
  grep -qE -- "$1" "$LAB_DIR/refused" || lab_fail "up does not say '$1': $(cat "$LAB_DIR/refused")"
}

bamgate_begin interface
one_site
hub_start
device_setup dev1
device_setup dev2
printf '\n[peers.dev2]\nroutes = ["192.168.77.0/24", "2001:db8:77::/64"]\n' >>"$LAB_DIR/dev1/config.toml"
sed -i 's|^routes = .*|routes = ["192.168.77.0/24", "2001:db8:77::/64"]|' "$LAB_DIR/dev2/config.toml"
grep -q 77 "$LAB_DIR/dev2/config.toml" || sed -i 's|^\[device\]|&\nroutes = ["192.168.77.0/24", "2001:db8:77::/64"]|' "$LAB_DIR/dev2/config.toml"
remember dev1
device_up dev1
device_up dev2
wait_connected dev1 dev2
PEER4=$(device_address dev2 4) PEER6=$(device_address dev2 6)
shows() { grep -q -- "$1" <<<"$(shape bamgate0)"; }  # no pipe: whoever writes would be told that nobody reads on
has_routes() { shows '^192.168.77.0/24' && shows '^2001:db8:77::/64'; }
lab_wait 5 "the accepted routes are not there" has_routes
WHOLE=$(shape bamgate0)

breaks "down and up" down_and_up
breaks "a flush" dev1_ip address flush dev bamgate0
breaks "a deletion" dev1_ip link delete bamgate0
# The fourth in a minute is one too many: it is said once, also in status, and left.
dev1_ip route del 192.168.77.0/24 dev bamgate0
lab_wait 5 "status does not speak of the trouble" trouble
lab_in dev1 "$BAMGATE" status --config "$LAB_DIR/dev1" >"$LAB_DIR/status"
grep -q '^interface .*again and again' "$LAB_DIR/status" || lab_fail "status does not say it: $(cat "$LAB_DIR/status")"
dev1_ip address del "$(device_address dev1 6)/64" dev bamgate0
trouble || lab_fail "the trouble is over although it goes on"
[ "$(grep -c 'again and again' "$LAB_DIR/dev1.log")" = 1 ] || lab_fail "the trouble is not said once: $(cat "$LAB_DIR/dev1.log")"
[ "$(put_back_in_log)" = 3 ] || lab_fail "it is put back more often than three times a minute"

again
breaks "an MTU of 1200" dev1_ip link set bamgate0 mtu 1200
breaks "the network's routes taken" eval 'dev1_ip route del 10.100.0.0/16 dev bamgate0; dev1_ip -6 route flush dev bamgate0 proto kernel'
breaks "an accepted route taken" dev1_ip -6 route del 2001:db8:77::/64 dev bamgate0

# What others have added stays, through a repair too.
again
dev1_ip address add 10.9.9.9/32 dev bamgate0
dev1_ip route add 172.30.0.0/16 dev bamgate0
WHOLE=$(shape bamgate0)
breaks "an address taken" dev1_ip address del "$(device_address dev1 6)/64" dev bamgate0
shows '^inet 10.9.9.9/32' || lab_fail "an address that was added is gone"
shows '^172.30.0.0/16' || lab_fail "a route that was added is gone"
dev1_ip address del 10.9.9.9/32 dev bamgate0
dev1_ip route del 172.30.0.0/16 dev bamgate0
WHOLE=$(shape bamgate0)
breaks "switched off" dev1_ip link set bamgate0 down
# What this machine has made of its configuration is no change of it.
reads_again() { grep -q 'was read again' "$LAB_DIR/dev1.log"; }
reads_no_change() {
  kill -HUP "${DEVICE_PID[dev1]}"
  lab_wait 5 "SIGHUP is not answered" reads_again
  grep 'was read again' "$LAB_DIR/dev1.log" | grep -v 'nothing has changed in it' && lab_fail "a change is seen where there is none"
  true
}

# Renamed: it goes on under that name.
renames() { dev1_ip link set bamgate0 down && dev1_ip link set bamgate0 name tunnel7 && dev1_ip link set tunnel7 up; }
renames
WHOLE=${WHOLE//bamgate0/tunnel7}
renamed_whole() { [ "$(shape tunnel7 2>/dev/null)" = "$WHOLE" ]; }
lab_wait 1 "the interface is not whole under its new name" renamed_whole
[ "$(device_status dev1 .device.interface)" = tunnel7 ] || lab_fail "status does not know the new name"
check_ping dev1 "$PEER4"
reads_no_change
device_down dev1
check_nothing_left dev1 "after all that"

# The name is taken by something that is no TUN.
dev1_ip link add bamgate0 type bridge
refuses 'another kind of interface has this name'
dev1_ip link delete bamgate0
# A TUN that was there before, with the address: on every run.
dev1_ip tuntap add dev bamgate0 mode tun
dev1_ip address add "$(sed -n "s/^address = \"\([^\"]*\)\".*/\1/p" "$LAB_DIR/dev1/config.toml")" dev bamgate0
for _ in 1 2; do
  device_up dev1
  wait_connected dev1 dev2
  check_ping dev1 "$PEER4"
  device_down dev1
done
dev1_ip tuntap del dev bamgate0 mode tun

# Without IPv6: nothing speaks of root, and nobody is told of an address that is not there.
lab_sysctl dev1 1 ipv6/conf/{all,default}/disable_ipv6
device_up dev1
wait_connected dev1 dev2
check_ping dev1 "$PEER4"
grep -q 'no IPv6 inside the tunnel.*switched off' "$LAB_DIR/dev1.log" || lab_fail "it is not said: $(cat "$LAB_DIR/dev1.log")"
grep -q 'root' "$LAB_DIR/dev1.log" && lab_fail "it speaks of root: $(cat "$LAB_DIR/dev1.log")"
[ "$(device_status dev1 .device.address6)" = null ] || lab_fail "status shows an address that is not there"
[ -z "$(device_status dev2 '.peers[0].address6')" ] || lab_fail "an IPv6 address is announced that is not there"
reads_no_change
device_down dev1
lab_sysctl dev1 0 ipv6/conf/{all,default}/disable_ipv6
# For our interface alone, while it runs; and back.
device_up dev1
wait_connected dev1 dev2
lab_sysctl dev1 1 ipv6/conf/bamgate0/disable_ipv6
check_ping dev1 "$PEER4"
lab_sysctl dev1 0 ipv6/conf/bamgate0/disable_ipv6
has_ipv6() { shows '^inet6 fd'; }
lab_wait 1 "the IPv6 address does not come back" has_ipv6
check_ping dev1 "$PEER6"
grep -q 'again and again' "$LAB_DIR/dev1.log" && lab_fail "IPv6 that was switched off was fought for"
device_down dev1
