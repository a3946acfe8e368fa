#!/usr/bin/python3
"""A peer that plays one oddity of other WebRTC stacks, each time and without luck: aiortc, with the step in question replaced.

usage: strange_peer.py ODDITY OFFER_FILE ANSWER_FILE                   meets `bamgate lab datachannel` by two files
       strange_peer.py ODDITY HUB_ADDRESS BAMGATE HUB_FOLDER NAME PEER  meets `bamgate up` as the device NAME of a hub
Who offers follows from the oddity. Texts that come are sent back with "echo " before them. Events are lines of JSON:
{"event":"connection","number":N,"setup":S} (what each side's description chose), {"event":"open","label":L},
{"event":"text","text":T}, {"event":"hellos","count":N}: ClientHellos that were left unanswered, or sent.
It ends when its standard input does. Left out: loss, which the shaper makes (webrtc).
"""
import asyncio
import json
import os
import ssl
import struct
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcsctptransport import RTCSctpTransport
from aiortc.sdp import candidate_from_sdp
from aioice.ice import Connection as IceConnection

# PPIDs of RFC 8831 §8 and DCEP's types (RFC 8832 §8.2).
DCEP, TEXT = 50, 51
OPEN, ACK = 0x03, 0x02
LABEL = "bamgate"


def emit(**event):
    print(json.dumps(event), flush=True)


def opening(kind=0x00, priority=256, reliability=0, label=LABEL):
    return struct.pack("!BBHLHH", OPEN, kind, priority, reliability, len(label), 0) + label.encode()


class Channels:
    """The channels of one association, as the oddity wants them: aiortc's own layer for them is not asked."""

    # What is said in the place of the ACK when the other side opens a channel.
    ANSWERS = {
        "ack-padded": [(DCEP, bytes([ACK, 0, 0, 0]))],
        "ack-longer": [(DCEP, bytes([ACK]) + bytes(range(200)))],
        "ack-twice": [(DCEP, bytes([ACK])), (DCEP, bytes([ACK]))],
        "ack-never": [(TEXT, b"before any ACK")],
        "text-before-ack": [(TEXT, b"before any ACK"), (DCEP, bytes([ACK]))],
        "unknown-before-ack": [(DCEP, bytes([0x7F, 1, 2])), (DCEP, bytes([ACK]))],
        "much-before-ack": [(TEXT, b"before any ACK"), (DCEP, bytes([0x7F, 1, 2])), (DCEP, bytes([ACK]))],
    }
    # What is said to open a channel; the second value of a pair is how far from the stream that it belongs on.
    OPENINGS = {
        "open-padded": [(0, opening() + bytes(3))],
        "open-priority": [(0, opening(priority=0xFFFF))],
        "open-twice": [(0, opening()), (0, opening())],
        "open-reserved-type": [(2, opening(kind=0x7F, label="reserved")), (0, opening())],
        "open-cut": [(2, opening()[:-1]), (4, opening()[:11]), (0, opening())],
        "open-wrong-parity": [(1, opening(label="not theirs to open")), (0, opening())],
        "open-huge-retransmits": [(0, opening(kind=0x01, reliability=0xFFFFFFFF))],
        "ack-unasked": [(0, bytes([ACK])), (0, opening())],
        "text-on-no-channel": [(6, None), (0, opening())],
        "hello-early": [(0, opening())],
        "hello-unanswered": [(0, opening())],
    }

    def __init__(self, oddity, sctp):
        self.oddity, self.sctp = oddity, sctp
        self.open = set()

    async def begin(self):
        """Opens ours, if the oddity is about that."""
        # RFC 8832 §6: the DTLS client opens even streams. aiortc goes by ICE's roles.
        own = 0 if self.sctp.transport._role == "client" else 1
        for distance, message in self.OPENINGS.get(self.oddity, ()):
            if message is None:
                await self.sctp._send(own + distance, TEXT, b"on a stream that nobody opened")
            else:
                await self.sctp._send(own + distance, DCEP, message)

    async def receive(self, stream, ppid, data):
        if ppid == DCEP and data[:1] == bytes([OPEN]):
            label = data[12 : 12 + struct.unpack_from("!H", data, 8)[0]].decode()
            for answer in self.ANSWERS.get(self.oddity, [(DCEP, bytes([ACK]))]):
                await self.sctp._send(stream, *answer)
            self.note_open(stream, label)
        elif ppid == DCEP and data[:1] == bytes([ACK]):
            self.note_open(stream, LABEL)
        elif ppid == TEXT:
            emit(event="text", text=data.decode())
            await self.sctp._send(stream, TEXT, b"echo " + data)

    def note_open(self, stream, label):
        if stream not in self.open:
            self.open.add(stream)
            emit(event="open", label=label)


