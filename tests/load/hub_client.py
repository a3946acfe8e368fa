"""A small client of the hub in plain asyncio: HTTP requests that share a connection, WebSockets, devices.

It sends exactly what a test wants, also what is wrong. Left out: certificates are not checked, frames are masked with
zeros (RFC 6455 §5.3 wants them unpredictable, for proxies that are not there on loopback), no fragments.
"""
import asyncio
import base64
import json
import os
import ssl
import struct

MAX_MESSAGE = 1 << 20


class HubError(Exception):
    """The hub refused, or went away."""


def tls_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Http:
    """One connection; requests one after another. `source` is the local address, so that clients can be many."""

    def __init__(self, host, port, tls=None, source=None):
        self.to, self.tls, self.source = (host, port), tls, source
        self.reader = self.writer = None

    async def open(self):
        local = (self.source, 0) if self.source else None
        self.reader, self.writer = await asyncio.open_connection(*self.to, ssl=self.tls, local_addr=local, limit=MAX_MESSAGE)

    async def request(self, method, target, body=None, bearer=None):
        """The status and the parsed body."""
        if self.writer is None:
            await self.open()
        text = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {target} HTTP/1.1\r\nHost: hub\r\nContent-Length: {len(text)}\r\n"
        if bearer:
            head += f"Authorization: Bearer {bearer}\r\n"
        self.writer.write(head.encode() + b"\r\n" + text)
        status, headers = await self.read_head()
        reply = await self.reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status, json.loads(reply) if reply else {}

    async def read_head(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
        return int(head[0].split()[1]), {name.lower(): value for name, value in headers.items()}

    def close(self):
        if self.writer is not None:
            self.writer.transport.abort()
        self.reader = self.writer = None


class WebSocket:
    def __init__(self, http):
        self.http, self.reader, self.writer = http, http.reader, http.writer

    @staticmethod
    async def connect(http, target="/connect", bearer=None):
        await http.open()
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET {target} HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        head += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        if bearer:
            head += f"Authorization: Bearer {bearer}\r\n"
        http.writer.write(head.encode() + b"\r\n")
        status, _ = await http.read_head()
        if status != 101:
            http.close()
            raise HubError(f"the upgrade was refused with {status}")
        return WebSocket(http)

    def send(self, message):
        self.send_frame(1, json.dumps(message).encode())

    def send_frame(self, opcode, data):
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, size)
        self.writer.write(head + b"\0\0\0\0" + data)

    async def receive(self):
        """The next message, parsed; pings are answered. HubError with the close code when the hub closes."""
        while True:
            first, size = await self.reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            data = await self.reader.readexactly(size)
            opcode = first & 15
            if opcode == 1:
                return json.loads(data)
            if opcode == 9:
                self.send_frame(10, data)
            if opcode == 8:
                code = struct.unpack("!H", data[:2])[0] if size >= 2 else 1005
                raise HubError(f"closed with {code} {data[2:].decode(errors='replace')}")

    def close(self):
        self.http.close()


class Device:
    """A registered device."""

    def __init__(self, make_http, name, public_key=None):
        self.make_http, self.name = make_http, name
        self.socket = None
        self.public_key = public_key or base64.b64encode(os.urandom(32)).decode()

    async def register(self, join_token, http=None):
        own = http or self.make_http()
        body = {"join_token": join_token, "device_name": self.name, "public_key": self.public_key}
        status, reply = await own.request("POST", "/auth/register", body)
        if http is None:
            own.close()
        if status != 200:
            raise HubError(f"registration of {self.name}: {status} {reply}")
        self.id, self.access, self.refresh = reply["device_id"], reply["access_token"], reply["refresh_token"]
        self.address, self.address6 = reply["address"], reply["address6"]

    async def exchange(self, http=None):
        own = http or self.make_http()
        status, reply = await own.request("POST", "/auth/refresh", {"device_id": self.id, "refresh_token": self.refresh})
        if http is None:
            own.close()
        if status != 200:
            raise HubError(f"refresh of {self.name}: {status} {reply}")
        self.access, self.refresh = reply["access_token"], reply["refresh_token"]

    async def connect(self):
        self.socket = await WebSocket.connect(self.make_http(), bearer=self.access)

    async def join(self):
        """Joins, and connects before if need be; the list of the others has come when it returns."""
        if self.socket is None:
            await self.connect()
        self.socket.send({"type": "join", "peerId": self.name, "publicKey": self.public_key, "address": self.address,
                          "address6": self.address6, "routes": [], "metadata": {}})
        peers = []
        while True:
            message = await self.socket.receive()
            if message["type"] == "peers":
                peers += message["peers"]
                if not message.get("more"):
                    return peers
