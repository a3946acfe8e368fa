#!/usr/bin/python3
"""A WebSocket in front of a TURN server, as GET /turn of a hub is: each connection gets a UDP socket of its own.

usage: turn_websocket.py LISTEN_ADDRESS:PORT TURN_ADDRESS:PORT
GET /turn carries one message in each binary message; GET /turn?batch=1 one or more, padded to 4 bytes. Prints for each
connection that ends how many WebSocket messages and how many messages in them it had from the client.
"""
import asyncio
import struct
import sys

import websockets


def split(batch):
    """The messages of a batch."""
    while batch:
        length = struct.unpack("!H", batch[2:4])[0]
        size = 4 + length if batch[0] & 0xC0 == 0x40 else 20 + length
        if size > len(batch):
            raise ValueError("a message is longer than the batch")
        yield batch[:size]
        batch = batch[size + -size % 4:]


def pad(message):
    return message + bytes(-len(message) % 4)


class Relay(asyncio.DatagramProtocol):
    def __init__(self):
        self.waiting = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.waiting.put_nowait(data)


async def serve(client, path, server):
    batches = path.endswith("?batch=1")
    loop = asyncio.get_running_loop()
    transport, relay = await loop.create_datagram_endpoint(Relay, remote_addr=server)

    async def back():
        while True:
            messages = [await relay.waiting.get()]
            while batches and not relay.waiting.empty():
                messages.append(relay.waiting.get_nowait())
            await client.send(b"".join(map(pad, messages)) if batches else messages[0])

    task = asyncio.create_task(back())
    outer = inner = 0
    try:
        async for message in client:
            outer += 1
            for one in split(message) if batches else [message]:
                inner += 1
                transport.sendto(one)
    except websockets.ConnectionClosed:
        pass
    task.cancel()
    transport.close()
    print(f"{path} {outer} {inner}", flush=True)


async def main():
    host, port = sys.argv[1].rsplit(":", 1)
    address, turn_port = sys.argv[2].rsplit(":", 1)

    async def handle(client):
        # Where the path stands depends on the release of the library.
        path = client.path if hasattr(client, "path") else client.request.path
        await serve(client, path, (address, int(turn_port)))

    async with websockets.serve(handle, host, int(port)):
        await asyncio.Future()


asyncio.run(main())
