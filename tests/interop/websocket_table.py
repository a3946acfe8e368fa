"""What a WebSocket server must do, frame by frame: the table for websocket_cases.py.

The numbers are those of the sections of the Autobahn test suite (1 frames, 2 pings, 3 reserved bits, 4 opcodes, 5 fragments,
6 UTF-8, 7 closing, 9 limits, 10 odd sizes); 8 concerns clients, 12 and 13 compression, which the hub does not offer. The hub
echoes nothing: that a text arrived shows when it reaches another device.

A case is (name, bytes to send, what comes back). What comes back: Forwarded(text) at the other device; Pong(payload);
Close(code). After the last of them, if no Close is among them, the connection must still be alive.
"""
import json
from collections import namedtuple

from raw_websocket import BINARY, CLOSE, PING, PONG, TEXT, close_frame, frame

Case = namedtuple("Case", "name data expected")
Forwarded = namedtuple("Forwarded", "text")
Pong = namedtuple("Pong", "payload")
Close = namedtuple("Close", "code")

LIMIT = 65536  # bytes of a message


def offer(content):
    """A message that the hub forwards: `content`, bytes as they stand, is its text. (The hub puts the true name, which is as
    long, into `from`; so what is forwarded has the same size.)"""
    return b'{"type":"offer","from":"sender0","to":"reader","sdp":"' + content + b'"}'


def offer_of_size(size):
    return offer(b"*" * (size - len(offer(b""))))


def text_frame(content):
    return frame(TEXT, offer(content))


def split(data, size):
    return [data[place : place + size] for place in range(0, len(data), size)]


def fragments(payload, size, opcode=TEXT, between=b""):
    parts = split(payload, size)
    frames = [
        frame(opcode if place == 0 else 0, part, fin=place == len(parts) - 1) for place, part in enumerate(parts)
    ]
    return between.join(frames)


def sections_1_and_9_10():
    for size in (125, 126, 127, 128, 256, 65535, LIMIT):
        text = offer_of_size(size)
        yield Case(f"1.1 a text of {size} bytes", frame(TEXT, text), [Forwarded(json.loads(text)["sdp"])])
    # What the hub makes of these is its own matter; as frames they are right.
    yield Case("1.1 an empty text", frame(TEXT), [Close(4400)])
    for size in (0, 125, 126, 65536):
        yield Case(f"1.2 {size} bytes of binary", frame(BINARY, b"\xfe" * size), [Close(4400)])
    over = offer_of_size(LIMIT + 1)
    yield Case("9 one byte over the limit", frame(TEXT, over), [Close(1009)])
    yield Case("9 one byte over the limit in fragments", fragments(over, 4096), [Close(1009)])
    yield Case("9 a length of 2^62", frame(TEXT, b"x", length=1 << 62), [Close(1009)])
    yield Case("9 a length of 2^63, which no frame has", frame(TEXT, b"x", length=1 << 63), [Close(1002)])
    for size in (64, 1300, 4096):
        data = fragments(offer_of_size(LIMIT), size)
        yield Case(f"10 64 KiB in fragments of {size}", data, [Forwarded(json.loads(offer_of_size(LIMIT))["sdp"])])


def section_2():
    for name, payload in {"nothing": b"", "text": b"Hello", "binary": bytes(range(120, 245)), "125 bytes": b"\xfe" * 125}.items():
        yield Case(f"2 a ping with {name}", frame(PING, payload), [Pong(payload)])
    yield Case("2.5 a ping with 126 bytes", frame(PING, b"\xfe" * 126), [Close(1002)])
    yield Case("2.7 a pong that nobody asked for", frame(PONG, b"") + frame(PONG, b"unasked"), [])
    yield Case("2.9 a pong, then a ping", frame(PONG, b"unasked") + frame(PING, b"asked"), [Pong(b"asked")])
    pings = [b"payload %d" % number for number in range(10)]
    yield Case("2.10 ten pings", b"".join(frame(PING, ping) for ping in pings), [Pong(ping) for ping in pings])


