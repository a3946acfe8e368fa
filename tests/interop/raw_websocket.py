"""A WebSocket client that sends exactly the bytes that a test wants, right or wrong, and reads frames one by one."""
import base64
import json
import os
import socket
import struct

# A bound for a server that does not answer; no case waits for it.
PATIENCE = 10
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\x37\xfa\x21\x3d", length=None, size_form=None):
    """One frame. `length`: what the header claims; `size_form`: 7, 16 or 64 bits for it; mask None: not masked."""
    claimed = len(payload) if length is None else length
    form = size_form or (7 if claimed < 126 else 16 if claimed < 65536 else 64)
    small = {7: claimed, 16: 126, 64: 127}[form]
    head = bytes([fin << 7 | rsv << 4 | opcode, (mask is not None) << 7 | small])
    head += {7: b"", 16: struct.pack("!H", claimed & 0xFFFF), 64: struct.pack("!Q", claimed)}[form]
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def close_frame(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


class RawWebSocket:
    """A connection that is upgraded and has joined. Each says, as a proxy would, that it comes from another client, so that
    the hub's limits for one client do not count."""

    clients = 0

    def __init__(self, hub, device):
        self.socket = socket.create_connection((hub.host, hub.port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        RawWebSocket.clients += 1
        client = f"198.18.{RawWebSocket.clients >> 8}.{RawWebSocket.clients & 255}"
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /connect HTTP/1.1\r\nHost: {hub.address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {device.token}\r\n"
            f"X-Forwarded-For: {client}\r\n\r\n".encode()
        )
        status = self.file.readline()
        while self.file.readline() not in (b"\r\n", b""):
            pass
        if b" 101 " not in status:
            raise OSError(f"the upgrade was refused: {status.decode()} {self.file.read()}")
        self.send(frame(TEXT, json.dumps(device.join()).encode()))
        self.peers = json.loads(self.read()[1])

    def send(self, data, chopped=False):
        """Errors are no news here: a server that closes early says so by a frame."""
        pieces = [data[place : place + 1] for place in range(len(data))] if chopped else [data]
        try:
            for piece in pieces:
                self.socket.sendall(piece)
        except OSError:
            pass

    def read(self):
        """The next frame as (opcode, payload); None at the end of the connection."""
        try:
            head = self.file.read(2)
            if len(head) < 2:
                return None
            if head[0] & 0xF0 != 0x80 or head[1] & 0x80:
                raise AssertionError(f"the server sent the frame header {head.hex()}: not whole, or masked")
            size = head[1]
            if size == 126:
                (size,) = struct.unpack("!H", self.file.read(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self.file.read(8))
            return head[0] & 15, self.file.read(size)
        except ConnectionResetError:
            return None

    def close(self):
        self.file.close()
        self.socket.close()
