#!/usr/bin/env python3
"""What a hub does under load, and what a well-behaved device notices of it; tests/load/run starts it.

Each load is bounded in count, comes from many loopback addresses, and leaves nothing behind. It fails when a good client
is refused or thrown out, a message of one is lost, the hub ends, or its memory does not come back; never on time: times
are printed.
"""
import asyncio
import os
import socket
import sys
import tempfile
import time
import traceback

from hub_client import Device, Http, HubError, WebSocket
from hub_process import HOST, Hub, Probe, percentile

MIB = 1 << 20
ROOM = 1000  # devices that join; with the probes and newcomers under the room's 1,024
# A hub that has seen all of it once has its caches and its heap; the same again may add this much, or it leaks.
GROWTH = 16 * MIB


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def address(group, number):
    """A loopback address of its own for each number."""
    return f"127.{group}.{number // 250}.{number % 250 + 1}"


async def gather(coroutines, at_once):
    """Runs all, `at_once` at a time."""
    gate = asyncio.Semaphore(at_once)

    async def one(coroutine):
        async with gate:
            return await coroutine

    return await asyncio.gather(*(one(coroutine) for coroutine in coroutines))


def connect(hub, source):
    """A TCP connection that nothing is sent on."""
    sock = socket.socket()
    sock.bind((source, 0))
    sock.connect((HOST, hub.port))
    sock.setblocking(False)
    return sock


async def wait_for(done, what, seconds=60):
    end = time.monotonic() + seconds
    while not done():
        check(time.monotonic() < end, what)
        await asyncio.sleep(0.02)


class Told(asyncio.Protocol):
    """A joined device that only counts what it is told: of how many peers, and how many offers."""

    def __init__(self):
        self.peers = self.offers = 0
        self.tail, self.lost = b"", False
        self.transport = None

    def data_received(self, data):
        window = self.tail + data
        self.peers += window.count(b'"peerId"') - self.tail.count(b'"peerId"')
        self.offers += window.count(b'"type":"offer"') - self.tail.count(b'"type":"offer"')
        self.tail = window[-15:]

    def connection_lost(self, _error):
        self.lost = True

    def take_over(self, device):
        """Reads in place of the device's own reader from now on."""
        self.transport = device.socket.writer.transport
        buffered = device.socket.reader._buffer  # what came behind the list
        self.transport.set_protocol(self)
        self.data_received(bytes(buffered))


