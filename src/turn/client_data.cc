// The data path of a TURN client: packets are sealed and opened where they lie (RFC 8656 §11, §12).
#include "stun/message.h"
#include "turn/channel_data.h"
#include "turn/client.h"
#include "turn/framing.h"
#include "turn/indication.h"

namespace bamgate::turn {

Error Client::drop(Error error) {
  switch (error) {
    case Error::kNotTurn:
    case Error::kTruncated:
    case Error::kBadChannel:
    case Error::kNotStun:
    case Error::kBadIndication:
    case Error::kFrameTooLarge:
    case Error::kBadFrame:
      ++counters_.malformed;
      break;
    case Error::kNoRoom:
    case Error::kNotAllocated:
    case Error::kNoPermission:
    case Error::kTooMany:
      ++counters_.not_sent;
      break;
    case Error::kUnknownPeer:
    case Error::kPeerData:
      ++counters_.unknown_peer;
      break;
    case Error::kUnexpected:
      ++counters_.unexpected;
      break;
    case Error::kForged:
      ++counters_.forged;
      break;
    case Error::kOtherSource:
      ++counters_.other_source;
      break;
  }
  return error;
}

std::expected<void, Error> Client::seal(Instant now, const Endpoint& peer, PacketBuffer& packet) {
  if (state_ != State::kReady) return std::unexpected(drop(Error::kNotAllocated));
  const auto channel = channels_.number_for(now, peer);
  // RFC 8656 §11.1: no Send indication without a permission. A channel needs one as well (§12.6), and has it by its own
  // binding for half of its life.
  if (!permissions_.is_active(now, peer.address)) return std::unexpected(drop(Error::kNoPermission));
  // The transaction id of an indication is there for nobody: random ones would cost more than the packet.
  const auto sealed = channel ? seal_channel_data(packet, *channel)
                              : seal_indication(packet, stun::Method::kSend, stun::TransactionId{}, peer);
  if (!sealed) return std::unexpected(drop(sealed.error()));
  if (channel && options_.transport == Transport::kStream && !pad_frame(packet)) {
    packet.remove_prefix(kChannelHeader);
    return std::unexpected(drop(Error::kNoRoom));
  }
  ++(channel ? counters_.sent_channel_data : counters_.sent_indications);
  last_sent_ = now;
  return {};
}

std::expected<std::optional<FromPeer>, Error> Client::take_channel_data(Instant now, MutableBytes message) {
  const auto parsed = parse_channel_data(message);
  if (!parsed) return std::unexpected(drop(parsed.error()));
  const auto peer = channels_.peer_of(now, parsed->channel);
  // RFC 8656 §12.6: discarded where no channel is bound, or where we believe that there is no permission.
  const bool known = state_ == State::kReady && peer &&
                     (permissions_.is_active(now, peer->address) || permissions_.is_wanted(peer->address));
  if (!known) return std::unexpected(drop(Error::kUnknownPeer));
  ++counters_.received_channel_data;
  return FromPeer{.peer = *peer, .data = message.subspan(kChannelHeader, parsed->data.size())};
}

std::expected<std::optional<FromPeer>, Error> Client::take_indication(Instant now, const stun::Message& indication,
                                                                      MutableBytes message) {
  const auto data = parse_data(indication);
  if (!data) return std::unexpected(drop(data.error()));
  // RFC 8656 §11.4, §11.6: discarded where we believe that there is no permission.
  const IpAddress& address = data->peer.address;
  const bool known =
      state_ == State::kReady && (permissions_.is_active(now, address) || permissions_.is_wanted(address));
  if (!known) return std::unexpected(drop(Error::kUnknownPeer));
  if (!data->data) {
    emit(IcmpHeard{.peer = data->peer, .error = *data->icmp});
    return std::nullopt;
  }
  ++counters_.received_indications;
  const auto before = static_cast<std::size_t>(data->data->data() - message.data());
  return FromPeer{.peer = data->peer, .data = message.subspan(before, data->data->size())};
}

std::expected<std::optional<FromPeer>, Error> Client::receive(Instant now, MutableBytes message) {
  if (is_channel_data(message)) return take_channel_data(now, message);
  if (!stun::is_stun(message)) return std::unexpected(drop(Error::kNotTurn));
  const auto parsed = stun::Message::parse(message);
  if (!parsed) return std::unexpected(drop(Error::kNotStun));
  if (parsed->is(stun::Class::kIndication, stun::Method::kData)) return take_indication(now, *parsed, message);
  // Requests and other indications come from nobody; handle_response() finds no request with their ids that it may
  // answer, since it looks at responses alone.
  const bool is_response =
      parsed->message_class() == stun::Class::kSuccess || parsed->message_class() == stun::Class::kError;
  if (!is_response) return std::unexpected(drop(Error::kUnexpected));
  const auto handled = handle_response(now, *parsed);
  settle(now);
  if (!handled) return std::unexpected(handled.error());
  return std::nullopt;
}

std::expected<Client::Opened, Error> Client::open(Instant now, PacketBuffer& packet) {
  const auto received = receive(now, packet.data());
  if (!received) return std::unexpected(received.error());
  if (!*received) {
    packet.remove_suffix(packet.size());
    return Opened{};
  }
  const MutableBytes data = (*received)->data;
  const auto before = static_cast<std::size_t>(data.data() - packet.data().data());
  packet.remove_suffix(packet.size() - before - data.size());
  packet.remove_prefix(before);
  return (*received)->peer;
}

std::expected<void, Error> Client::handle_input(Instant now, const Received& received) {
  if (!connected_ || received.path.remote != path_.remote) return std::unexpected(drop(Error::kOtherSource));
  const std::size_t stride = received.stride == 0 ? received.data.size() : received.stride;
  std::expected<void, Error> result;
  for (MutableBytes rest = received.data; !rest.empty();) {
    const std::size_t size = std::min(stride, rest.size());
    const auto handled = receive(now, rest.first(size));
    rest = rest.subspan(size);
    if (!handled) {
      result = std::unexpected(handled.error());
    } else if (*handled) {
      result = std::unexpected(drop(Error::kPeerData));
    }
  }
  return result;
}

}  // namespace bamgate::turn