def section_3():
    for rsv in range(1, 8):
        kind, payload = {1: (TEXT, offer(b"")), 2: (PING, b""), 3: (CLOSE, b"")}.get(rsv % 4, (BINARY, b"x"))
        data = text_frame(b"before") + frame(kind, payload, rsv=rsv) + text_frame(b"behind")
        yield Case(f"3 reserved bits {rsv} on opcode {kind}", data, [Forwarded("before"), Close(1002)])


def section_4():
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        data = text_frame(b"before") + frame(opcode, b"x") + frame(PING)
        yield Case(f"4 opcode {opcode}", data, [Forwarded("before"), Close(1002)])


def section_5():
    text = offer(b"in fragments")
    whole = [Forwarded("in fragments")]
    yield Case("5.1 a ping in fragments", frame(PING, b"a", fin=False) + frame(0, b"b"), [Close(1002)])
    yield Case("5.2 a pong in fragments", frame(PONG, b"a", fin=False) + frame(0, b"b"), [Close(1002)])
    yield Case("5.3 a text in two fragments", fragments(text, 40), whole)
    yield Case("5.4 a text byte by byte", fragments(text, 1), whole)
    ping = frame(PING, b"between")
    yield Case("5.6 a ping between two fragments", fragments(text, 40, between=ping), [Pong(b"between"), *whole])
    empty = frame(TEXT, b"", fin=False) + frame(0, text, fin=False) + frame(0, b"")
    yield Case("5.8 empty fragments at both ends", empty, whole)
    yield Case("5.9 a continuation of nothing", frame(0, b"x") + text_frame(b"x"), [Close(1002)])
    yield Case("5.10 one with more to come", frame(0, b"x", fin=False) + text_frame(b"x"), [Close(1002)])
    yield Case("5.12 one behind a whole text", text_frame(b"a") + frame(0, b"x"), [Forwarded("a"), Close(1002)])
    yield Case("5.15 a second continuation", fragments(text, 60) + frame(0, b"x", fin=False), [*whole, Close(1002)])
    yield Case("5.18 a text within a text", frame(TEXT, text, fin=False) + frame(TEXT, text), [Close(1002)])
    yield Case("5.18 a binary within a text", frame(TEXT, text, fin=False) + frame(BINARY, text), [Close(1002)])
    five = split(text, len(text) // 4)
    data = frame(TEXT, five[0], fin=False) + ping
    for part in five[1:-1]:
        data += frame(0, part, fin=False) + ping
    yield Case("5.20 a ping behind each fragment", data + frame(0, five[-1]), [Pong(b"between")] * (len(five) - 1) + whole)


VALID = {
    "accents": "Hello-µ@ßöäüàá-UTF-8!!",
    "Greek": "κόσμε",
    "the first of each length": "\u0080\u0800\U00010000",
    "the last of each length": "\u007f\u07ff\uffff\U0010ffff",
    "around the surrogates": "\ud7ff\ue000\ufffd",
    "no characters": "\ufffe\uffff\ufdd0\U0001fffe",
    "beyond the first plane": "\U0001f600\U00020000",
}
INVALID = {
    "a lone continuation": "80",
    "a lone 0xbf": "bf",
    "many continuations": "808182838485",
    "starts without an end": "c020e020f020",
    "a sequence cut at its second byte": "ce22",
    "a sequence cut at its third byte": "e18022",
    "a sequence cut at its fourth byte": "f1808022",
    "0xfe": "fe",
    "0xff": "ff",
    "/ in two bytes": "c0af",
    "/ in three bytes": "e080af",
    "/ in four bytes": "f08080af",
    "NUL in two bytes": "c080",
    "an overlong U+007F": "c1bf",
    "an overlong U+07FF": "e09fbf",
    "an overlong U+FFFF": "f08fbfbf",
    "a high surrogate": "eda080",
    "a low surrogate": "edbfbf",
    "a pair of surrogates": "eda080edb080",
    "U+110000": "f4908080",
    "five bytes": "f888808080",
    "six bytes": "fc8480808080",
}


def section_6():
    for name, text in VALID.items():
        data = text.encode("utf-8", "surrogatepass")
        yield Case(f"6 {name}", text_frame(data), [Forwarded(text)])
        yield Case(f"6 {name}, byte by byte", fragments(offer(data), 1), [Forwarded(text)])
    for name, octets in INVALID.items():
        payload = offer(b"\xce\xba" + bytes.fromhex(octets) + b"edited")
        yield Case(f"6 {name}", frame(TEXT, payload), [Close(1007)])
        yield Case(f"6 {name}, byte by byte", fragments(payload, 1), [Close(1007)])
    # As soon as no valid text can come of it, though the message is not over.
    start = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
    yield Case("6.3 an error in the first of two fragments", frame(TEXT, start + b"\xf4\x90", fin=False), [Close(1007)])
    unfinished = frame(TEXT, start, length=100)[: 6 + len(start)]
    bad = bytes(byte ^ mask for byte, mask in zip(b"\xf4\x90\x80\x80", (b"\x37\xfa\x21\x3d" * 8)[len(start) % 4 :]))
    yield Case("6.4 an error in the middle of a frame", unfinished + bad, [Close(1007)])
    yield Case("6 a text that ends in a character", frame(TEXT, b"\xce"), [Close(1007)])


def section_7():
    yield Case("7.1 a text, then a close", text_frame(b"last") + close_frame(1000), [Forwarded("last"), Close(1000)])
    yield Case("7.1 two closes", close_frame(1000) + close_frame(1001), [Close(1000)])
    yield Case("7.1 a ping behind a close", close_frame(1000) + frame(PING, b"late"), [Close(1000)])
    yield Case("7.1 a text behind a close", close_frame(1000) + text_frame(b"late"), [Close(1000)])
    half = frame(TEXT, offer(b"half"), fin=False)
    yield Case("7.1 a close between fragments", half + close_frame(1000) + frame(0, b""), [Close(1000)])
    yield Case("7.3 a close without a code", close_frame(), [Close(None)])
    yield Case("7.3 a close with half a code", frame(CLOSE, b"\x03"), [Close(1002)])
    yield Case("7.3 a close with a code", close_frame(1000), [Close(1000)])
    yield Case("7.3 a close with a reason", close_frame(1000, b"Hello World!"), [Close(1000)])
    yield Case("7.3 a close with the longest reason", close_frame(1000, b"*" * 123), [Close(1000)])
    yield Case("7.3 a close with a longer reason", close_frame(1000, b"*" * 124), [Close(1002)])
    yield Case("7.5 a close with a reason that is no UTF-8", close_frame(1000, b"\xce\xba\xed\xa0\x80"), [Close(1007)])
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        yield Case(f"7.7 close code {code}", close_frame(code), [Close(code)])
    for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535):
        yield Case(f"7.9 close code {code}", close_frame(code), [Close(1002)])


def beyond():
    """RFC 6455 asks for it, though Autobahn's client cannot send it."""
    yield Case("5.1 of the RFC: a frame without a mask", frame(TEXT, offer(b""), mask=None), [Close(1002)])
    yield Case("5.2 of the RFC: 5 bytes with a length of 16 bits", frame(PING, b"Hello", size_form=16), [Close(1002)])
    yield Case("5.2 of the RFC: a text with a needless 16 bits", frame(TEXT, b"Hello", size_form=16), [Close(1002)])
    yield Case("5.2 of the RFC: a text with needless 64 bits", frame(TEXT, b"Hello", size_form=64), [Close(1002)])


SECTIONS = (sections_1_and_9_10, section_2, section_3, section_4, section_5, section_6, section_7, beyond)
CASES = [case for section in SECTIONS for case in section()]