class StrangeSctp:
    """Puts Channels in the place of aiortc's data channels."""

    channels = {}

    @classmethod
    def install(cls, oddity):
        flush = RTCSctpTransport._data_channel_flush

        async def begin(sctp):
            if sctp._association_state == sctp.State.ESTABLISHED and sctp not in cls.channels:
                cls.channels[sctp] = Channels(oddity, sctp)
                await cls.channels[sctp].begin()
            await flush(sctp)

        async def receive(sctp, stream, ppid, data):
            await begin(sctp)
            await cls.channels[sctp].receive(stream, ppid, data)

        RTCSctpTransport._data_channel_flush = begin
        RTCSctpTransport._data_channel_receive = receive
        RTCSctpTransport._data_channel_open = lambda sctp, channel: None  # only there for the section of the description


def is_client_hello(datagram):
    # RFC 6347 §4.1, §4.2.2: a handshake record, then the message's type.
    return len(datagram) > 13 and datagram[0] == 22 and datagram[13] == 1


class EarlyHello:
    """A DTLS client that speaks as soon as its own check has succeeded, and once only; until then it answers no check, so
    the other side's cannot have succeeded."""

    @staticmethod
    def install():
        sent = []
        request_received, send = IceConnection.request_received, IceConnection.send

        def on_request(connection, *arguments):
            if sent:
                request_received(connection, *arguments)

        async def send_once(connection, data):
            if is_client_hello(data):
                sent.append(data)
                emit(event="hellos", count=len(sent))
                if len(sent) > 1:
                    return
            await send(connection, data)

        IceConnection.request_received = on_request
        IceConnection.send = send_once


class UnansweredHello:
    """A DTLS server whose one HelloVerifyRequest is lost, and which answers no repeated ClientHello; as a client, and on
    later connections as whatever the descriptions say, it is as others are."""

    @staticmethod
    def install():
        heard = []
        receive = RTCDtlsTransport._recv_next

        async def next_datagram(dtls):
            if dtls._role != "server" or not dtls.is_first:
                return await receive(dtls)
            datagram = await dtls.transport._recv()
            if is_client_hello(datagram):
                heard.append(datagram)
                emit(event="hellos", count=len(heard))

        RTCDtlsTransport._recv_next = next_datagram


class Session:
    """One connection. Descriptions hold all our candidates, as aiortc's do."""

    count = 0

    def __init__(self, oddity):
        Session.count += 1
        self.number = Session.count
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connection.createDataChannel(LABEL)
        self.is_active_offerer = oddity == "hello-early"
        self.connection.sctp.transport.is_first = self.number == 1
        self.early = []
        self.described = False

    async def offer(self):
        await self.connection.setLocalDescription(await self.connection.createOffer())
        sdp = self.connection.localDescription.sdp
        return sdp.replace("a=setup:actpass", "a=setup:active") if self.is_active_offerer else sdp

    async def take_answer(self, sdp):
        self.tell_setup(sdp)
        await self.take(sdp, "answer")

    async def answer(self, sdp):
        await self.take(sdp, "offer")
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        answer = self.connection.localDescription.sdp
        self.tell_setup(answer)
        return answer

    def tell_setup(self, sdp):
        emit(event="connection", number=self.number, setup=sdp.split("a=setup:")[1].split("\r\n")[0])

    async def take(self, sdp, kind):
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, kind))
        self.described = True
        for line in self.early:
            await self.add(line)

    async def add(self, line):
        if not self.described:
            return self.early.append(line)
        candidate = candidate_from_sdp(line.split(":", 1)[1])
        candidate.sdpMLineIndex = 0
        await self.connection.addIceCandidate(candidate)


