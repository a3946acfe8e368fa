// The path of a packet: from the client's channel or indication to the peer's, in place wherever the peer has bound a
// channel.
#include "core/writer.h"
#include "stun/builder.h"
#include "turn/channel_data.h"
#include "turn/indication.h"
#include "turn/server.h"

namespace bamgate::turn {

Server::Reply Server::relay_channel(Instant now, const Input& input, MutableBytes out) {
  const auto data = parse_channel_data(input.message);
  if (!data) {
    ++counters_.malformed;
    return std::nullopt;
  }
  Allocation* from = allocations_.find(input.from);
  if (from == nullptr) {
    ++counters_.strangers;
    return std::nullopt;
  }
  const auto peer = from->peer_of(now, data->channel);
  if (!peer) {
    ++from->owner->counters.forbidden;
    ++relayed_.forbidden;
    return std::nullopt;
  }
  return relay(now, *from, *peer, input.message, data->data, out);
}

Server::Reply Server::relay_send(Instant now, const Input& input, const stun::Message& message, MutableBytes out) {
  Allocation* from = allocations_.find(input.from);
  if (from == nullptr) {
    ++counters_.strangers;
    return std::nullopt;
  }
  const auto send = parse_send(message);
  if (!send) {
    ++counters_.malformed;
    return std::nullopt;
  }
  const auto peer = relay_number(send->peer.address);
  if (!peer || send->peer.port != kRelayPort) {
    ++from->owner->counters.forbidden;
    ++relayed_.forbidden;
    return std::nullopt;
  }
  return relay(now, *from, *peer, input.message, *send->data, out);
}

// `data` lies within `message`, behind a header of four bytes at least: that of ChannelData, or of the attribute.
Server::Reply Server::relay(Instant now, Allocation& from, RelayNumber to, MutableBytes message, Bytes data,
                            MutableBytes out) {
  Allocation* peer = allocations_.find(to);
  if (peer == nullptr || !from.permits(now, to) || !peer->permits(now, from.number)) {
    ++from.owner->counters.forbidden;
    ++relayed_.forbidden;
    return std::nullopt;
  }
  const bool one_owner = from.owner == peer->owner;
  if (!from.owner->quota.has(now, data.size()) || !peer->owner->quota.has(now, data.size())) {
    ++from.owner->counters.over_quota;
    ++relayed_.over_quota;
    return std::nullopt;
  }
  Output output{peer->client, {}};
  if (const std::uint16_t channel = peer->channel_of(now, from.number); channel != 0) {
    const auto begin = static_cast<std::size_t>(data.data() - message.data()) - kChannelHeader;
    const MutableBytes framed = message.subspan(begin, kChannelHeader + data.size());
    Writer header(framed);
    header.u16(channel);
    header.u16(static_cast<std::uint16_t>(data.size()));
    output.message = framed;
  } else {
    // Nobody answers an indication, so its transaction id need not be random (RFC 8489 §5 asks so of requests).
    stun::Builder indication(out, stun::Class::kIndication, stun::Method::kData, {});
    indication.xor_address(stun::Attribute::kXorPeerAddress, relay_endpoint(from.number))
        .bytes(stun::Attribute::kData, data);
    const auto size = indication.finish();
    if (!size) return std::nullopt;
    output.message = Bytes(out).first(*size);
  }
  from.owner->quota.take(data.size());
  if (!one_owner) peer->owner->quota.take(data.size());
  for (RelayCounters* counters : {&from.owner->counters, &relayed_}) {
    ++counters->sent_packets;
    counters->sent_bytes += data.size();
  }
  for (RelayCounters* counters : {&peer->owner->counters, &relayed_}) {
    ++counters->received_packets;
    counters->received_bytes += data.size();
  }
  return output;
}

}  // namespace bamgate::turn
