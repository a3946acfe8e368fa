#include "turn/relay.h"

#include <algorithm>

#include "core/buffer_pool.h"
#include "stun/response.h"
#include "turn/channel_data.h"
#include "turn/indication.h"

namespace bamgate::testing {

using namespace stun;

std::size_t Relay::count(Method method) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(seen, [&](const Seen& request) { return request.method == method; }));
}

std::size_t Relay::deletions() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(seen, [](const Seen& request) { return request.lifetime == std::chrono::seconds(0); }));
}

void Relay::restart() {
  allocation.reset();
  nonce += "'";
}

std::optional<Relay::Packet> Relay::handle(Instant now, Bytes bytes) {
  const auto message = Message::parse(bytes);
  if (!message || message->message_class() != Class::kRequest) return std::nullopt;
  const bool is_signed = message->has(Attribute::kMessageIntegrity);
  seen.push_back({.at = now,
                  .method = message->method(),
                  .is_signed = is_signed,
                  .lifetime = message->lifetime(),
                  .peers = message->xor_addresses(Attribute::kXorPeerAddress, 64),
                  .bytes = {bytes.begin(), bytes.end()}});
  if (silent) return std::nullopt;
  if (!is_signed) return respond(*message, 401, false);
  const auto key = long_term_key(crypto_, username, realm, password);
  if (message->text(Attribute::kUsername) != username || !check_integrity(*message, crypto_, key)) {
    return respond(*message, 401, false);
  }
  if (message->text(Attribute::kNonce) != nonce) return respond(*message, 438, false);
  if (auto& queue = errors[message->method()]; !queue.empty()) {
    const std::uint16_t code = queue.front();
    queue.pop_front();
    return respond(*message, code, !unsigned_errors);
  }
  if (allocation && allocation->expires <= now) allocation.reset();
  if (const std::uint16_t code = judge(now, *message)) return respond(*message, code, true);
  Packet out(1500);
  Builder builder = success_response(out, *message);
  perform(now, *message, builder);
  builder.integrity(crypto_, key).fingerprint();
  out.resize(builder.finish().value());
  return out;
}

std::uint16_t Relay::judge(Instant /*now*/, const Message& request) {
  if (request.method() == Method::kAllocate) return allocation ? 437 : 0;
  if (!allocation) return 437;
  if (request.method() == Method::kRefresh) return 0;
  return judge_peers(request);
}

std::uint16_t Relay::judge_peers(const Message& request) const {
  const auto peers = request.xor_addresses(Attribute::kXorPeerAddress, 64);
  if (peers.empty()) return 400;
  for (const Endpoint& peer : peers) {
    if (const auto found = refused.find(peer.address); found != refused.end()) return found->second;
  }
  const auto number = request.channel_number();
  if (request.method() != Method::kChannelBind) return 0;
  if (!number || !turn::is_channel(*number)) return 400;
  for (const auto& [bound, entry] : allocation->channels) {
    if ((bound == *number) != (entry.first == peers[0])) return 400;
  }
  return 0;
}

void Relay::perform(Instant now, const Message& request, Builder& builder) {
  const auto peers = request.xor_addresses(Attribute::kXorPeerAddress, 64);
  const bool deletes = request.method() == Method::kRefresh && request.lifetime() == std::chrono::seconds(0);
  if (deletes) {
    allocation.reset();
  } else if (request.method() == Method::kAllocate) {
    allocation = Allocation{.expires = now + lifetime, .permissions = {}, .channels = {}};
  } else if (request.method() == Method::kRefresh) {
    allocation->expires = now + lifetime;
  }
  for (const Endpoint& peer : peers) allocation->permissions[peer.address] = now + std::chrono::seconds(300);
  if (request.method() == Method::kChannelBind) {
    allocation->channels[*request.channel_number()] = {peers[0], now + std::chrono::seconds(600)};
  }
  if (const auto answer = answers.find(request.method()); answer != answers.end()) return answer->second(builder);
  if (request.method() == Method::kAllocate) {
    for (const Endpoint& address : relayed) builder.xor_address(Attribute::kXorRelayedAddress, address);
    builder.xor_address(Attribute::kXorMappedAddress, mapped);
    if (missing) builder.address_error_code({.family = Family::kV6, .error = {.code = *missing, .reason = "no"}});
  }
  if (request.method() == Method::kAllocate || request.method() == Method::kRefresh) {
    builder.lifetime(deletes ? std::chrono::seconds(0) : lifetime);
  }
}

Relay::Packet Relay::respond(const Message& request, std::uint16_t code, bool with_integrity) {
  Packet out(1500);
  Builder builder = error_response(out, request, code);
  if (code == 401 || code == 438) builder.text(Attribute::kRealm, realm).text(Attribute::kNonce, nonce);
  if (decorate && code != 401 && code != 438) decorate(builder);
  if (with_integrity) builder.integrity(crypto_, long_term_key(crypto_, username, realm, password));
  builder.fingerprint();
  out.resize(builder.finish().value());
  return out;
}

std::optional<Relay::Packet> Relay::from_peer(Instant now, const Endpoint& peer, Bytes data) {
  if (!allocation || allocation->permissions[peer.address] <= now) return std::nullopt;
  BufferPool pool;
  PacketBuffer packet = pool.copy(data);
  const auto channel = std::ranges::find_if(
      allocation->channels, [&](const auto& entry) { return entry.second.first == peer && now < entry.second.second; });
  if (channel != allocation->channels.end()) {
    (void)turn::seal_channel_data(packet, channel->first);
  } else {
    (void)turn::seal_indication(packet, Method::kData, {}, peer);
  }
  const Bytes sealed = packet.data();
  return Packet(sealed.begin(), sealed.end());
}

std::optional<std::pair<Endpoint, Relay::Packet>> Relay::to_peer(Instant now, Bytes message) const {
  if (!allocation || allocation->expires <= now) return std::nullopt;
  if (turn::is_channel_data(message)) {
    const auto parsed = turn::parse_channel_data(message);
    const auto channel = parsed ? allocation->channels.find(parsed->channel) : allocation->channels.end();
    if (channel == allocation->channels.end() || channel->second.second <= now) return std::nullopt;
    return std::pair(channel->second.first, Packet(parsed->data.begin(), parsed->data.end()));
  }
  const auto parsed = Message::parse(message);
  const auto send = parsed ? turn::parse_send(*parsed) : std::unexpected(turn::Error::kNotStun);
  if (!send) return std::nullopt;
  const auto permission = allocation->permissions.find(send->peer.address);
  if (permission == allocation->permissions.end() || permission->second <= now) return std::nullopt;
  return std::pair(send->peer, Packet(send->data->begin(), send->data->end()));
}

}  // namespace bamgate::testing