async def by_files(oddity, offer_file, answer_file):
    session = Session(oddity)
    if oddity in Channels.OPENINGS:
        write(offer_file, "offer", await session.offer())
        await session.take_answer(await read(answer_file))
    else:
        write(answer_file, "answer", await session.answer(await read(offer_file)))


def write(path, kind, sdp):
    with open(path + ".new", "w") as file:
        file.write(json.dumps({"type": kind, "sdp": sdp}) + "\n")
    os.rename(path + ".new", path)


async def read(path):
    while not os.path.exists(path):
        await asyncio.sleep(0.02)
    with open(path) as file:
        return json.load(file)["sdp"]


async def by_hub(oddity, again, address, bamgate, folder, name, peer):
    """The first offer is ours if the oddity begins with one, and another follows each line of standard input; each offer of
    the peer's is answered."""
    import websockets

    os.environ["BAMGATE"] = bamgate
    from hub import Hub  # reads it

    hub = Hub(address, folder, tls=True)
    device = hub.register(name)
    headers = {"Authorization": f"Bearer {device.token}"}
    named = "additional_headers" if int(websockets.__version__.split(".")[0]) >= 14 else "extra_headers"
    async with websockets.connect(f"wss://{address}/connect", ssl=hub.context(), **{named: headers}) as socket:

        async def send(kind, **fields):
            await socket.send(json.dumps({"type": kind, "from": "", "to": peer, "publicKey": device.key, **fields}))

        async def offer():
            nonlocal session
            session = Session(oddity)
            await send("offer", sdp=await session.offer())

        async def offer_again():
            while await again.get():
                await offer()

        await socket.send(json.dumps(device.join()))
        session = None
        offering = asyncio.ensure_future(offer_again())
        async for text in socket:
            message = json.loads(text)
            kind = message["type"]
            if kind == "peers" and session is None and oddity in Channels.OPENINGS:
                if any(one["peerId"] == peer for one in message["peers"]):
                    await offer()
            elif kind == "answer":
                await session.take_answer(message["sdp"])
            elif kind == "offer":
                session = Session(oddity)
                await send("answer", sdp=await session.answer(message["sdp"]))
            elif kind == "ice-candidate" and session:
                await session.add(message["candidate"])
        offering.cancel()


async def read_input(lines):
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        lines.put_nowait(line)


async def main():
    oddity, *others = sys.argv[1:]
    if oddity not in Channels.ANSWERS | Channels.OPENINGS or len(others) not in (2, 5):
        print(__doc__.strip(), file=sys.stderr)
        print("oddities: " + " ".join([*Channels.ANSWERS, *Channels.OPENINGS]), file=sys.stderr)
        return 2
    StrangeSctp.install(oddity)
    if oddity == "hello-early":
        EarlyHello.install()
    if oddity == "hello-unanswered":
        UnansweredHello.install()
    again = asyncio.Queue()
    meeting = asyncio.ensure_future(by_files(oddity, *others) if len(others) == 2 else by_hub(oddity, again, *others))
    ended = asyncio.ensure_future(read_input(again))
    await asyncio.wait([meeting, ended], return_when=asyncio.FIRST_COMPLETED)
    if meeting.done():
        meeting.result()  # says what went wrong
    await ended
    return 0


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # its connections stay as they are: how they end is not its subject
