#!/usr/bin/python3
"""Sends lines both ways between two programs, one at a time: the next goes out when the other side has printed the last.

usage: lockstep.py LINES OUR_INPUT THEIR_OUTPUT THEIR_INPUT OUR_OUTPUT     pipes and growing files
Lines have 8 to 500 characters. exit: 0 each came once, whole and in order; 1 one was damaged or did not come in 20 s
"""
import sys
import time

PATIENCE = 20


class Reader:
    """The lines of a growing file that begin with one word, from now on."""

    def __init__(self, path, word):
        self.file = open(path, "rb")
        self.file.seek(0, 2)  # what is there is of another run
        self.word = word.encode() + b" "
        self.rest = b""

    def next(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.rest += self.file.read()
            line, end, rest = self.rest.partition(b"\n")
            if not end:
                time.sleep(0.0005)
                continue
            self.rest = rest
            if line.startswith(self.word):
                return line
        return None


def main():
    count = int(sys.argv[1])
    ways = [("forth", *sys.argv[2:4]), ("back", *sys.argv[4:6])]
    ways = [(word, open(into, "wb", buffering=0), Reader(out, word)) for word, into, out in ways]
    for number in range(1, count + 1):
        for word, into, reader in ways:
            line = f"{word} {number} {'x' * (number % 480)}".encode()
            into.write(line + b"\n")
            came = reader.next()
            if came != line:
                sys.exit(f"line {number} of {word}: " + ("lost" if came is None else f"damaged: {came[:80]!r}"))


main()
