#!/usr/bin/env python3
"""A proxy in front of the hub that has moments: it does TLS, passes connections on, and answers some by itself.

usage: strange_proxy.py ADDRESS:PORT HUB_PORT CERT KEY OTHER_CERT OTHER_KEY ROUND_FILE

SIGUSR1: every connection is cut, and ROUND_FILE is read: one answer a line. From then on each client address gets these
answers, one for each of its connections, in that order; after the last one it is passed on again. Each is logged as
"ADDRESS ANSWER", and the begin of a round as "round ANSWER...". What is answered is told apart by the name; see ANSWERS, and close, alert, other-cert, strip, ws4410.
"""

import base64
import hashlib
import pathlib
import select
import signal
import socket
import ssl
import sys
import threading

GONE = b'{"error":"device not found or revoked","message":"Register this device again, with a new join token."}'


def page(status, reason, kind, body, extra=""):
    head = f"HTTP/1.1 {status} {reason}\r\n" + (f"Content-Type: {kind}\r\n" if kind else "") + extra
    return (head + f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode() + body


ANSWERS = {
    "401-html": page(401, "Unauthorized", "text/html", b"<html><title>Log in to the\x1b[31m office</title></html>"),
    "401-json": page(401, "Unauthorized", "application/json", b'{"error":"unauthenticated","message":"log in"}'),
    "401-gone-html": page(401, "Unauthorized", "text/html", GONE),
    "403-json": page(403, "Forbidden", "application/json", b'{"error":{"code":403,"message":"policy"}}'),
    "403-gone": page(403, "Forbidden", "application/json", GONE),
    "302": page(302, "Found", "text/html", b"<a href='http://portal/'>Found</a>", "Location: http://portal/\r\n"),
    "200-portal": page(200, "OK", "text/html", b"<html><title>Guest network</title><p>Accept the terms</html>"),
    "200-json": page(200, "OK", "application/json", b'{"ok":true}'),
    "204": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    "426": page(426, "Upgrade Required", "text/plain", b"WebSocket is not allowed here"),
    "502": page(502, "Bad Gateway", "text/html", b"<h1>502 Bad Gateway</h1>"),
    "503-empty": page(503, "Service Unavailable", "", b""),
    "huge": page(401, "Unauthorized", "application/json", b"[" * (3 << 20)),
    "no-http": b"SSH-2.0-OpenSSH_9.2\r\n",
}


class Proxy:
    def __init__(self, listen, hub_port, cert, key, other_cert, other_key, round_file):
        host, port = listen.rsplit(":", 1)
        self.hub_port, self.round_file = int(hub_port), pathlib.Path(round_file)
        self.tls, self.other_tls = self.context(cert, key), self.context(other_cert, other_key)
        self.lock, self.answers, self.turns, self.open = threading.Lock(), [], {}, set()
        self.listener = socket.create_server((host, int(port)))
        signal.signal(signal.SIGUSR1, self.begin_round)

    @staticmethod
    def context(cert, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return context

    def begin_round(self, *_):
        threading.Thread(target=self.cut_all).start()

    def cut_all(self):
        with self.lock:
            self.answers, self.turns = self.round_file.read_text().split(), {}
            print("round", *self.answers, flush=True)
            for sock in self.open:
                sock.shutdown(socket.SHUT_RDWR)

    def next_answer(self, address):
        with self.lock:
            turn = self.turns.get(address, 0)
            self.turns[address] = turn + 1
            answer = self.answers[turn] if turn < len(self.answers) else "pass"
        print(address, answer, flush=True)
        return answer

    def serve(self):
        while True:
            sock, (address, _) = self.listener.accept()
            threading.Thread(target=self.handle, args=(sock, address), daemon=True).start()

    def handle(self, sock, address):
        answer = self.next_answer(address)
        try:
            sock.settimeout(20)
            if answer == "alert":
                sock.recv(1)
                sock.sendall(bytes.fromhex("15030300020228"))  # TLS: fatal, handshake_failure
                sock.close()
                return
            with (self.other_tls if answer == "other-cert" else self.tls).wrap_socket(sock, server_side=True) as secured:
                self.answer(secured, answer)
        except OSError:
            sock.close()

    def answer(self, client, answer):
        if answer == "close":
            return
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                return
            head += data
        if answer == "ws4410":
            client.sendall(self.upgrade(head) + b"\x88\x02" + (4410).to_bytes(2, "big"))
            client.recv(65536)
        elif answer in ANSWERS:
            client.sendall(ANSWERS[answer])
        else:
            if answer == "strip":
                lines = head.split(b"\r\n")
                head = b"\r\n".join(line for line in lines if not line.lower().startswith((b"upgrade:", b"connection:")))
            self.pass_on(client, head)

    @staticmethod
    def upgrade(head):
        key = next(line.split(b":", 1)[1].strip() for line in head.split(b"\r\n")
                   if line.lower().startswith(b"sec-websocket-key:"))
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")

    def pass_on(self, client, head):
        client.settimeout(None)
        with socket.create_connection(("127.0.0.1", self.hub_port)) as hub:
            with self.lock:
                self.open.add(client)
            try:
                hub.sendall(head)
                self.pump(client, hub)
            finally:
                with self.lock:
                    self.open.discard(client)

    @staticmethod
    def pump(client, hub):
        while True:
            ready = [client] if client.pending() else select.select([client, hub], [], [])[0]
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                (hub if source is client else client).sendall(data)


if __name__ == "__main__":
    Proxy(*sys.argv[1:]).serve()
