#!/usr/bin/env bash
# Words of the command line: help X is X --help and runs nothing, two commands on a line are refused, and a slip of the
# fingers is told what was meant.
set -euo pipefail
source_tree=$(cd "$(dirname "$0")/../.." && pwd)
BAMGATE=$(realpath "${BAMGATE:-$source_tree/build/release/bamgate}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "FAIL: $*" >&2
  exit 1
}

# same COMMAND...: help of it is it with --help
same() {
  timeout 10 "$BAMGATE" help "$@" >"$folder/one" || fail "help $* ended with $?"
  timeout 10 "$BAMGATE" "$@" --help >"$folder/other"
  cmp -s "$folder/one" "$folder/other" || fail "'help $*' is not '$* --help': $(cat "$folder/one")"
  grep -q '^Usage: bamgate' "$folder/one" || fail "'help $*' is no help: $(cat "$folder/one")"
}
same
same hub
same up
same hub token
same devices revoke
same lab dtls listen
help=$("$BAMGATE" help | wc -l)
[ "$help" = "$("$BAMGATE" --help | wc -l)" ] || fail "help is not --help"

# refused PATTERN WORD...: exit code 2, one line that says it, and nothing on standard output
refused() {
  local pattern=$1 code=0
  shift
  (cd "$folder" && timeout 10 "$BAMGATE" "$@" >"$folder/out" 2>"$folder/err" </dev/null) || code=$?
  [ "$code" = 2 ] || fail "'$*' ended with $code, not 2: $(cat "$folder/out" "$folder/err")"
  [ ! -s "$folder/out" ] || fail "'$*' says something on standard output: $(cat "$folder/out")"
  [ "$(wc -l <"$folder/err")" = 1 ] || fail "'$*' is not refused in one line: $(cat "$folder/err")"
  grep -qE -- "$pattern" "$folder/err" || fail "'$*' does not say '$pattern': $(cat "$folder/err")"
}
refused "'status' and 'setup' are two commands" status setup
refused "'hub' and 'up' are two commands" hub up
refused "'hub token' and 'status' are two commands" hub token status
refused "'up' and 'down' are two commands" up --config "$folder" down
refused "did you mean 'status'" statsu
refused "did you mean 'hub token'" hub tokne
refused "did you mean --config" up --cofnig "$folder"
refused "there is no command 'frobnicate'" frobnicate
refused "did you mean 'hub'" help hbu
# What stands behind a command in its help is no argument of it.
refused "takes no 'nas'" help devices revoke nas
refused "takes no '$folder/file'" help hub backup "$folder/file"
[ ! -e "$folder/file" ] || fail "help made a backup"
# What cannot be meant, and where a backup would be a file named '-'.
refused "standard output" hub backup - --data "$folder/hub"
[ ! -e "$folder/-" ] || fail "hub backup - made a file of that name"
