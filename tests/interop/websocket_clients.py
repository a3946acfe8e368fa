#!/usr/bin/python3
"""Lets a WebSocket client that is not ours play a device: it joins a hub and meets a real `bamgate up` there.

usage: websocket_clients.py HUB_ADDRESS BAMGATE HUB_FOLDER PEER COMMAND...      for hub_clients.sh
COMMAND is hub_client.py or hub_client.js; PEER is the name of the device that is up. exit: 0 all as it should be, 1 not
"""
import json
import os
import queue
import sys
import time

from program import Failure, Program

PATIENCE = 20
LIMIT = 65536
CANDIDATE = "candidate:1 1 udp 2130706431 192.0.2.99 5000 typ host ufrag abcd"


def description(setup):
    fingerprint = ":".join(f"{byte:02X}" for byte in os.urandom(32))
    lines = (
        "v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:0", "a=ice-ufrag:abcd",
        "a=ice-pwd:" + "p" * 24, "a=ice-options:trickle", f"a=fingerprint:sha-256 {fingerprint}", f"a=setup:{setup}",
        "a=sctp-port:5000", "a=max-message-size:262144",
    )  # fmt: skip
    return "".join(line + "\r\n" for line in lines)


class Client:
    """One connection of the foreign client, as one device."""

    def __init__(self, hub, command, device):
        self.events, self.errors = queue.Queue(), {}
        self.device = device
        self.program = Program("client", [*command, f"wss://{hub.address}/connect", device.token], self.events, self.errors)
        self.until("open")
        self.send(device.join())

    def send(self, message):
        self.program.tell("send", text=json.dumps(message))

    def until(self, kind, wanted=lambda event: True):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                _, event = self.events.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise Failure(f"{self.device.name} waited for {kind} in vain") from None
            if event["event"] == kind and wanted(event):
                return event
            if event["event"] in ("closed", "ended", "error"):
                raise Failure(f"{self.device.name} waited for {kind} and saw {event}")

    def message(self, kind, wanted=lambda message: True):
        """The next signaling message of that type for which `wanted` holds."""
        return json.loads(
            self.until("text", lambda event: (m := json.loads(event["text"]))["type"] == kind and wanted(m))["text"]
        )

    def expect_end(self, code):
        end = self.until("closed")
        if end["code"] != code:
            raise Failure(f"{self.device.name} ended with {end}, not with {code}")

    def stop(self):
        self.program.stop()


def expect_session(message, setup):
    """With the addresses that the device knows by then: what it learns later is trickled."""
    sdp = message["sdp"]
    if "\r\na=candidate:" not in sdp:
        raise Failure(f"the {message['type']} has no candidate: {sdp}")
    if not sdp.startswith("v=0\r\n") or "webrtc-datachannel" not in sdp or f"a=setup:{setup}\r\n" not in sdp:
        raise Failure(f"the {message['type']} is no session description with setup {setup}: {sdp}")


def offers(client, peer):
    """Its name sorts before the peer's, so it makes the offer, in fragments; then a ping, and an end of its own."""
    client.message("peers", lambda message: any(one["peerId"] == peer for one in message["peers"]))
    offer = {"type": "offer", "from": "", "to": peer, "sdp": description("actpass"), "publicKey": client.device.key}
    client.program.tell("fragments", text=json.dumps(offer), size=97)
    expect_session(client.message("answer", lambda message: message["from"] == peer), "active")
    client.send({"type": "ice-candidate", "from": "", "to": peer, "candidate": CANDIDATE})
    client.program.tell("ping")
    client.until("pong", lambda event: event["data"] == "asked")
    client.program.tell("close", code=4000, reason="enough")
    client.expect_end(4000)


def answers(client, peer):
    """Its name sorts behind the peer's, which makes the offer; then a message of 64 KiB passes and a longer one does not."""
    offer = client.message("offer", lambda message: message["from"] == peer)
    expect_session(offer, "actpass")
    answer = {"type": "answer", "from": "", "to": peer, "sdp": description("active"), "publicKey": client.device.key}
    client.send(answer)
    # Of a type that the hub does not know: it is ignored, whatever its size.
    empty = json.dumps({"type": "unknown", "x": ""})
    client.program.tell("send", text=json.dumps({"type": "unknown", "x": "x" * (LIMIT - len(empty))}))
    client.program.tell("ping")
    client.until("pong")
    client.program.tell("send", text=json.dumps({"type": "unknown", "x": "x" * (LIMIT + 1 - len(empty))}))
    client.expect_end(1009)


def is_refused(client, peer):
    """Signaling is text."""
    client.message("peers", lambda message: any(one["peerId"] == peer for one in message["peers"]))
    client.program.tell("binary")
    client.expect_end(4400)


def is_replaced(client, again):
    """A second connection of the same device takes the place of the first."""
    client.message("peers")
    second = again()
    try:
        second.message("peers")
        client.expect_end(4409)
    finally:
        second.stop()


def main():
    address, program, folder, peer, *command = sys.argv[1:]
    os.environ["BAMGATE"] = program
    from hub import Hub  # reads it

    hub = Hub(address, folder, tls=True)
    kind = "node" if command[-1].endswith(".js") else "python"
    early, late = hub.register(f"a-{kind}"), hub.register(f"z-{kind}")
    steps = (
        (early, lambda client: offers(client, peer)),
        (late, lambda client: answers(client, peer)),
        (late, lambda client: is_refused(client, peer)),
        (early, lambda client: is_replaced(client, lambda: Client(hub, command, early))),
    )
    for device, step in steps:
        client = Client(hub, command, device)
        try:
            step(client)
        except Failure as failure:
            client.stop()
            sys.exit(f"{kind}: {failure}\n" + "\n".join(client.errors.get("client", [])[-5:]))
        client.stop()
    print(f"{kind}: offer and answer with {peer}, fragments, ping, 64 KiB, closed with 4000, 1009, 4400 and 4409")


if __name__ == "__main__":
    main()
