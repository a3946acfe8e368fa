#!/usr/bin/python3
"""What the hub's relay must not do, tried on a running hub over loopback while two honest devices exchange packets: nothing
that an abuser sends is relayed, what he did is counted in GET /status, and the honest pair is slowed by no more than what
the machine itself costs. Its packets a second stand beside each abuse.

usage: tests/interop/relay_abuse.py       BAMGATE names the hub
exit: 0 as it should be, 1 not
"""
import asyncio
import http.client
import json
import os
import socket
import struct
import sys
import tempfile
import time

import websockets
from aioice import stun, turn

from hub import HOST, PlainHub
from relay import Client, bytes_for_nothing, credentials, exchange

SECONDS = 2
WINDOW = 16
# Whatever an abuser does, so much of the honest pair's packets must still come through: the hub, the abuser and the pair
# share two processors here.
LEAST = 0.2
FLOOD = 4000  # messages of one kind of abuse


class Pair:
    """Two honest devices: one sends, the other sends back, a window of packets at a time."""

    def __init__(self, left, right):
        self.left, self.right = left, right

    async def rate(self, seconds=SECONDS):
        end = time.monotonic() + seconds
        count = 0
        data = bytes(1000)
        while time.monotonic() < end:
            for _ in range(WINDOW):
                self.left.transport.sendto(data, self.right.relayed)
            for _ in range(WINDOW):
                try:
                    await asyncio.wait_for(self.right.receiver.got.get(), 0.2)
                    count += 1
                except asyncio.TimeoutError:
                    break
        while not self.right.receiver.got.empty():
            self.right.receiver.got.get_nowait()
        return count / seconds


class Raw:
    """A UDP socket that speaks TURN by hand, in the name of a device or of whom it pretends to be."""

    def __init__(self, port, name, password):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0.3)
        self.to = (HOST, port)
        self.name, self.password = name, password
        self.realm = self.nonce = None

    def send(self, data):
        self.socket.sendto(data, self.to)

    def ask(self, method, attributes):
        """The code of the error, or 0. The hub sends a stranger no more than it got, so that the first may stay unanswered."""
        for _ in range(8):
            request = stun.Message(message_method=method, message_class=stun.Class.REQUEST)
            request.attributes.update(attributes)
            if self.nonce:
                request.attributes.update(USERNAME=self.name, REALM=self.realm, NONCE=self.nonce)
                request.add_message_integrity(turn.make_integrity_key(self.name, self.realm, self.password))
            self.send(bytes(request))
            answer = self.hear()
            if answer is None:
                continue
            if answer.message_class == stun.Class.RESPONSE:
                return 0
            code = answer.attributes["ERROR-CODE"][0]
            if code not in (401, 438) or (code == 401 and self.nonce):
                return code
            self.realm, self.nonce = answer.attributes["REALM"], answer.attributes["NONCE"]
        raise OSError(f"no answer to {method!r}")

    def hear(self):
        try:
            return stun.parse_message(self.socket.recv(2000))
        except (socket.timeout, ValueError):
            return None

    def expect(self, code, method, **attributes):
        got = self.ask(method, {name.replace("_", "-"): value for name, value in attributes.items()})
        if got != code:
            raise OSError(f"{method!r} {attributes}: answered with {got}, not with {code}")

    def allocate(self):
        self.expect(0, stun.Method.ALLOCATE, REQUESTED_TRANSPORT=turn.UDP_TRANSPORT)

    def indication(self, peer, data):
        """A Send indication (RFC 8656 §11.1), which aioice's STUN has no name for."""
        transaction = os.urandom(12)
        address = stun.pack_xor_address(peer, transaction)
        body = struct.pack("!HH", 0x0012, len(address)) + address
        body += struct.pack("!HH", 0x0013, len(data)) + data + bytes(-len(data) % 4)
        self.send(struct.pack("!HHI", 0x0016, len(body), 0x2112A442) + transaction + body)


