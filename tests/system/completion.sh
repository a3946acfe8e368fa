#!/usr/bin/env bash
# What --help shows is what the shells complete and what the manual page tells: every command and every option, in bash, zsh
# and fish; and the installed tree holds all of it, with pages whose links work.
set -euo pipefail
source_tree=$(cd "$(dirname "$0")/../.." && pwd)
BAMGATE=$(realpath "${BAMGATE:-$source_tree/build/release/bamgate}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "FAIL: $*" >&2
  exit 1
}
ln -s "$BAMGATE" "$folder/bamgate"
PATH=$folder:$PATH

# help_of COMMAND...: its options and its own commands, as --help lists them
help_options() { "$BAMGATE" "$@" --help | grep -oE '^  (-[a-z],)?--?[a-z-]+' | grep -oE -- '--?[a-z][a-z-]*'; }
help_commands() { "$BAMGATE" "$@" --help | sed -n '/^Subcommands:/,$p' | sed -n 's/^  \([a-z-]*\) .*/\1/p'; }

# The words that each shell offers behind "bamgate WORD...".
in_bash() {
  # shellcheck disable=SC2016
  bash -c 'source "$1"; COMP_WORDS=(bamgate "${@:2}"); COMP_CWORD=$(($# - 1)); _bamgate; printf "%s\n" "${COMPREPLY[@]}"' \
    _ "$source_tree/packaging/completion/bamgate.bash" "$@"
}
in_fish() {
  # shellcheck disable=SC2016
  fish --no-config -c 'source $argv[1]; complete -C (string join " " -- bamgate $argv[2..])' \
    "$source_tree/packaging/completion/bamgate.fish" "$@" | cut -f 1
}
# zsh completes for a terminal only; _describe is replaced by one that prints what it gets.
in_zsh() {
  # shellcheck disable=SC2016
  zsh -f -c '_describe() { print -l -- ${(P)2%%:*}; }; _files() { :; }; file=$1; shift; words=(bamgate "$@"); CURRENT=${#words}; source $file' \
    _ "$source_tree/packaging/completion/_bamgate" "$@"
}

page=$folder/page
"$BAMGATE" man-page >"$page"
sed 's/\\-/-/g; s/\\f[BIR]//g' "$page" >"$page.plain"

checked=0
# check COMMAND...: the command's options and commands, then those below it
check() {
  local shell option command offered
  grep -qx ".SS bamgate${*:+ $*}" "$page.plain" || [ $# -eq 0 ] || fail "the manual page has no section for 'bamgate $*'"
  for shell in bash zsh fish; do
    offered=$("in_$shell" "$@" --)
    for option in $(help_options "$@" | grep '^--'); do
      grep -qxe "$option" <<<"$offered" || fail "$shell does not complete 'bamgate $* $option'; it offers: $offered"
      checked=$((checked + 1))
    done
    offered=$("in_$shell" "$@" '')
    for command in $(help_commands "$@"); do
      grep -qxe "$command" <<<"$offered" || fail "$shell does not complete 'bamgate $* $command'; it offers: $offered"
    done
  done
  for option in $(help_options "$@"); do
    [ "$option" = --help ] || [ "$option" = -h ] || sed -n "/^\.SS bamgate${*:+ $*}\$/,/^\.S[SH]/p" "$page.plain" | grep -qe "$option" ||
      [ $# -eq 0 ] || fail "the manual page does not name $option of 'bamgate $*'"
  done
  for command in $(help_commands "$@"); do check "$@" "$command"; done
}
check
[ "$checked" -ge 100 ] || fail "only $checked options were looked at: --help is read wrongly"
echo "$checked completions of options"

# What a shell is offered for half a word, behind a value, and where a value is wanted.
[ "$(in_bash up --ver)" = --verbose ] || fail "half an option is not completed"
[ "$(in_bash hub --data up rotate)" = rotate-keys ] || fail "the value of an option is taken for a command"
[ -z "$(in_bash up --config '')" ] || fail "options are offered where a folder is wanted"
[ -z "$(in_bash man-p)" ] || fail "a hidden command is offered"
zsh -n "$source_tree/packaging/completion/_bamgate"

DESTDIR=$folder/tree cmake --install "$(dirname "$BAMGATE")" --prefix /usr >/dev/null || fail "cmake --install failed"
for file in bin/bamgate lib/systemd/system/bamgate.service lib/systemd/system/bamgate-hub.service lib/sysusers.d/bamgate.conf \
  share/man/man1/bamgate.1.gz share/man/man5/bamgate-config.5.gz share/bash-completion/completions/bamgate share/zsh/vendor-completions/_bamgate \
  share/fish/vendor_completions.d/bamgate.fish share/doc/bamgate/copyright \
  share/doc/bamgate/README.md share/doc/bamgate/docs/service.md; do
  [ -s "$folder/tree/usr/$file" ] || fail "cmake --install does not install $file"
done
[ -s "$folder/tree/etc/default/bamgate-hub" ] || fail "cmake --install does not install the hub's options"
zcat "$folder/tree/usr/share/man/man1/bamgate.1.gz" | cmp -s - "$page" || fail "the installed manual page is not the program's"

# The manual page of the configuration names each key that docs/configuration.md does, and roff has nothing to say to either.
zcat "$folder/tree/usr/share/man/man5/bamgate-config.5.gz" >"$folder/config-page"
# shellcheck disable=SC2016  # the backquotes are the page's
keys=$(sed -n 's/^| `\([a-z]*\.[A-Za-z_.0-9]*\)` |.*/\1/p' "$source_tree/docs/configuration.md")
[ "$(wc -l <<<"$keys")" -ge 15 ] || fail "docs/configuration.md is read wrongly: $keys"
for key in $keys; do
  grep -qx "\.B $key" "$folder/config-page" || fail "the manual page of the configuration does not name $key"
done
for one in "$page" "$folder/config-page"; do
  said=$(LC_ALL=C.UTF-8 man --warnings -l "$one" 2>&1 >/dev/null) || fail "man cannot show $one: $said"
  [ -z "$said" ] || fail "man complains about $one: $said"
done

# Each link of the installed pages leads to something that is installed.
python3 - "$folder/tree/usr/share/doc/bamgate" <<'LINKS' || fail "links of the installed pages lead nowhere"
import pathlib, re, sys
root = pathlib.Path(sys.argv[1])
links = [(page, target) for page in root.rglob("*.md")
         for target in re.findall(r"\]\(([A-Za-z0-9_./-]+)(?:#[^)]*)?\)", page.read_text())]
broken = [f"{page.relative_to(root)}: {target}" for page, target in links if not (page.parent / target).exists()]
print("\n".join(broken) or f"{len(links)} links of installed pages", file=sys.stderr if broken else sys.stdout)
sys.exit(bool(broken) or len(links) < 20)
LINKS
