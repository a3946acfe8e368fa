#!/usr/bin/python3
"""Other TURN clients at the hub's relay, on loopback: aioice's by UDP and, carried by WebSocket, at /turn with and without
batch=1; coturn's turnutils_uclient by UDP, with the secret that the hub gave it. Every pair exchanges packets of several
sizes; what must be refused is refused.

usage: tests/interop/relay.py       BAMGATE names the hub
exit: 0 as it should be, 1 not
"""
import asyncio
import base64
import hashlib
import hmac
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

import websockets
from aioice import stun, turn

from hub import HOST, PlainHub

PATIENCE = 20
SIZES = [0, 1, 3, 100, 1200, 1201, 1202]


def credentials(device, seconds=3600):
    """A name that ends, and its password: base64(HMAC-SHA1(turn_secret, name))."""
    name = f"{int(time.time()) + seconds}:{device.name}"
    digest = hmac.new(device.turn_secret.encode(), name.encode(), hashlib.sha1).digest()
    return name, base64.b64encode(digest).decode()


class Receiver(asyncio.DatagramProtocol):
    def __init__(self):
        self.got = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.got.put_nowait((data, addr))


class WebSocketClient(turn.TurnClientMixin):
    """aioice's client over a WebSocket: one message in each, or several padded to four bytes."""

    def __init__(self, socket_, batch, *options):
        super().__init__(*options)
        self.socket, self.batch = socket_, batch
        self.out = []
        self.transport = self
        self.reader = asyncio.ensure_future(self.read())

    def _send(self, data):
        if self.batch:
            data += bytes(-len(data) % 4)
            self.out.append(data)
            if len(self.out) == 1:
                asyncio.get_running_loop().call_soon(self.flush)
        else:
            asyncio.ensure_future(self.socket.send(data))

    def flush(self):
        message, self.out = b"".join(self.out), []
        asyncio.ensure_future(self.socket.send(message))

    def close(self):
        asyncio.ensure_future(self.socket.close())

    async def read(self):
        try:
            async for message in self.socket:
                self.take(message)
        except websockets.ConnectionClosed:
            pass

    def take(self, message):
        while message:
            kind, length = struct.unpack("!HH", message[:4])
            size = length + (4 if kind >> 14 == 1 else 20)
            self.datagram_received(message[:size], None)
            padded = size + (-size % 4 if self.batch else 0)
            if not self.batch and padded != len(message):
                raise ValueError("several messages in one, though nobody asked for batches")
            message = message[padded:]


class Client:
    """An allocation: where it is, how to send from it, what came to it."""

    @staticmethod
    async def by_udp(hub, port, device, **options):
        self = Client()
        name, password = credentials(device, **options)
        self.transport, self.receiver = await turn.create_turn_endpoint(Receiver, (HOST, port), name, password)
        self.relayed = self.transport.get_extra_info("sockname")
        return self

    @staticmethod
    async def by_websocket(hub, device, batch):
        self = Client()
        named = "additional_headers" if int(websockets.__version__.split(".")[0]) >= 14 else "extra_headers"
        target = f"ws://{hub.address}/turn" + ("?batch=1" if batch else "")
        opened = await websockets.connect(target, **{named: {"Authorization": f"Bearer {device.token}"}})
        name, password = credentials(device)
        inner = WebSocketClient(opened, batch, None, name, password, 600, 500)
        self.receiver = Receiver()
        self.transport = turn.TurnTransport(self.receiver, inner)
        await self.transport._connect()
        self.relayed = self.transport.get_extra_info("sockname")
        self.socket = opened
        return self


