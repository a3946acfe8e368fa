#!/usr/bin/python3
"""Tests the hub's WebSocket server by the table in websocket_table.py: frames in, frames expected.

usage: tests/interop/websocket_cases.py [WORD...]      only the cases whose name has one of the words; BAMGATE names the hub
Each case runs on a connection of its own, once with its bytes in one piece and once with each byte alone. Everything is in a
network namespace of its own. Prints each case that failed and "N passed, N failed"; exit: 0 all passed, 1 one failed
"""
import itertools
import json
import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading

from hub import PlainHub
from network import INSIDE, enter_namespace
from raw_websocket import CLOSE, PATIENCE, PING, PONG, TEXT, RawWebSocket, close_frame, frame
from websocket_table import CASES, Close, Forwarded, Pong

# Longer ones are not sent byte by byte.
CHOPPED = 1000
MARK = "the end of a case"


class Reader:
    """The device that gets what the hub forwards."""

    def __init__(self, hub, device):
        self.socket = RawWebSocket(hub, device)
        self.socket.socket.settimeout(None)
        self.texts = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while received := self.socket.read():
            opcode, payload = received
            if opcode == PING:
                self.socket.send(frame(PONG, payload))
            message = json.loads(payload) if opcode == TEXT else {}
            if message.get("type") == "offer":
                self.texts.put(message["sdp"])

    def next(self):
        return self.texts.get(timeout=PATIENCE)


def show(value):
    text = repr(value)
    return text if len(text) < 120 else text[:100] + f"… ({len(text)} characters)"


def await_close(client):
    """The close frame and the end of the connection behind it."""
    received = client.read()
    if received is None:
        return "the connection ended without a close frame"
    opcode, payload = received
    if opcode != CLOSE:
        return f"frame {opcode} {show(payload)} instead of a close"
    if len(payload) == 1:
        return "a close frame with half a code"
    return int.from_bytes(payload[:2], "big") if payload else None


def check(client, reader, mark, expected):
    """What is wrong, or None."""
    for one in expected:
        if isinstance(one, Forwarded):
            if (got := reader.next()) != one.text:
                return f"{show(got)} was forwarded, not {show(one.text)}"
        elif isinstance(one, Pong):
            if (got := client.read()) != (PONG, one.payload):
                return f"{show(got)} instead of the pong {show(one.payload)}"
        elif isinstance(one, Close):
            if (got := await_close(client)) != one.code:
                return f"{got} instead of a close with {one.code}"
            client.send(close_frame(one.code if one.code else None))
            return None if client.read() is None else "more frames behind the close"
    client.send(frame(PING, mark.encode()))
    got = client.read()
    return None if got == (PONG, mark.encode()) else f"{show(got)} though nothing more should have come"


def run_case(hub, sender, reader, marker, case, chopped):
    client = RawWebSocket(hub, sender)
    try:
        client.send(case.data, chopped)
        problem = check(client, reader, MARK, case.expected)
    except (queue.Empty, TimeoutError):
        problem = "nothing came"
    except AssertionError as error:
        problem = str(error)
    finally:
        client.close()
    # Nothing else was forwarded: what the next device sends is the next that arrives.
    marker.send(frame(TEXT, json.dumps({"type": "offer", "from": "marker", "to": "reader", "sdp": MARK}).encode()))
    while (text := reader.next()) != MARK:
        problem = problem or f"{show(text)} was forwarded too"
    if problem:
        print(f"FAIL {case.name}{', byte by byte on the wire' if chopped else ''}: {problem}", flush=True)
    return problem is None


def run(words):
    cases = [case for case in CASES if not words or any(word in case.name for word in words)]
    with tempfile.TemporaryDirectory(prefix="bamgate-websocket.") as folder:
        hub = PlainHub(folder)
        try:
            # The hub bounds how often one device may come: so these take turns.
            senders = itertools.cycle([hub.register(f"sender{number}") for number in range(4)])
            marker = RawWebSocket(hub, hub.register("marker"))
            reader = Reader(hub, hub.register("reader"))
            manners = [(case, chopped) for case in cases for chopped in (False, True) if not chopped or len(case.data) <= CHOPPED]
            results = [run_case(hub, next(senders), reader, marker, case, chopped) for case, chopped in manners]
        finally:
            hub.stop()
    print(f"{len(cases)} cases; {results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) and results else 1


def main():
    arguments = sys.argv[1:]
    if "-h" in arguments or "--help" in arguments:
        print(__doc__.strip())
        return 0
    if INSIDE not in os.environ:
        return enter_namespace(pathlib.Path(__file__).resolve(), arguments)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