class Listener:
    """A real address on loopback, which must hear nothing."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.setblocking(False)
        self.address = self.socket.getsockname()

    def expect_silence(self, what):
        try:
            data = self.socket.recv(2000)
        except BlockingIOError:
            return
        raise OSError(f"{what}: a real address heard {data[:20]}")


class Abuse:
    def __init__(self, hub, port):
        self.hub, self.port = hub, port
        self.victims = (hub.register("left"), hub.register("right"))  # the first is the administrator
        self.device = hub.register("abuser")
        self.listener = Listener()

    def raw(self, **options):
        return Raw(self.port, *credentials(self.device, **options))

    def counted(self):
        connection = http.client.HTTPConnection(self.hub.host, self.hub.port, timeout=10)
        connection.request("GET", "/status", headers={"Authorization": f"Bearer {self.victims[0].token}"})
        body = json.loads(connection.getresponse().read())
        connection.close()
        mine = next((one for one in body["relay"] if one["device_name"] == "abuser"), {})
        return {**body["turn"], **mine}

    # Each says what must have been counted.

    def forged(self):
        """Another's password, and a name of another device with one's own."""
        own, _ = credentials(self.device)
        other, _ = credentials(self.victims[0])
        _, password = credentials(self.device)
        for name, secret in ((own, "x" * 28), (other, password), (f"{1 << 40}:left", password)):
            Raw(self.port, name, secret).expect(401, stun.Method.ALLOCATE, REQUESTED_TRANSPORT=turn.UDP_TRANSPORT)
        return "turn_unauthenticated", 3

    def expired(self):
        self.raw(seconds=-5).expect(401, stun.Method.ALLOCATE, REQUESTED_TRANSPORT=turn.UDP_TRANSPORT)
        return "turn_unauthenticated", 1

    async def stolen_bearer(self):
        """A WebSocket opened with one's own token, and the name of another device within."""
        named = "additional_headers" if int(websockets.__version__.split(".")[0]) >= 14 else "extra_headers"
        headers = {named: {"Authorization": f"Bearer {self.device.token}"}}
        name, password = credentials(self.victims[0])
        async with websockets.connect(f"ws://{self.hub.address}/turn", **headers) as opened:
            realm = nonce = None
            for _ in range(2):
                request = stun.Message(message_method=stun.Method.ALLOCATE, message_class=stun.Class.REQUEST)
                request.attributes["REQUESTED-TRANSPORT"] = turn.UDP_TRANSPORT
                if nonce:
                    request.attributes.update(USERNAME=name, REALM=realm, NONCE=nonce)
                    request.add_message_integrity(turn.make_integrity_key(name, realm, password))
                await opened.send(bytes(request))
                answer = stun.parse_message(await asyncio.wait_for(opened.recv(), 5))
                if answer.message_class == stun.Class.RESPONSE:
                    raise OSError("a device speaks as another one")
                realm, nonce = answer.attributes.get("REALM"), answer.attributes.get("NONCE")
        return "turn_unauthenticated", 1

    def real_addresses(self):
        """Nothing but virtual addresses can be permitted or sent to: the hub is no open relay."""
        raw = self.raw()
        raw.allocate()
        for address in (self.listener.address, ("203.0.113.9", 53), ("0.0.0.0", 1), ("255.255.255.255", 9)):
            raw.expect(403, stun.Method.CREATE_PERMISSION, XOR_PEER_ADDRESS=address)
            raw.expect(403, stun.Method.CHANNEL_BIND, CHANNEL_NUMBER=0x4001, XOR_PEER_ADDRESS=address)
        for _ in range(FLOOD):
            raw.indication(self.listener.address, b"not for you")
        return "relay_forbidden", 1

    def without_permission(self):
        """Packets to the honest pair, which has permitted nobody else."""
        raw = self.raw()
        raw.allocate()
        victim = self.pair.right.relayed
        raw.expect(0, stun.Method.CREATE_PERMISSION, XOR_PEER_ADDRESS=victim)
        for _ in range(FLOOD):
            raw.indication(victim, b"abuse" * 200)
        return "relay_forbidden", 100

    def channels_out_of_range(self):
        raw = self.raw()
        raw.allocate()
        for number in (0, 0x3FFF, 0x5000, 0x7FFF, 0x8000, 0xFFFF):
            raw.expect(400, stun.Method.CHANNEL_BIND, CHANNEL_NUMBER=number, XOR_PEER_ADDRESS=self.pair.left.relayed)
        for number in (0x4FFF, 0x5000, 0x7FFF):
            for _ in range(FLOOD // 4):
                raw.send(struct.pack("!HH", number, 8) + b"whatever")
        return "turn_refused", 6

    def allocation_flood(self):
        """Ever more allocations of one device: the ninth gets 486."""
        raws = [self.raw() for _ in range(12)]
        codes = [raw.ask(stun.Method.ALLOCATE, {"REQUESTED-TRANSPORT": turn.UDP_TRANSPORT}) for raw in raws]
        if codes.count(0) > 8 or codes[-1] != 486:
            raise OSError(f"allocations of one device: {codes}")
        for raw in raws:
            if raw.nonce:
                raw.ask(stun.Method.REFRESH, {"LIFETIME": 0})
        return "turn_refused", 4

    def nonsense(self):
        raw = self.raw()
        for _ in range(FLOOD):
            raw.send(os.urandom(100))
        return "turn_malformed", 1

    def strangers(self):
        """Data from where there is no allocation."""
        raw = self.raw()
        for _ in range(FLOOD):
            raw.send(struct.pack("!HH", 0x4000, 8) + b"whatever")
        return "turn_strangers", 100

    def reflection(self):
        bytes_for_nothing(self.port)
        return "turn_unanswered", 1

    async def never_reads(self):
        """Two allocations of the abuser's: much is sent to the one by WebSocket, whose socket is never read."""
        client = await Client.by_websocket(self.hub, self.device, True)
        sender = await Client.by_udp(self.hub, self.port, self.device)
        await exchange(client, sender)
        client.socket.transport.pause_reading()
        data = bytes(1000)
        end = time.monotonic() + 1.5 * SECONDS
        while time.monotonic() < end:
            for _ in range(64):
                sender.transport.sendto(data, client.relayed)
            await asyncio.sleep(0)
        self.left_open = (client, sender)
        return "relay_sent_packets", 100

    async def tried(self, name, kind):
        """The pair's rate while it is tried, and whether it was counted."""
        before = self.counted()
        honest = asyncio.ensure_future(self.pair.rate())
        await asyncio.sleep(0)
        if asyncio.iscoroutinefunction(kind):
            counter, least = await kind()
        else:
            counter, least = await asyncio.get_running_loop().run_in_executor(None, kind)
        rate = await honest
        self.listener.expect_silence(name)
        grown = self.counted().get(counter, 0) - before.get(counter, 0)
        if grown < least:
            raise OSError(f"{name}: {counter} grew by {grown}, not by {least}")
        print(f"{name}: {counter} +{grown}; the honest pair {rate:.0f} packets a second, {100 * rate / self.alone:.0f} %")
        if rate < LEAST * self.alone:
            raise OSError(f"{name}: the honest pair is slowed from {self.alone:.0f} to {rate:.0f} packets a second")

    async def run(self):
        left = await Client.by_udp(self.hub, self.port, self.victims[0])
        right = await Client.by_udp(self.hub, self.port, self.victims[1])
        await exchange(left, right)
        self.pair = Pair(left, right)
        await self.pair.rate(1)
        self.alone = await self.pair.rate()
        print(f"alone: the honest pair {self.alone:.0f} packets a second")
        kinds = (self.forged, self.expired, self.stolen_bearer, self.real_addresses, self.without_permission,
                 self.channels_out_of_range, self.allocation_flood, self.nonsense, self.strangers, self.reflection,
                 self.never_reads)
        for kind in kinds:
            await self.tried(kind.__name__.replace("_", " "), kind)
        await exchange(left, right)


def main():
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        hub = PlainHub(folder, stun=f"{HOST}:{port}")
        try:
            asyncio.run(Abuse(hub, port).run())
        except (OSError, asyncio.TimeoutError, stun.TransactionError) as error:
            sys.exit(f"relay_abuse: {error!r}")
        finally:
            hub.stop()


if __name__ == "__main__":
    main()
