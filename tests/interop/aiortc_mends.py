"""Two faults of aiortc's SCTP sender, mended, so that a channel that gives messages up can be tested on a lossy path.

Each made what aiortc sends stand still for ever in about one run of ten, and shows in its own state alone:
- a FORWARD TSN that is lost is never sent again: the advanced ack point stays ahead of what the other side acknowledges,
  and no retransmission of what lies behind helps (RFC 3758 §3.5, A5 and F2);
- messages that are given up stay counted as in flight: once nothing is outstanding the timer rests, the window seems full,
  and nothing is sent any more.
How aiortc reads, and what it puts on the wire, stays as it is. docs/interop.md tells of both.
"""
from aiortc.rtcsctptransport import ForwardTsnChunk, RTCSctpTransport
from aiortc.utils import uint32_gt

_advance = RTCSctpTransport._update_advanced_peer_ack_point
_expire = RTCSctpTransport._t3_expired


def advance(transport):
    _advance(transport)
    if not transport._sent_queue:
        transport._flight_size = 0


def expire(transport):
    _expire(transport)  # its _transmit() runs later, and sends what stands here
    if transport._forward_tsn_chunk is None and uint32_gt(transport._advanced_peer_ack_tsn, transport._last_sacked_tsn):
        # Without streams: only messages without order are ever given up here.
        transport._forward_tsn_chunk = ForwardTsnChunk()
        transport._forward_tsn_chunk.cumulative_tsn = transport._advanced_peer_ack_tsn


def mend():
    RTCSctpTransport._update_advanced_peer_ack_point = advance
    RTCSctpTransport._t3_expired = expire
