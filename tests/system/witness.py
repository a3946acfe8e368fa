#!/usr/bin/env python3
"""The witness of the NAT laboratory: how does a device look from outside, and what comes in unasked?

usage: witness.py serve ADDRESS    answers on ADDRESS and on the next address, ports 7000 and 7001
       witness.py ask ADDRESS      asks from one socket; prints "SEEN_ADDRESS same-port|other-port INTRUDERS"

The witness answers "seen" with the source that it saw. Asked to intrude, it first sends packets to that source from
a port and from an address that the device never wrote to, then answers from the right socket. Packets keep their order on
the way, so once the answer is there, an intruder that was not dropped is there too; no waiting is needed.
"""
import ipaddress
import select
import socket
import sys

PORT, OTHER_PORT = 7000, 7001


def bound(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    result = socket.socket(family, socket.SOCK_DGRAM)
    result.bind((address, port))
    return result


def send(sender, message, to):
    try:
        sender.sendto(message, to)
    except OSError:
        pass  # no way back: the device will see that no answer comes


def serve(first):
    second = str(ipaddress.ip_address(first) + 1)
    sockets = [bound(address, port) for address in (first, second) for port in (PORT, OTHER_PORT)]
    print("ready", flush=True)
    while True:
        for ready in select.select(sockets, [], [])[0]:
            request, source = ready.recvfrom(2048)
            if request == b"intrude":
                for other in sockets:
                    if other is not ready:
                        send(other, b"intruder", source)
            send(ready, f"seen {source[0]} {source[1]}".encode(), source)


def ask(first):
    second = str(ipaddress.ip_address(first) + 1)
    own = socket.socket(socket.AF_INET6 if ":" in first else socket.AF_INET, socket.SOCK_DGRAM)
    own.settimeout(1)
    intruders = 0
    answers = []
    for request, to in ((b"intrude", first), (b"who", second)):
        for _ in range(4):
            own.sendto(request, (to, PORT))
            try:
                answer, source = own.recvfrom(2048)
                while not answer.startswith(b"seen"):
                    intruders += 1
                    answer, source = own.recvfrom(2048)
            except (socket.timeout, OSError):
                continue
            answers.append(answer.split()[1:])
            break
        else:
            sys.exit("witness.py: no answer")
    same = "same-port" if answers[0] == answers[1] else "other-port"
    print(answers[0][0].decode(), same, intruders)


if len(sys.argv) != 3 or sys.argv[1] not in ("serve", "ask"):
    sys.exit(__doc__)
(serve if sys.argv[1] == "serve" else ask)(sys.argv[2])
