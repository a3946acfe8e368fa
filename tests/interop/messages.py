"""The messages of a test: 200 of different sizes from 1 to 1,312 bytes, each sent and echoed."""

COUNT = 200
# 1,280 bytes of an inner packet and 32 of WireGuard: the largest that travels in one datagram.
LARGEST = 1312
# So many may be under way: on a channel without retransmissions nothing may be lost for want of buffers.
WINDOW = 10


def size_of(number):
    return 1 + number * (LARGEST - 1) // (COUNT - 1)


def content(size):
    return bytes((size * 31 + place * 7 + (place >> 8)) & 0xFF for place in range(size))


class Exchange:
    """Sends all messages through `send` and compares their echoes, which may come in any order."""

    def __init__(self, send):
        self.send = send
        self.sent = 0
        self.waiting = set()
        self.intact = 0

    def fill(self):
        while self.sent < COUNT and len(self.waiting) < WINDOW:
            size = size_of(self.sent)
            self.waiting.add(size)
            self.sent += 1
            self.send(content(size))

    def take(self, message):
        """Takes one echo; True when it was the last."""
        size = len(message)
        if size in self.waiting and bytes(message) == content(size):
            self.intact += 1
        self.waiting.discard(size)
        self.fill()
        return self.sent == COUNT and not self.waiting
