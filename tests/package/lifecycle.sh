#!/usr/bin/env bash
# The life of the package on three machines with systemd: installed, a hub and two devices as services with the rights they
# are meant to have, a tunnel, an interface that is deleted, a crash, an upgrade under a running tunnel, a revocation, by hand without the service,
# removal and purge; then nothing is left.
# usage: lifecycle.sh DEB NEWER-DEB
# shellcheck source-path=SCRIPTDIR source=../system/lab.sh
source "$(dirname "$0")/../system/lab.sh"
# shellcheck source-path=SCRIPTDIR source=../system/bamgate.sh
source "$(dirname "$0")/../system/bamgate.sh"
# shellcheck source-path=SCRIPTDIR source=machine.sh
source "$(dirname "$0")/machine.sh"

deb=$(realpath "$1") newer=$(realpath "$2")
say() { echo "$*"; }

property() { in_machine "$1" systemctl show --property="$3" --value "$2"; }
service_pid() { property "$1" "$2" MainPID; }
status_of() { in_machine "$1" bamgate status --json 2>/dev/null | jq -r "$2"; }
connected() { [ "$(status_of "$1" ".peers[] | select(.id == \"$2\") | .state")" = connected ]; }
wait_tunnel() {
  lab_wait 30 "dev1 is not connected with dev2" connected dev1 dev2
  lab_wait 30 "dev2 is not connected with dev1" connected dev2 dev1
}
ping_dev2() { in_machine dev1 ping -q -n -c 3 -i 0.2 -W 5 10.100.0.2 >"$LAB_DIR/ping.log" || lab_fail "no answer from dev2"; }

# fails_with NAME CODE PATTERN COMMAND...
fails_with() {
  local name=$1 wanted=$2 pattern=$3 code=0
  shift 3
  in_machine "$name" "$@" >"$LAB_DIR/said" 2>&1 || code=$?
  [ "$code" -eq "$wanted" ] || lab_fail "'$*' on $name ended with $code, not $wanted: $(tail -n 1 "$LAB_DIR/said")"
  grep -Eq -- "$pattern" "$LAB_DIR/said" || lab_fail "'$*' on $name does not say '$pattern': $(cat "$LAB_DIR/said")"
}

# check_rights NAME PID USER CAPABILITIES: what the kernel says about the process
check_rights() {
  local name=$1 pid=$2 id caps=$4 line
  id=$(in_machine "$name" id -u "$3")
  in_machine "$name" cat "/proc/$pid/status" >"$LAB_DIR/rights" || lab_fail "process $pid is gone from $name"
  for line in "Uid: $id $id $id $id" "CapInh: 0000000000000000" "CapPrm: $caps" "CapEff: $caps" "CapAmb: 0000000000000000" \
    "NoNewPrivs: 1"; do
    tr -s '\t ' ' ' <"$LAB_DIR/rights" | sed 's/ $//' | grep -qx "$line" ||
      lab_fail "the process of $3 on $name has not '$line': $(grep "^${line%%:*}" "$LAB_DIR/rights")"
  done
}

check_owner() {
  local found
  found=$(in_machine "$1" stat -c '%U:%G %a' "$3")
  [ "$found" = "$2" ] || lab_fail "$3 on $1 is $found, not $2"
}

# install_package NAME DEB: from the machine's own cache, where cp has put it.
install_package() {
  in_machine "$1" dpkg -i "/var/cache/$(basename "$2")" >>"$LAB_DIR/$1.dpkg.log" 2>&1 || lab_fail "dpkg -i failed on $1"
}

install_everywhere() {
  local name
  for name in hub dev1 dev2; do machine_boot "$name"; done
  for name in hub dev1 dev2; do
    machine_wait "$name"
    machine_files "$name" >"$LAB_DIR/$name.files"
    cp "$deb" "$newer" "$(machine_root "$name")/var/cache/"
    install_package "$name" "$deb"
    check_owner "$name" "bamgate:bamgate 755" /etc/bamgate
    check_owner "$name" "bamgate-hub:bamgate-hub 700" /var/lib/bamgate-hub
    [ "$(property "$name" bamgate.service ActiveState)" = inactive ] || lab_fail "the device's service runs before set-up"
    [ "$(property "$name" bamgate-hub.service UnitFileState)" = disabled ] || lab_fail "every machine would be a hub"
  done
  fails_with dev1 1 'bamgate setup' bamgate up
  fails_with dev1 3 'bamgate setup' bamgate restart
}

# In a chroot the kernel lets nobody make a user namespace (clone(2), EPERM); there the hub's unit goes without.
allow_for_chroot() {
  in_machine hub unshare --user true 2>/dev/null && return
  say "no user namespaces here: PrivateUsers= of the hub is not tested"
  # shellcheck disable=SC2016  # the shell on the machine expands
  in_machine hub sh -ec 'mkdir -p "$1"; printf "[Service]\nPrivateUsers=no\n" >"$1/chroot.conf"; systemctl daemon-reload' _ \
    /run/systemd/system/bamgate-hub.service.d
}

set_up() {
  local name join pid
  echo 'BAMGATE_HUB_OPTIONS="--public-url https://203.0.113.10:8443"' >"$(machine_root hub)/etc/default/bamgate-hub"
  in_machine hub systemctl enable --now bamgate-hub 2>/dev/null || lab_fail "the hub's service does not start"
  check_rights hub "$(service_pid hub bamgate-hub)" bamgate-hub 0000000000000000
  for name in dev1 dev2; do
    join=$(in_machine hub bamgate hub token) || lab_fail "hub token failed"
    in_machine $name bamgate setup --join "$join" --name $name >"$LAB_DIR/$name.setup.log" 2>&1 || lab_fail "setup of $name failed"
    check_owner $name "bamgate:bamgate 644" /etc/bamgate/config.toml
    check_owner $name "bamgate:bamgate 600" /etc/bamgate/secrets.toml
    in_machine $name bamgate up -d 2>/dev/null || lab_fail "up -d of $name failed"
    pid=$(service_pid $name bamgate)
    check_rights $name "$pid" bamgate 0000000000001000
    grep -q '^CapBnd:.*0000000000001000$' "$LAB_DIR/rights" || lab_fail "the service may be given more than CAP_NET_ADMIN"
    grep -q '^Seccomp:.*2$' "$LAB_DIR/rights" || lab_fail "no system call filter is in force"
    check_owner $name "bamgate:bamgate 660" /run/bamgate/control.sock
  done
  wait_tunnel
  ping_dev2
  # A refreshed token was written by the service.
  check_owner dev1 "bamgate:bamgate 600" /etc/bamgate/secrets.toml
}

# Not grep -q: it would end journalctl by SIGPIPE.
reloaded() { in_machine dev1 bamgate logs 2>/dev/null | grep 'was read again' >/dev/null; }

use() {
  local pid
  pid=$(service_pid dev1 bamgate)
  fails_with dev1 1 "process $pid as the service bamgate.service, since 2" bamgate up
  fails_with dev1 1 "process $pid as the service" bamgate up -d
  fails_with dev1 0 'bamgate0 is up' bamgate logs
  in_machine dev1 grep -Eq '^Max core file size +0 +0 ' "/proc/$pid/limits" || lab_fail "the service may write a core file"
  in_machine dev1 systemctl reload bamgate || lab_fail "the service cannot be reloaded"
  lab_wait 10 "the service does not say that it has read its configuration again" reloaded
  [ "$(service_pid dev1 bamgate)" = "$pid" ] || lab_fail "reload has restarted the service"
  # A configuration that cannot be carried out stops nothing.
  in_machine dev1 sed -i.good 's/^mtu = .*/mtu = 1/' /etc/bamgate/config.toml
  fails_with dev1 1 'nothing was restarted, the device goes on as it was: .*device.mtu' bamgate restart
  in_machine dev1 mv /etc/bamgate/config.toml.good /etc/bamgate/config.toml
  [ "$(service_pid dev1 bamgate)" = "$pid" ] || lab_fail "restart took a service down that cannot start again"
  in_machine dev1 useradd friend
  fails_with dev1 1 'usermod -aG bamgate' setpriv --reuid friend --regid friend --clear-groups bamgate status
  in_machine dev1 usermod -aG bamgate friend
  fails_with dev1 0 'dev2' setpriv --reuid friend --regid friend --init-groups bamgate status
  fails_with dev1 1 'adm and systemd-journal' setpriv --reuid friend --regid friend --init-groups bamgate logs
  fails_with dev1 1 'rights of root' setpriv --reuid friend --regid friend --init-groups bamgate down
  again_while_it_runs
  pid=$(service_pid dev1 bamgate)
  in_machine dev1 bamgate restart || lab_fail "restart failed"
  [ "$(service_pid dev1 bamgate)" != "$pid" ] || lab_fail "restart left the old process"
  wait_tunnel
}

# Set up once more under the running service: the same device, and the service runs again.
again_while_it_runs() {
  local join key pid
  pid=$(service_pid dev1 bamgate)
  key=$(in_machine dev1 grep private_key /etc/bamgate/secrets.toml)
  join=$(in_machine hub bamgate hub token) || lab_fail "hub token failed"
  in_machine dev1 bamgate setup --join "$join" >"$LAB_DIR/dev1.setup.log" 2>&1 || lab_fail "setup under the service failed"
  [ "$(service_pid dev1 bamgate)" != "$pid" ] || lab_fail "setup left the old process"
  [ "$(in_machine dev1 grep private_key /etc/bamgate/secrets.toml)" = "$key" ] || lab_fail "setup changed the key"
  check_owner dev1 "bamgate:bamgate 600" /etc/bamgate/secrets.toml
  wait_tunnel
}

restarted() { local now; now=$(service_pid "$1" bamgate) && [ "$now" != 0 ] && [ "$now" != "$2" ]; }

crash() {
  local pid
  pid=$(service_pid dev1 bamgate)
  in_machine dev1 kill -KILL "$pid"
  lab_wait 30 "the service does not come back after kill -9" restarted dev1 "$pid"
  wait_tunnel
}

has_interface() { in_machine dev1 ip link show bamgate0 >/dev/null 2>&1; }

# What the unit leaves the service of its rights is enough to make the interface anew, again and again.
interface_deleted() {
  local pid
  pid=$(service_pid dev1 bamgate)
  for _ in 1 2 3; do
    in_machine dev1 ip link delete bamgate0 || lab_fail "the interface cannot be deleted"
    lab_wait 10 "the service does not make its interface anew" has_interface
    wait_tunnel
    ping_dev2
  done
  [ "$(service_pid dev1 bamgate)" = "$pid" ] || lab_fail "the service was restarted because its interface was deleted"
}

upgrade() {
  local name pid
  for name in hub dev1; do
    pid=$(service_pid $name "bamgate$([ $name = dev1 ] || echo -hub)")
    install_package $name "$newer"
    [ "$(service_pid $name "bamgate$([ $name = dev1 ] || echo -hub)")" != "$pid" ] || lab_fail "the old program runs on $name"
  done
  wait_tunnel
  ping_dev2
}

by_hand() {
  local pid up
  in_machine dev1 bamgate down || lab_fail "down of the service failed"
  [ "$(property dev1 bamgate ActiveState)" = inactive ] || lab_fail "down left the service running"
  if in_machine dev1 ip link show bamgate0 >/dev/null 2>&1; then lab_fail "down left the interface"; fi
  fails_with dev1 3 'bamgate up' bamgate down
  in_machine dev1 bamgate up >"$LAB_DIR/by-hand.log" 2>&1 &
  up=$!
  wait_tunnel
  pid=$(in_machine dev1 head -n 1 /etc/bamgate/agent.lock)
  check_rights dev1 "$pid" bamgate 0000000000001000
  grep -q '^CapBnd:.*0000000000000000$' "$LAB_DIR/rights" || lab_fail "programs that it starts could have capabilities"
  grep -q '^Groups:\s*$' "$LAB_DIR/rights" || lab_fail "it is in the groups of root"
  ping_dev2
  # The group may look; it may not act.
  fails_with dev1 0 'dev2' setpriv --reuid friend --regid friend --init-groups bamgate status
  fails_with dev1 1 'only root' setpriv --reuid friend --regid friend --init-groups bamgate down
  in_machine dev1 userdel friend
  in_machine dev1 bamgate down || lab_fail "down failed"
  await_process "$up" "bamgate up by hand"
  if in_machine dev1 ip link show bamgate0 >/dev/null 2>&1; then lab_fail "down left the interface"; fi
  in_machine dev1 bamgate up -d 2>/dev/null || lab_fail "the service does not start after a run by hand"
  wait_tunnel
}

# Root by hand on a port that only root may open.
hub_by_hand() {
  local hub pid
  in_machine hub systemctl stop bamgate-hub
  in_machine hub bamgate hub --listen 0.0.0.0:443 >"$LAB_DIR/hub-by-hand.log" 2>&1 &
  hub=$!
  lab_wait 10 "the hub does not open port 443" in_machine hub grep -q ' 0100007F:01BB \| 00000000:01BB ' /proc/net/tcp
  # It gives its rights up before it says so.
  lab_wait 10 "the hub does not say that it runs" grep -q 'hub[_ ]started' "$LAB_DIR/hub-by-hand.log"
  pid=$(in_machine hub pgrep -x bamgate)
  check_rights hub "$pid" bamgate-hub 0000000000000000
  in_machine hub kill -TERM "$pid"
  await_process "$hub" "the hub by hand"
  check_owner hub "bamgate-hub:bamgate-hub 600" /var/lib/bamgate-hub/hub-key.pem
  in_machine hub systemctl start bamgate-hub || lab_fail "the hub's service does not start after a run by hand"
  lab_wait 30 "dev1 does not reach the hub again" hub_reached
}

hub_reached() { [ "$(status_of dev1 .hub.connected)" = true ] && [ "$(status_of dev2 .hub.connected)" = true ]; }

service_failed() { [ "$(property "$1" bamgate ActiveState)" = failed ]; }

revoke() {
  in_machine dev1 bamgate devices revoke dev2 --yes 2>/dev/null || lab_fail "revoke failed"
  lab_wait 30 "the revoked device's service does not end" service_failed dev2
  [ "$(property dev2 bamgate ExecMainStatus)" = 4 ] || lab_fail "it ended with $(property dev2 bamgate ExecMainStatus), not 4"
  [ "$(property dev2 bamgate NRestarts)" = 0 ] || lab_fail "the service tried again after it was revoked"
}

# Removed and installed again: configuration and data are still there, and what was enabled comes back by itself.
again() {
  local name
  for name in hub dev1; do
    in_machine $name dpkg --remove bamgate >>"$LAB_DIR/$name.dpkg.log" 2>&1 || lab_fail "dpkg --remove failed on $name"
    if in_machine $name pgrep -x bamgate >/dev/null; then lab_fail "removal left a process on $name"; fi
    install_package $name "$newer"
  done
  lab_wait 30 "dev1 does not come back after it was installed again" dev1_reaches_hub
}

dev1_reaches_hub() { [ "$(status_of dev1 .hub.connected)" = true ]; }

nothing_left() {
  local name
  for name in hub dev1 dev2; do
    in_machine "$name" dpkg --remove bamgate >>"$LAB_DIR/$name.dpkg.log" 2>&1 || lab_fail "dpkg --remove failed on $name"
    if in_machine "$name" pgrep -x bamgate >/dev/null; then lab_fail "removal left a process on $name"; fi
    [ "$name" = hub ] || in_machine "$name" test -e /etc/bamgate/secrets.toml || lab_fail "removal took the configuration along"
    in_machine "$name" dpkg --purge bamgate >>"$LAB_DIR/$name.dpkg.log" 2>&1 || lab_fail "dpkg --purge failed on $name"
    machine_files "$name" >"$LAB_DIR/$name.files.after"
    diff "$LAB_DIR/$name.files" "$LAB_DIR/$name.files.after" >"$LAB_DIR/$name.left" ||
      lab_fail "files are left on $name: $(cat "$LAB_DIR/$name.left")"
    for file in passwd group shadow; do
      if grep -q bamgate "$(machine_root "$name")/etc/$file"; then lab_fail "/etc/$file of $name still names bamgate"; fi
    done
    if in_machine "$name" ip link show bamgate0 >/dev/null 2>&1; then lab_fail "the interface is left on $name"; fi
    if in_machine "$name" systemctl list-units --all --plain --no-legend 'bamgate*' | grep -q .; then
      lab_fail "systemd still knows a unit of bamgate on $name"
    fi
  done
}

lab_begin package
trap machines_end EXIT
base_root "$deb"
lab_middle
lab_host hub 10
lab_nat 1
lab_device dev1 1 2
lab_device dev2 1 3
for step in install_everywhere allow_for_chroot set_up use interface_deleted crash upgrade by_hand hub_by_hand revoke again nothing_left; do
  begin=$EPOCHREALTIME
  $step
  say "$step: $(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $begin }") s"
done
