# Machines with systemd as their first process, in network namespaces of the laboratory: a root folder each, booted with
# namespaces for processes, mounts, cgroups and host name of their own. Source lab.sh first.
#
#   base_root DEB                 the folder of an empty Debian of this machine's release, with what DEB depends on;
#                                 kept in build/roots; then in $BASE_ROOT
#   machine_boot NAME             begins to boot a copy of it in the network namespace of that host or device
#   machine_wait NAME             until it is up
#   in_machine NAME COMMAND...    runs a command there as root
#   machine_root NAME             its root folder, as seen from here
#   machine_files NAME            lists every file of it, but for the records of the package manager, logs, and the older
#                                 copies of the lists of users (/etc/passwd-)
# shellcheck shell=bash

BASE_ROOT=
declare -A MACHINE_PID=() MACHINE_JOB=()

base_root() {
  local codename roots log depends
  # shellcheck disable=SC1091
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  roots=$(cd "$LAB_SOURCE/../.." && pwd)/build/roots
  BASE_ROOT=$roots/$codename
  log=$LAB_DIR/base.log
  mkdir -p "$roots"
  if [ ! -e "$BASE_ROOT.ready" ]; then
    rm -rf --one-file-system "$BASE_ROOT"
    mmdebstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2,iputils-ping,procps "$codename" "$BASE_ROOT" \
      >"$log" 2>&1 || lab_fail "mmdebstrap failed"
    touch "$BASE_ROOT.ready"
  fi
  # What the package needs is no trace of the package.
  depends=$(dpkg-deb -f "$1" Depends)
  if [ "$(cat "$BASE_ROOT.satisfied" 2>/dev/null)" != "$depends" ]; then
    chroot "$BASE_ROOT" apt-get update -qq >>"$log" 2>&1 || lab_fail "apt-get update failed in the new root"
    chroot "$BASE_ROOT" env DEBIAN_FRONTEND=noninteractive apt-get satisfy -y -qq --no-install-recommends "$depends" \
      >>"$log" 2>&1 || lab_fail "the packages that bamgate depends on cannot be installed"
    echo "$depends" >"$BASE_ROOT.satisfied"
  fi
}

machine_root() { echo "$LAB_DIR/machine-$1"; }

# The second version of cgroups: where it is mounted here.
cgroup_mount() { awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts; }

# Runs inside the new namespaces; becomes systemd.
# shellcheck disable=SC2016
MACHINE_INIT='
set -e
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
for folder in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs $folder; done
chmod 1777 tmp
for device in null zero full random urandom tty; do
  touch dev/$device
  mount --bind /dev/$device dev/$device
done
mkdir dev/net dev/pts dev/shm dev/mqueue dev/hugepages
mknod -m 666 dev/net/tun c 10 200
mount -t devpts -o ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm
ln -s /proc/self/fd dev/fd
pivot_root . mnt
exec chroot . sh -ec "umount -l /mnt; exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --show-status=no --log-target=journal"'

machine_boot() {
  local name=$1 root cgroup
  root=$(machine_root "$name")
  cgroup=$(cgroup_mount)/$LAB_PREFIX-$name
  cp -a --reflink=auto "$BASE_ROOT" "$root"
  echo "$name" >"$root/etc/hostname"
  rm -f "$root/etc/machine-id"
  touch "$root/etc/machine-id"
  # Units that want a terminal, the network or the time from outside.
  ln -sf /dev/null "$root/etc/systemd/system/console-getty.service"
  mkdir "$cgroup"
  MACHINE_CGROUPS+=("$cgroup")
  (
    echo "$BASHPID" >"$cgroup/cgroup.procs"
    exec ip netns exec "$LAB_PREFIX-$name" unshare --mount --pid --fork --kill-child --cgroup --uts --ipc \
      --propagation private bash -c "$MACHINE_INIT" _ "$root"
  ) >"$LAB_DIR/machine-$name.log" 2>&1 </dev/null &
  MACHINE_JOB[$name]=$!
}

machine_wait() {
  lab_wait 60 "systemd does not start on $1" machine_find_init "$1" "${MACHINE_JOB[$1]}"
  lab_wait 60 "$1 does not finish booting" machine_is_up "$1"
}

machine_find_init() {
  MACHINE_PID[$1]=$(pgrep -P "$2" -x systemd) && in_machine "$1" test -S /run/systemd/private
}

machine_is_up() { [[ $(in_machine "$1" systemctl is-system-running 2>/dev/null) =~ ^(running|degraded)$ ]]; }

in_machine() {
  local name=$1
  shift
  nsenter --target "${MACHINE_PID[$name]}" --all --root --wd -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive HOME=/root "$@"
}

machine_files() {
  (cd "$(machine_root "$1")" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp \
    -o -path ./var/log -o -path ./var/cache -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/lib/systemd \
    -o -path ./root -o -path ./etc/machine-id -o -path './etc/*-' \) -prune -o -print | sort)
}

# Empty cgroups stay behind until somebody removes them.
MACHINE_CGROUPS=()
machines_end() {
  local code=$? cgroup name
  set +e
  for name in "${!MACHINE_PID[@]}"; do
    [ "$code" -eq 0 ] && break
    echo "--- the services' journal on $name, last lines"
    in_machine "$name" journalctl --quiet --no-pager --output=cat --lines=15 --unit 'bamgate*'
  done >&2
  for name in "${!MACHINE_PID[@]}"; do kill -KILL "${MACHINE_PID[$name]}" 2>/dev/null; done
  for name in "${!MACHINE_PID[@]}"; do
    while [ -e "/proc/${MACHINE_PID[$name]}" ] && [[ $(ps -o stat= -p "${MACHINE_PID[$name]}") != Z* ]]; do sleep 0.05; done
  done
  for cgroup in "${MACHINE_CGROUPS[@]}"; do
    find "$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null
  done
  (exit "$code")
  lab_end
}