async def exchange(left, right):
    """The first packets are lost until both have bound a channel, which gives the permission."""
    for one, other in ((left, right), (right, left)):
        one.transport.sendto(b"hello", other.relayed)
    end = time.monotonic() + PATIENCE
    while left.receiver.got.empty() or right.receiver.got.empty():
        if time.monotonic() > end:
            raise OSError("no packet came through")
        left.transport.sendto(b"hello", right.relayed)
        right.transport.sendto(b"hello", left.relayed)
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    for one in (left, right):
        while not one.receiver.got.empty():
            data, addr = one.receiver.got.get_nowait()
            if data != b"hello":
                raise OSError(f"{data} is not what was sent")
    for one, other in ((left, right), (right, left)):
        for size in SIZES:
            data = bytes(i & 255 for i in range(size))
            one.transport.sendto(data, other.relayed)
            got = await asyncio.wait_for(other.receiver.got.get(), PATIENCE)
            if got != (data, one.relayed):
                raise OSError(f"{size} bytes came as {len(got[0])} from {got[1]}")


async def refused(coroutine, code):
    try:
        await coroutine
    except stun.TransactionFailed as error:
        if error.response.attributes["ERROR-CODE"][0] == code:
            return
        raise
    raise OSError(f"not refused with {code}")


def bytes_for_nothing(port):
    """What a stranger's first requests bring him: never more than he sent."""
    sent = received = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(0.02)
        for _ in range(50):
            request = stun.Message(message_method=stun.Method.ALLOCATE, message_class=stun.Class.REQUEST)
            request.attributes["REQUESTED-TRANSPORT"] = 0x11000000
            sent += stranger.sendto(bytes(request), (HOST, port))
            try:
                received += len(stranger.recv(2000))
            except socket.timeout:
                pass
            if received > sent:
                raise OSError(f"{received} bytes for {sent}")
    if received == 0:
        raise OSError("a stranger that asks again is never answered")
    print(f"a stranger that sent {sent} bytes was sent {received}")


def coturn_client(port, device):
    """turnutils_uclient relays from one of its own allocations to another; with -s by indications, because its channels have
    the numbers of RFC 5766, most of which RFC 8656 §12 has reserved."""
    command = ["turnutils_uclient", "-y", "-s", "-c", "-n", "20", "-z", "5", "-l", "200", "-m", "2", "-p", str(port),
               "-u", device.name, "-W", device.turn_secret, HOST]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    totals = re.findall(r"tot_send_msgs=(\d+), tot_recv_msgs=(\d+)", said)
    if done.returncode != 0 or not totals or totals[-1][0] != totals[-1][1] or totals[-1][0] == "0":
        raise OSError(f"turnutils_uclient: {said[-1500:]}")
    print(f"turnutils_uclient: {totals[-1][1]} of {totals[-1][0]} messages came through")


async def run(hub, port):
    left, right, third = hub.register("left"), hub.register("right"), hub.register("third")
    if f"ws://{hub.address}/turn" not in left.turn and left.turn != []:
        raise OSError(f"the relay is announced as {left.turn}")
    makers = {
        "udp": lambda device: Client.by_udp(hub, port, device),
        "websocket": lambda device: Client.by_websocket(hub, device, False),
        "websocket, batches": lambda device: Client.by_websocket(hub, device, True),
    }
    for one, make_one in makers.items():
        for other, make_other in makers.items():
            a, b = await make_one(left), await make_other(right)
            await exchange(a, b)
            for client in (a, b):
                client.transport.close()
            await asyncio.sleep(0.1)
            print(f"{one} to {other}: packets of {SIZES[0]} to {SIZES[-1]} bytes")
    wrong = hub.register("wrong")
    wrong.turn_secret = left.turn_secret
    await refused(Client.by_udp(hub, port, wrong), 401)
    await refused(Client.by_udp(hub, port, third, seconds=-5), 401)
    bytes_for_nothing(port)
    coturn_client(port, third)


def main():
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        hub = PlainHub(folder, stun=f"{HOST}:{port}")
        try:
            asyncio.run(run(hub, port))
        except (OSError, asyncio.TimeoutError, stun.TransactionError) as error:
            sys.exit(f"relay: {error!r}")
        finally:
            hub.stop()


if __name__ == "__main__":
    main()
