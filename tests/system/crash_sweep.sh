#!/usr/bin/env bash
# kill -9 at the steps of a first start, registration, refresh and revocation, of the hub and of the device in turn: crash_sweep.py.
# usage: tests/system/crash_sweep.sh [--list] [OPERATION...]     BAMGATE_LONG=1: at every step
# BAMGATE_FAULTS names a program with fault points (default: build/asan/bamgate, which has sanitizers too); BAMGATE, the
# one that people run, must have no trace of them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$here/../.." && pwd)/build
export BAMGATE_FAULTS=${BAMGATE_FAULTS:-$build/asan/bamgate} PYTHONDONTWRITEBYTECODE=1
[ "${1:-}" != --list ] || exec python3 "$here/crash_sweep.py" --list
release=${BAMGATE:-$build/release/bamgate}

[ -x "$BAMGATE_FAULTS" ] || {
  echo "there is no program $BAMGATE_FAULTS: build it with 'cmake --preset asan && cmake --build --preset asan --target bamgate'" >&2
  exit 1
}
grep -qa BAMGATE_FAULT "$BAMGATE_FAULTS" || { echo "$BAMGATE_FAULTS has no fault points" >&2; exit 1; }
for trace in BAMGATE_FAULT sql_before file_renamed request_begins reply_sent; do
  if grep -qa "$trace" "$release"; then
    echo "$release, which people run, knows the fault point '$trace'" >&2
    exit 1
  fi
done
exec python3 "$here/crash_sweep.py" ${BAMGATE_LONG:+--all} "$@"