class Loads:
    """All loads on one hub, one after the other."""

    def __init__(self, hub, few, many):
        """Join tokens: of a few uses that are left, and of ROOM uses."""
        self.hub, self.few, self.many, self.phases, self.devices = hub, few, many, [], []
        self.told = []
        self.newcomers = self.dropped = 0

    async def phase(self, name, load):
        begin, memory, cpu = time.monotonic(), self.hub.rss(), self.hub.cpu()
        said = await load()
        end = time.monotonic()
        check(self.hub.is_running(), f"the hub has ended during '{name}'")
        share = (self.hub.cpu() - cpu) / (end - begin)
        self.phases.append((name, begin, end))
        print(f"{name}: {said}; {end - begin:.1f} s, hub at {share:.0%} of a core, "
              f"{memory / MIB:.0f} MiB before, {self.hub.rss() / MIB:.0f} after", flush=True)

    async def newcomer(self):
        """A good client that comes in the midst of it: registers, connects, joins. How long that took."""
        self.newcomers += 1
        begin = time.monotonic()
        device = Device(lambda: self.hub.http(address(8, self.newcomers)), f"newcomer-{self.newcomers}")
        await device.register(self.few)
        await device.join()
        device.socket.close()
        return time.monotonic() - begin

    async def at_rest(self):
        """How many descriptors the hub has when it has closed all that belongs to earlier phases."""
        seen = None
        while seen != (seen := self.hub.descriptors()):
            await asyncio.sleep(0.5)
        return seen

    async def calm(self):
        await asyncio.sleep(3)
        return "nothing but the probe"

    # ---- Sockets that say nothing ----

    async def idle(self):
        """10,000 sockets, and then as many more as the hub will not hold."""
        before, had = self.hub.rss(), await self.at_rest()
        sockets = []
        for _ in range(10):
            sockets += [connect(self.hub, address(2, len(sockets) // 1000)) for _ in range(1_000)]
            # So that none waits in the kernel's queue, which holds fewer.
            await wait_for(lambda: self.hub.descriptors() - had >= len(sockets), "the hub does not take 10,000 sockets")
        each = (self.hub.rss() - before) / len(sockets)
        joined = await self.newcomer()
        sockets += [connect(self.hub, address(3, i // 1000)) for i in range(5_000)]
        joined_full = await self.newcomer()
        for sock in sockets:
            sock.close()
        await wait_for(lambda: self.hub.descriptors() - had < 50, "the hub keeps sockets that are closed")
        return f"{each:.0f} bytes a socket; a newcomer joined in {joined:.2f} s, with 15,000 in {joined_full:.2f} s"

    async def idle_tls(self):
        """1,500 sockets that finish the TLS handshake and then say nothing."""
        before, had = self.hub.rss(), await self.at_rest()
        connections = [self.hub.http(address(2, i // 500)) for i in range(1_500)]
        begin = time.monotonic()
        await gather([connection.open() for connection in connections], 50)
        rate = 1_500 / (time.monotonic() - begin)
        held = self.hub.descriptors() - had
        each = (self.hub.rss() - before) / max(held, 1)
        joined = await self.newcomer()
        for connection in connections:
            connection.close()
        await wait_for(lambda: self.hub.descriptors() - had < 50, "the hub keeps sockets that are closed")
        return f"{held} held, {each:.0f} bytes a socket, {rate:.0f} handshakes/s; a newcomer joined in {joined:.2f} s"

    async def half_open(self):
        """Half a TLS hello, half a request, half a frame: the hub ends all of them by itself."""
        had = await self.at_rest()
        sockets = [connect(self.hub, address(2, i // 100)) for i in range(1_000)]
        for sock in sockets:
            sock.send(b"\x16\x03\x01\x02\x00\x01\x00")
        begun = [self.hub.http(address(3, i // 50)) for i in range(300)]
        await gather([connection.open() for connection in begun], 50)
        for connection in begun:
            connection.writer.write(b"POST /auth/register HTTP/1.1\r\nHost: hub\r\nContent-Length: 1000\r\n\r\n{")
        joined = await self.newcomer()
        begin = time.monotonic()
        await wait_for(lambda: self.hub.descriptors() - had < 50, "the hub keeps half-open sockets")
        for sock in sockets:
            sock.close()
        for connection in begun:
            connection.close()
        return f"1,300 half-open sockets were gone after {time.monotonic() - begin:.0f} s; a newcomer joined in {joined:.2f} s"

    # ---- Devices ----

    async def registrations(self):
        self.devices = [Device(lambda i=i: self.hub.http(address(4, i)), f"device-{i}") for i in range(ROOM)]
        begin = time.monotonic()
        connections = [self.hub.http(address(4, i)) for i in range(20)]
        free = asyncio.Queue()
        for connection in connections:
            free.put_nowait(connection)

        async def register(device):
            connection = await free.get()
            await device.register(self.many, connection)
            free.put_nowait(connection)

        await gather([register(device) for device in self.devices], 20)
        for connection in connections:
            connection.close()
        return f"{ROOM} devices registered, {ROOM / (time.monotonic() - begin):.0f} a second"

    async def joins(self):
        begin = time.monotonic()
        await gather([device.connect() for device in self.devices], 100)
        connected = time.monotonic() - begin
        begin += connected
        self.told = [Told() for _ in self.devices]

        async def join(device, told):
            told.peers = len(await device.join())
            told.take_over(device)

        await gather([join(*both) for both in zip(self.devices, self.told)], 100)
        joined = time.monotonic() - begin
        # Each one was told of each other one: in its list, or as a newcomer.
        await wait_for(lambda: all(told.peers >= ROOM - 1 for told in self.told), "a device was not told of all others")
        check(not any(told.lost for told in self.told), "a device was thrown out")
        whole = time.monotonic() - begin
        return f"{ROOM} devices connected, {ROOM / connected:.0f} a second, and joined, {ROOM / joined:.0f} a second; all were told of all others after {whole:.1f} s"

    async def messages(self):
        """100 devices send 1,000 offers each to 100 others, as fast as the hub lets them."""
        senders, receivers = self.devices[:100], range(100, 200)
        text = "v=0" + "x" * 800
        begin = time.monotonic()

        async def send(sender, receiver):
            message = {"type": "offer", "from": "", "to": f"device-{receiver}", "sdp": text}
            for sent in range(1_000):
                sender.socket.send(message)
                if sent >= 150:
                    await asyncio.sleep(0.005)

        await asyncio.gather(*(send(*both) for both in zip(senders, receivers)))
        await wait_for(lambda: all(self.told[i].offers >= 1_000 for i in receivers), "offers were lost")
        seconds = time.monotonic() - begin
        return f"100,000 offers of {len(text)} bytes, {100_000 / seconds:.0f} a second, none lost"

    async def slow_readers(self):
        """20 devices stop reading while they are sent up to 12 MB each: they go, memory stays bounded, nobody waits."""
        slow = list(range(200, 220))
        for i in slow:
            self.told[i].transport.pause_reading()
        before = peak = self.hub.rss()
        message = {"type": "offer", "from": "", "to": "", "sdp": "y" * 60_000}
        for _ in range(200):
            for i in slow:
                self.devices[i + 20].socket.send(message | {"to": f"device-{i}"})
            await asyncio.sleep(0.02)
            peak = max(peak, self.hub.rss())
        check(peak - before < 200 * MIB, f"20 slow readers made the hub grow by {(peak - before) / MIB:.0f} MiB")
        for i in slow:
            self.told[i].transport.resume_reading()
        await wait_for(lambda: all(self.told[i].lost for i in slow), "a slow reader was not dropped")
        self.dropped = len(slow)
        return f"20 slow readers were dropped; memory grew by at most {(peak - before) / MIB:.0f} MiB"

    # ---- Nonsense ----

    async def malformed(self):
        """100,000 requests and frames that are wrong in every way."""
        bodies = ["{", "[]", "null", "[" * 5_000, '{"join_token":1}', '{"device_id":"x","refresh_token":{}}', '"\\ud800"',
                  '{"join_token":"' + "a" * 10_000 + '"}']

        async def requests(number):
            connection, statuses = self.hub.http(address(5, number)), set()
            for i in range(500):
                body = bodies[(number + i) % len(bodies)].encode()
                await connection.open() if connection.writer is None else None
                target = "/auth/register" if i % 2 else "/auth/refresh"
                connection.writer.write(f"POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                status, headers = await connection.read_head()
                statuses.add(status)
                await connection.reader.readexactly(int(headers["content-length"]))
            connection.close()
            return statuses

        async def garbage(number):
            for i in range(200):
                sock = connect(self.hub, address(6, number))
                sock.send(os.urandom(50) if i % 2 else b"GET / HTTP/1.1\r\n\r\n")
                sock.close()
                await asyncio.sleep(0)

        async def frames(number):
            device = self.devices[300 + number]
            for i in range(280):
                device.socket.send_frame(1, b'{"type":"unknown","n":%d,"deep":[[[[]]]]}' % i)
                await asyncio.sleep(0.01)

        async def violations(number):
            device = self.devices[420 + number]
            frames = [(1, b"{"), (1, b"\xff\xfe"), (3, b"x"), (2, b"binary"), (9, b"z" * 200), (1, b"q" * 70_000)]
            for i in range(20):
                connection = await WebSocket.connect(device.make_http(), bearer=device.access)
                connection.send_frame(*frames[(number + i) % len(frames)])
                try:
                    while True:
                        await connection.receive()
                except (HubError, EOFError, OSError):
                    connection.close()

        answered = await asyncio.gather(
            asyncio.gather(*(requests(i) for i in range(104))), asyncio.gather(*(garbage(i) for i in range(90))),
            asyncio.gather(*(frames(i) for i in range(100))), asyncio.gather(*(violations(i) for i in range(60))),
            self.newcomer())
        statuses = set().union(*answered[0])
        check(statuses <= {400, 401, 413, 429}, f"a malformed request was answered with {statuses}")
        check(not any(told.lost for told in self.told[300:400]), "a message of an unknown type closed a connection")
        return f"52,000 bad requests ({sorted(statuses)}), 18,000 times garbage, 29,200 frames; a newcomer joined in {answered[4]:.2f} s"

    # ---- Requests ----

    async def requests(self):
        """20,000 requests, 2,000 a second: half of them refreshes, each a transaction that is on disk before its reply."""
        begin, count, late = time.monotonic(), 20_000, []

        async def worker(number):
            device, connection = self.devices[500 + number], self.hub.http(address(7, number))
            for i in range(number, count, 100):
                due = begin + i / 2_000
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if i // 100 % 2:
                    await device.exchange(connection)
                else:
                    status, _ = await connection.request("GET", "/status")
                    check(status == 200, f"GET /status was answered with {status}")
                late.append(time.monotonic() - due)
            connection.close()

        await asyncio.gather(*(worker(i) for i in range(100)))
        rate = count / (time.monotonic() - begin)
        return (f"{count:,} requests, half of them refreshes, {rate:.0f} a second, none refused; "
                f"answered after {percentile(late, 0.5) * 1e3:.1f} ms (median), {percentile(late, 0.99) * 1e3:.0f} ms (99 %)")

    async def refreshes(self):
        """As many refreshes as the hub can do: 100 devices, one after another each."""
        begin = time.monotonic()

        async def worker(number):
            device, connection = self.devices[600 + number], self.hub.http(address(7, number))
            for _ in range(50):
                await device.exchange(connection)
            connection.close()

        await asyncio.gather(*(worker(i) for i in range(100)))
        return f"5,000 refreshes, {5_000 / (time.monotonic() - begin):.0f} a second"

    async def stay_alive(self):
        """The devices say something now and then, as those do that answer pings."""
        while True:
            await asyncio.sleep(10)
            for told in self.told:
                if told.transport and not told.lost:
                    told.transport.write(b"\x8a\x80\0\0\0\0")

    async def leave(self):
        lost = sum(told.lost for told in self.told)
        check(lost == self.dropped, f"{lost} devices were thrown out, and {self.dropped} had to be")
        self.dropped = 0
        for told in self.told:
            told.transport.abort()
        await wait_for(lambda: self.hub.descriptors() < 100, "the hub keeps connections of devices that have left")
        return "all devices left"

    async def run(self):
        staying = asyncio.ensure_future(self.stay_alive())
        for name, load in (("calm", self.calm), ("idle sockets", self.idle), ("idle TLS sockets", self.idle_tls),
                           ("half-open sockets", self.half_open), ("registrations", self.registrations),
                           ("joins", self.joins), ("messages", self.messages), ("slow readers", self.slow_readers),
                           ("malformed", self.malformed), ("requests", self.requests), ("refreshes", self.refreshes),
                           ("leaving", self.leave)):
            await self.phase(name, load)
        # What was queued at once may reach a new height, which stays; what leaks comes again each time.
        for _ in range(3):
            first = self.hub.rss()
            for name, load in (("idle sockets again", self.idle), ("joins again", self.joins),
                               ("leaving again", self.leave), ("calm again", self.calm)):
                await self.phase(name, load)
            grown = self.hub.rss() - first
            if grown < GROWTH:
                break
        staying.cancel()
        check(grown < GROWTH, f"the same load made the hub grow by {grown / MIB:.0f} MiB, the third time too")


def report(phases, trips):
    """What the probe noticed of each phase, as a multiple of what it noticed when nothing else happened."""
    check(all(seconds is not None for _, seconds in trips), "a message of a well-behaved device was lost")
    usual = None
    print("a well-behaved device's round trip through the hub:")
    for name, begin, end in phases:
        seconds = [took for at, took in trips if begin <= at < end]
        median, worst = percentile(seconds, 0.5), percentile(seconds, 0.99)
        usual = usual or median
        print(f"  {name:20} {len(seconds):5} round trips, median {median * 1e3:6.2f} ms ({median / usual:5.1f} times), "
              f"99 % {worst * 1e3:7.1f} ms, longest {max(seconds, default=0) * 1e3:7.1f} ms")


async def main():
    with tempfile.TemporaryDirectory(prefix="bamgate-load-") as folder:
        hub, probe = Hub(folder), None
        try:
            await hub.start()
            token = hub.join_token()
            probe = Probe(hub, token)
            loads = Loads(hub, token, hub.join_token())
            await loads.run()
            report(loads.phases, probe.end())
        except (Exception, SystemExit):
            traceback.print_exc()
            print(*(hub.folder / "hub.log").read_text().splitlines()[-20:], sep="\n", file=sys.stderr)
            sys.exit("load: FAILED")
        finally:
            if probe:
                probe.stop()
            hub.stop()


if __name__ == "__main__":
    asyncio.run(main())
