#!/usr/bin/env python3
"""Two well-behaved devices that keep asking each other something through the hub, beside whatever load there is.

usage: probe.py HOST PORT TOKEN RESULTS        ends with its standard input; one line is printed when it has begun
Each 20 ms one sends an offer and the other answers it: one round trip is two messages that the hub forwards. RESULTS gets
one JSON line per round trip: when it began (CLOCK_MONOTONIC), how long it took in seconds; null for one that was lost.
"""
import asyncio
import json
import sys
import time

from hub_client import Device, Http, tls_context

INTERVAL = 0.02
PATIENCE = 60  # seconds; an answer that takes longer counts as lost


async def listen(device, handle):
    while True:
        handle(await device.socket.receive())


async def main():
    host, port, token, results = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    tls = tls_context()
    first, second = (Device(lambda: Http(host, port, tls, "127.9.9.1"), name) for name in ("probe-a", "probe-b"))
    for device in (first, second):
        await device.register(token)
        await device.join()
    under_way, done = {}, []

    def answer(message):
        if message["type"] == "offer":
            second.socket.send({"type": "answer", "from": "", "to": first.name, "sdp": message["sdp"]})

    def arrived(message):
        if message["type"] == "answer" and (begin := under_way.pop(message["sdp"], None)) is not None:
            done.append((begin, time.monotonic() - begin))

    async def ask():
        number = 0
        while True:
            number += 1
            under_way[str(number)] = time.monotonic()
            first.socket.send({"type": "offer", "from": "", "to": second.name, "sdp": str(number)})
            await asyncio.sleep(INTERVAL)

    asking = asyncio.ensure_future(ask())
    listening = [asyncio.ensure_future(listen(second, answer)), asyncio.ensure_future(listen(first, arrived))]
    print("begun", flush=True)
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await asyncio.wait([asking, *listening, ended], return_when=asyncio.FIRST_COMPLETED)
    closed = [task for task in listening if task.done()]  # the hub threw a good client out
    asking.cancel()
    end = time.monotonic() + PATIENCE
    while under_way and not closed and time.monotonic() < end:
        await asyncio.sleep(0.01)
    with open(results, "w", encoding="ascii") as file:
        for begin, seconds in done + [(begin, None) for begin in under_way.values()]:
            file.write(json.dumps([begin, seconds]) + "\n")
    for task in closed:
        sys.exit(f"a probe was thrown out: {task.exception()!r}")
    for task in listening:
        task.cancel()


asyncio.run(main())
