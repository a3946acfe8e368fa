#!/usr/bin/env python3
"""Every error code that the hub sends is one that devices know: the table of src/signaling/hub_answer.cc has it with its
status. A code that is missing there would be taken for a stranger's answer.

usage: tests/hub_codes.py      exit: 0 they agree, 1 a code is missing or none was found
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# How src/hub and src/net say a code: with its status, or by a function that has one.
SAID = [
    (re.compile(r'error_reply\(\s*(\d{3}),\s*"([^"]+)"'), lambda found: (int(found[1]), found[2])),
    (re.compile(r'error_reply\(\s*(\d{3}),\s*(k[A-Z]\w+)'), lambda found: (int(found[1]), found[2])),
    (re.compile(r'too_many\(\s*"([^"]+)"'), lambda found: (429, found[1])),
    (re.compile(r'return reply\(\s*"([^"]+)"'), lambda found: (401, found[1])),
    (re.compile(r'plain_error\((\d{3})\)'), lambda found: (int(found[1]), "http_" + found[1])),
    (re.compile(r'bad_upgrade\((\d{3}),'), lambda found: (int(found[1]), "bad_upgrade")),
]
CONSTANT = re.compile(r'std::string_view (k[A-Z]\w+) = "([^"]+)"')
KNOWN = re.compile(r'\{"([^"]+)", (\d{3}), Verdict::')


def main():
    known = {(int(status), code) for code, status in KNOWN.findall((ROOT / "src/signaling/hub_answer.cc").read_text())}
    said, constants = {}, {}
    for file in sorted([*(ROOT / "src/hub").iterdir(), *(ROOT / "src/net").iterdir()]):
        text = file.read_text()
        constants.update(CONSTANT.findall(text))
        for pattern, meaning in SAID:
            for found in pattern.finditer(text):
                said[meaning(found)] = file.relative_to(ROOT)
    said = {(status, constants.get(code, code)): file for (status, code), file in said.items()}
    missing = sorted(entry for entry in said if entry not in known)
    for status, code in missing:
        print(f"hub_codes: {said[status, code]} answers {status} {code!r}, which src/signaling/hub_answer.cc does not know")
    if len(said) < 20:
        print(f"hub_codes: only {len(said)} codes were found: the patterns do not fit the code any more")
    return 1 if missing or len(said) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
