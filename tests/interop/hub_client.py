#!/usr/bin/python3
"""Python's websockets as a client of the hub: the same commands and events as hub_client.js.

usage: hub_client.py URL TOKEN
"""
import asyncio
import json
import ssl
import sys

import websockets


def emit(**event):
    print(json.dumps(event), flush=True)


async def run(socket, command):
    what = command["do"]
    if what == "send":
        await socket.send(command["text"])
    elif what == "fragments":
        text, size = command["text"], command["size"]
        # Given several parts, websockets sends each as a frame of its own.
        await socket.send(text[at : at + size] for at in range(0, len(text), size))
    elif what == "ping":
        await (await socket.ping("asked"))
        emit(event="pong", data="asked")
    elif what == "binary":
        await socket.send(b"\1\2\3")
    elif what == "close":
        await socket.close(command["code"], command["reason"])


async def read_commands(socket):
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            await run(socket, json.loads(line))
        except websockets.ConnectionClosed:
            return  # told by main()


async def main():
    url, token = sys.argv[1:]
    context = None
    if url.startswith("wss:"):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    headers = {"Authorization": f"Bearer {token}"}
    # Later releases have another name for the headers.
    named = "additional_headers" if int(websockets.__version__.split(".")[0]) >= 14 else "extra_headers"
    async with websockets.connect(url, ssl=context, **{named: headers}) as socket:
        emit(event="open")
        commands = asyncio.create_task(read_commands(socket))
        try:
            async for text in socket:
                emit(event="text", text=text)
        except websockets.ConnectionClosed:
            pass
        emit(event="closed", code=socket.close_code, reason=socket.close_reason)
        commands.cancel()


if __name__ == "__main__":
    asyncio.run(main())
