#!/usr/bin/python3
"""aiortc as the other side of a test: one connection with data channels, steered by lines of JSON.

usage: aiortc_peer.py offer|answer
Commands and events are those of peer_driver.cc; besides, {"event":"state"}. aiortc does not trickle its own candidates
(they stand in its description) and has no ICE restart: the command `restart` is unknown here.
"""
import asyncio
import json
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

import aiortc_mends
import messages


def emit(**event):
    print(json.dumps(event), flush=True)


class Exchange:
    """What has arrived on a channel since the last report, and what is still to be sent."""

    def __init__(self, channel):
        self.channel = channel
        self.arrived = []
        self.expected = 0
        self.waiting = iter(())
        channel.bufferedAmountLowThreshold = messages.BUFFER // 2
        channel.on("bufferedamountlow", self.fill)
        channel.on("message", self.take)
        channel.on("close", lambda: emit(event="channel_closed", label=channel.label))
        # A channel that the other side opened is open already when aiortc tells of it.
        if channel.readyState == "open":
            self.open()
        else:
            channel.on("open", self.open)

    def open(self):
        channel = self.channel
        emit(event="open", label=channel.label, ordered=channel.ordered, max_retransmits=channel.maxRetransmits)

    def take(self, message):
        self.arrived.append(messages.digest(message))
        if len(self.arrived) == self.expected:
            self.report()

    def begin(self, command):
        self.waiting = messages.sequence(command["first"], command["count"], command["huge"])
        self.expected = command["expect"]
        self.fill()
        if self.expected and len(self.arrived) == self.expected:
            self.report()

    def fill(self):
        while self.channel.bufferedAmount < messages.BUFFER:
            message = next(self.waiting, None)
            if message is None:
                return
            self.channel.send(message)

    def report(self):
        emit(event="arrived", label=self.channel.label, hashes=self.arrived)
        self.arrived = []
        self.expected = 0


class Peer:
    def __init__(self, role):
        self.role = role
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.exchanges = {}
        self.early = []
        self.described = False
        self.ended = asyncio.Event()
        self.connection.on("datachannel", self.use)
        self.connection.on("connectionstatechange", self.tell_state)

    def use(self, channel):
        self.exchanges[channel.label] = Exchange(channel)

    def open(self, label, ordered, max_retransmits):
        self.use(self.connection.createDataChannel(label, ordered=ordered, maxRetransmits=max_retransmits))

    def tell_state(self):
        state = self.connection.connectionState
        emit(event="state", state=state)
        if state in ("failed", "closed"):
            self.close(state)

    def close(self, reason):
        if not self.ended.is_set():
            emit(event="closed", reason=reason)
            self.ended.set()

    async def start(self):
        if self.role == "offer":
            self.open("bamgate", ordered=False, max_retransmits=0)
            await self.describe(await self.connection.createOffer())

    async def describe(self, description):
        await self.connection.setLocalDescription(description)
        emit(event="description", type=description.type, sdp=self.connection.localDescription.sdp)

    async def take(self, type, sdp):
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, type))
        self.described = True
        if type == "offer":
            await self.describe(await self.connection.createAnswer())

    async def add(self, line):
        candidate = candidate_from_sdp(line.split(":", 1)[1])
        candidate.sdpMLineIndex = 0
        await self.connection.addIceCandidate(candidate)

    async def run(self, command):
        what = command.pop("do")
        if what == "candidate":
            self.early.append(command["candidate"])
        elif what == "end_of_candidates":
            pass  # Debian's aiortc has no call for it
        elif what == "description":
            await self.take(**command)
        elif what == "open":
            self.open(**command)
        elif what == "exchange":
            self.exchanges[command["label"]].begin(command)
        elif what == "tally":
            self.exchanges[command["label"]].report()
        elif what == "close_channel":
            self.exchanges[command["label"]].channel.close()
        elif what == "close":
            await self.connection.close()
            self.close("close() was called")
        else:
            emit(event="error", text=f"unknown command {what}")
        while self.described and self.early:
            await self.add(self.early.pop(0))


async def read_commands(peer):
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await peer.run(json.loads(line))
    peer.close("the input ended")


async def main():
    aiortc_mends.mend()
    peer = Peer(sys.argv[1])
    await peer.start()
    commands = asyncio.create_task(read_commands(peer))
    ended = asyncio.create_task(peer.ended.wait())
    await asyncio.wait([commands, ended], return_when=asyncio.FIRST_COMPLETED)
    if commands.done() and commands.exception():
        raise commands.exception()
    commands.cancel()
    await peer.connection.close()


if __name__ == "__main__":
    asyncio.run(main())
