#!/usr/bin/python3
"""aiortc as the other side of a test: one connection with one data channel, steered by lines of JSON.

usage: aiortc_peer.py offer|answer
Commands and events are those of peer_driver.cc; besides, {"event":"exchanged","sent":N,"intact":N} when the echoes of
all messages have come back. It sends them as soon as the channel is open.
"""
import asyncio
import json
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

import messages


def emit(**event):
    print(json.dumps(event), flush=True)


class Peer:
    def __init__(self, role):
        self.role = role
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.early = []
        self.described = False
        self.ended = asyncio.Event()

    def use(self, channel):
        emit(
            event="open",
            label=channel.label,
            ordered=channel.ordered,
            max_retransmits=channel.maxRetransmits,
        )
        exchange = messages.Exchange(channel.send)

        @channel.on("message")
        def on_message(message):
            if exchange.take(message):
                emit(event="exchanged", sent=exchange.sent, intact=exchange.intact)

        @channel.on("close")
        def on_close():
            self.close("the channel closed")

        exchange.fill()

    def close(self, reason):
        if not self.ended.is_set():
            emit(event="closed", reason=reason)
            self.ended.set()

    async def start(self):
        @self.connection.on("connectionstatechange")
        def on_state():
            state = self.connection.connectionState
            emit(event="state", state=state)
            if state in ("failed", "closed"):
                self.close(state)

        if self.role == "answer":
            # It is open already when aiortc tells of it.
            self.connection.on("datachannel", self.use)
            return
        channel = self.connection.createDataChannel("bamgate", ordered=False, maxRetransmits=0)
        channel.on("open", lambda: self.use(channel))
        await self.describe(await self.connection.createOffer())

    async def describe(self, description):
        # aiortc does not trickle: its candidates stand in the description.
        await self.connection.setLocalDescription(description)
        emit(event="description", sdp=self.connection.localDescription.sdp)

    async def add(self, line):
        candidate = candidate_from_sdp(line.split(":", 1)[1])
        candidate.sdpMLineIndex = 0
        await self.connection.addIceCandidate(candidate)

    async def run(self, command):
        if command["do"] == "candidate":
            self.early.append(command["candidate"])
        elif command["do"] == "description":
            kind = "answer" if self.role == "offer" else "offer"
            await self.connection.setRemoteDescription(RTCSessionDescription(command["sdp"], kind))
            self.described = True
            if self.role == "answer":
                await self.describe(await self.connection.createAnswer())
        elif command["do"] == "close":
            await self.connection.close()
            self.close("close() was called")
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
