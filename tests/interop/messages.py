"""The messages of a test: known to all peers (page.html and peer_driver.cc make the same), compared by hash.

Message N begins with N as 4 bytes, as far as its size reaches; sizes from 1 to 1,312 come equally often. A peer tells of
what it received as a list of hashes; only the test judges them.
"""
import hashlib
from collections import Counter

# 1,280 bytes of an inner packet and 32 of WireGuard: the largest that travels in one datagram.
LARGEST = 1312
HUGE = 65536
# So much may wait in a peer's send buffer before it goes on.
BUFFER = 65536
PATTERN = bytes((place * 7 + (place >> 8)) & 0xFF for place in range(HUGE + 256))


def content(number, size):
    start = number % 251
    return (number.to_bytes(4, "little") + PATTERN[start : start + size])[:size]


def sequence(first, count, huge):
    """Messages first to first + count - 1 and, if so wanted, one of 64 KiB behind them."""
    for number in range(first, first + count):
        yield content(number, 1 + number * 997 % LARGEST)
    if huge:
        yield content(first + count, HUGE)


def digest(message):
    return hashlib.sha256(message).hexdigest()[:16]


def hashes(first, count, huge=False):
    return [digest(message) for message in sequence(first, count, huge)]


def fault(channel, sent, received):
    """What is wrong with what arrived of `sent`, or None."""
    if channel["max_retransmits"] is None:
        if len(received) != len(sent):
            return f"{len(received)} of {len(sent)} messages arrived"
        if channel["ordered"]:
            return None if received == sent else "messages were altered, or came in another order"
        return None if sorted(received) == sorted(sent) else "messages were altered"
    strangers = Counter(received) - Counter(sent)
    if strangers:
        return f"{strangers.total()} messages were altered or came twice"
    return None if 10 * len(received) >= 8 * len(sent) else f"only {len(received)} of {len(sent)} messages arrived"
