#!/usr/bin/env bash
# What a person sees at a terminal (tmux): setup that asks, status that refreshes in place, a question before a revocation,
# a QR code that a camera can read; with colour, and without it when NO_COLOR says so or nobody looks.
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR source=bamgate.sh
source "$(dirname "$0")/bamgate.sh"

for tool in tmux zbarimg; do
  command -v "$tool" >/dev/null || { echo "FAIL: the program $tool is missing: run scripts/setup" >&2; exit 1; }
done

socket=bamgate-test-$$
terminal() { tmux -L "$socket" "$@"; }
screen() { terminal capture-pane -p -t person; }
coloured_screen() { terminal capture-pane -e -p -t person; }
shows() { screen | grep -qE -- "$1"; }
shows_not() { ! shows "$1"; }
type_line() { terminal send-keys -t person -l -- "$1" && terminal send-keys -t person Enter; }
see() { lab_wait 15 "the terminal does not show '$1' but: $(screen)" shows "$1"; }
is_clear() { [ "$(screen | grep -c .)" = 1 ]; }
clear_screen() { type_line clear; lab_wait 5 "the screen is not cleared: $(screen)" is_clear; }

# A QR code of half blocks on the screen, as a picture: light modules are drawn.
picture_of_screen() {
  screen | python3 -c '
import sys
lines = [line.rstrip("\n") for line in sys.stdin if set(line.strip()) and set(line.strip()) <= set("█▀▄ ")]
width = max(map(len, lines))
rows = []
for line in lines:
    line = line.ljust(width)
    rows += [[c in "█▀" for c in line], [c in "█▄" for c in line]]
scale, border = 8, 4
pixels = [[True] * (width + 2 * border)] * border + [[True] * border + r + [True] * border for r in rows]
pixels += [[True] * (width + 2 * border)] * border
print("P1", len(pixels[0]) * scale, len(pixels) * scale)
for row in pixels:
    text = " ".join("0" if light else "1" for light in row for _ in range(scale))
    print("\n".join([text] * scale))
' >"$LAB_DIR/qr.pbm"
}

bamgate_begin terminal
# The trap of the laboratory kills what runs in its namespaces, also this server of tmux.
one_site
hub_start
device_setup dev2
export TMUX_TMPDIR=$LAB_DIR
ip netns exec "$LAB_PREFIX-dev1" env -u NO_COLOR PS1='COMMAND ' tmux -L "$socket" -f /dev/null new-session -d -s person -x 120 -y 60 \
  'env PS1="COMMAND " bash --norc --noprofile'
see COMMAND

# Setup asks for what it needs, proposes a name, and says what comes next.
join=$(lab_in hub "$BAMGATE" hub token --admin --data "$LAB_DIR/hub")
type_line "$BAMGATE setup --config $LAB_DIR/dev1"
see 'Join string:'
# What is of no use is asked again: half a string, a name that is none, a name that another device has.
type_line "https://example.org"
see 'does not begin with bamgate://'
# As a mail program has wrapped it, over a line that is as slow as it likes: the next part is asked for.
type_line "${join:0:60}"
see 'no fingerprint \(fp=\) so far. Its next line, or Enter if that was all:'
# Pasted: two lines at once.
terminal set-buffer -- "${join:60:20}"$'\n'"${join:80}"
terminal paste-buffer -t person
terminal send-keys -t person Enter
see 'Name of this device \[[a-z0-9-]+\]:'
type_line "My Laptop"
see "'My Laptop' is no device name.*my-laptop"
type_line dev2
see 'name_taken'
see 'Name of this device \[[a-z0-9-]+\]:$'
type_line dev1
see "this device is 'dev1' with the address"
see "bamgate up --config"
clear_screen

# The screen of status follows what happens, in place.
device_up dev1
lab_wait 15 "dev1 does not reach the hub" hub_connected dev1
type_line "$BAMGATE status --watch --config $LAB_DIR/dev1"
see 'no other device is connected'
device_up dev2
see '^dev2 +10\.100\.0\.[0-9]+ +connected for [0-9]+ s +direct, [0-9.]+ ms'
[ "$(screen | grep -c '^hub ')" = 1 ] || lab_fail "the screen scrolls instead of being refreshed: $(screen)"
coloured_screen | grep -q $'\x1b\[32mconnected' || lab_fail "the state has no colour: $(coloured_screen)"
device_down dev2
see '^dev2 +10\.100\.0\.[0-9]+ +not there'
terminal send-keys -t person C-c
see '^COMMAND'
shows "status --watch" || lab_fail "the screen from before has not come back: $(screen)"
clear_screen

# NO_COLOR, and a pipe.
type_line "NO_COLOR=1 $BAMGATE status --config $LAB_DIR/dev1"
see '^hub .* connected'
coloured_screen | grep -q $'\x1b\[3[0-9]m' && lab_fail "there is colour in spite of NO_COLOR: $(coloured_screen)"
lab_in dev1 "$BAMGATE" status --config "$LAB_DIR/dev1" >"$LAB_DIR/piped"
grep -q $'\x1b' "$LAB_DIR/piped" && lab_fail "there is an escape sequence in a pipe"
clear_screen

# A revocation asks back, and no means no.
type_line "$BAMGATE devices revoke dev2 --config $LAB_DIR/dev1"
see "Revoke 'dev2'.*\[y/N\]"
type_line n
see 'nothing was revoked'
code=0
lab_in dev1 "$BAMGATE" devices revoke dev2 --config "$LAB_DIR/dev1" </dev/null 2>"$LAB_DIR/stderr" || code=$?
[ "$code" = 2 ] || lab_fail "a revocation without a terminal and without --yes ended with $code: $(cat "$LAB_DIR/stderr")"
lab_in dev1 "$BAMGATE" devices --json --config "$LAB_DIR/dev1" | jq -e '[.devices[].revoked] == [false, false]' >/dev/null ||
  lab_fail "something was revoked"
clear_screen

# The QR code of a join string holds just that string.
type_line "$BAMGATE devices add --config $LAB_DIR/dev1"
see '^bamgate://'
join=$(screen | tr -d '\n' | grep -oE 'bamgate://[^ ]+fp=[A-Za-z0-9_-]{43}')
picture_of_screen
read_by_camera=$(zbarimg --quiet --raw --nodbus "$LAB_DIR/qr.pbm") || lab_fail "no camera can read the QR code: $(screen)"
[ "$read_by_camera" = "$join" ] || lab_fail "the QR code holds '$read_by_camera', the line says '$join'"
lab_in dev2 "$BAMGATE" setup --join "$read_by_camera" --name dev3 --config "$LAB_DIR/dev3" 2>/dev/null ||
  lab_fail "setup with the string from the QR code failed"
clear_screen

# On a terminal the hub's own command says what comes next; to a script it gives the string alone.
type_line "$BAMGATE hub token --data $LAB_DIR/hub --ttl 30m"
see '^on the new device, within 30 min 0 s: run .sudo bamgate setup'
see '^bamgate://'
[ "$(lab_in hub "$BAMGATE" hub token --data "$LAB_DIR/hub" 2>&1 | wc -l)" = 1 ] || lab_fail "a script gets more than the string"
clear_screen

# Too narrow for the QR code: it says so and leaves it out.
terminal resize-window -t person -x 40 -y 60
type_line "$BAMGATE devices add --config $LAB_DIR/dev1"
see 'no QR code: it needs [0-9]+'
see '^bamgate://'
shows_not '█' || lab_fail "there is a broken picture: $(screen)"
terminal kill-server
