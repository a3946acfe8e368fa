#!/usr/bin/env python3
"""Compares the paths of devices with the committed grid of networks, and prints the grid as it was found.

usage: matrix.py GRID FOLDER    GRID is tests/scenario/nat_grid.txt; FOLDER holds what status --json of each device said, as
                                ROLE-KIND.json; roles are a and b. A cell is the path from a-ROW to b-COLUMN.
exit: 0 each device reaches each other one as the grid says, 1 one does not (which are printed after the grid)
"""
import json
import pathlib
import sys


def read_grid(path):
    rows = [line.split("#")[0].split() for line in pathlib.Path(path).read_text().splitlines()]
    rows = [row for row in rows if len(row) > 2]
    columns = rows[0]
    return {(row[0], column): word for row in rows[1:] for column, word in zip(columns, row[1:], strict=True)}


def main(grid, folder):
    committed = read_grid(grid)
    found, wrong = {}, []
    for file in sorted(pathlib.Path(folder).glob("[ab]-*.json")):
        device = file.stem
        for peer in json.loads(file.read_text())["peers"]:
            path = peer["path"] if peer["state"] == "connected" else peer["state"]
            found[device, peer["id"]] = path
            expected = committed[device[2:], peer["id"][2:]]
            if path != expected:
                detail = f"{peer['ice']['local']} to {peer['ice']['remote']}" if peer.get("ice") else ""
                wrong.append(f"{device} to {peer['id']}: {path}, not {expected} ({detail})")
    kinds = [kind for kind in dict.fromkeys(row for row, _ in committed) if any(device == f"a-{kind}" for device, _ in found)]
    print(" ".join(f"{word:8}" for word in ["", *kinds]).rstrip())
    for row in kinds:
        words = [row, *(found.get((f"a-{row}", f"b-{kind}"), "none") for kind in kinds)]
        print(" ".join(f"{word:8}" for word in words).rstrip())
    print(*wrong, sep="\n", end="\n" if wrong else "")
    sys.exit(1 if wrong or not found else 0)


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
