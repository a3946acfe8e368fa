#!/usr/bin/env bash
# The laboratory itself: NATs are in force, the probe notices when one is not, and nothing is left behind.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"

lay_out() {
  lab_begin nat-probe
  lab_middle
  lab_host hub 10
  lab_nat 1
  lab_nat 2
  lab_device dev1 1 2
  lab_device dev2 2 2
  lab_device dev3 1 3
}

expect_refused() { # TEXT COMMAND...: the probe must fail and say this
  local text=$1 said
  shift
  if said=$(trap - EXIT && "$@" 2>&1); then lab_fail "the probe did not notice: $text"; fi
  [[ "$said" = *"$text"* ]] || lab_fail "the probe failed with '$said' instead of '$text'"
}

one_family() {
  LAB_FAMILIES=$1
  lay_out
  lab_probe_nat dev1 1
  lab_probe_nat dev2 2
  lab_probe_nat dev3 1
  local hub=203.0.113.10 neighbour=192.168.1.3 stranger=192.168.2.2
  if [ "$1" = 6 ]; then
    hub=2001:db8::10 neighbour=2001:db8:0:1::3 stranger=2001:db8:0:2::2
  fi
  lab_in dev1 ping -q -n -c 2 -i 0.1 -W 5 "$hub" >/dev/null || lab_fail "dev1 does not reach the hub"
  lab_in dev1 ping -q -n -c 2 -i 0.1 -W 5 "$neighbour" >/dev/null || lab_fail "dev1 does not reach its neighbour on the LAN"
  if lab_in dev1 ping -q -n -c 1 -W 1 "$stranger" >/dev/null; then lab_fail "dev1 reaches dev2 without a tunnel"; fi

  lab_in nat1 nft flush ruleset
  if [ "$1" = 6 ]; then
    expect_refused "3 unsolicited packets came through" lab_probe_nat dev1 1
  else
    expect_refused "dev1 gets no answer" lab_probe_nat dev1 1
    ip -n "$LAB_PREFIX-witness" route add 192.168.1.0/24 via 203.0.113.1
    expect_refused "no NAT is in force" lab_probe_nat dev1 1
  fi
  expect_refused "not as" lab_probe_nat dev2 1
  if [ "$1" = 4 ]; then
    lab_in nat2 nft flush table ip nat
    lab_in nat2 nft add table ip nat
    lab_in nat2 nft 'add chain ip nat postrouting { type nat hook postrouting priority srcnat; }'
    lab_in nat2 nft add rule ip nat postrouting oifname outside masquerade fully-random
    expect_refused "it is a symmetric NAT" lab_probe_nat dev2 2
  fi
}

leftovers() { ip netns list | grep -c "^$LAB_PREFIX-" || true; }

for families in 4 6 46; do
  (one_family "$families")
  [ "$(leftovers)" -eq 0 ] || lab_fail "namespaces are left behind"
done

# Also after a signal, and with processes that ignore it.
for signal in INT TERM; do
  (
    lab_begin nat-probe-signal
    lab_middle
    lab_spawn middle stubborn bash -c 'trap "" INT TERM HUP; while :; do sleep 1; done'
    kill -"$signal" "$BASHPID"
    sleep 30
  ) && lab_fail "the laboratory went on after SIG$signal"
  [ "$(leftovers)" -eq 0 ] || lab_fail "namespaces are left behind after SIG$signal"
done
