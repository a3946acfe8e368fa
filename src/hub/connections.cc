#include "hub/connections.h"

#include <algorithm>
#include <variant>

#include "core/encoding.h"
#include "hub/addresses.h"
#include "hub/device_keys.h"
#include "hub/names.h"
#include "json/parse.h"
#include "json/write.h"

namespace bamgate::hub {
namespace {

bool is_other_address(const std::string& claimed, const IpPrefix& own) {
  return !claimed.empty() && IpPrefix::parse(claimed) != own;
}

struct CloseEvent {
  LogLevel level;
  std::string_view name;
};

/// How the log calls a connection that the hub closes.
CloseEvent event_of(CloseCode code) {
  switch (code) {
    case CloseCode::kTooSlow:
      return {LogLevel::kInfo, "connection_too_slow"};
    case CloseCode::kMalformed:
      return {LogLevel::kInfo, "message_refused"};
    case CloseCode::kUnauthorized:
      return {LogLevel::kInfo, "new_token_wanted"};
    case CloseCode::kForbidden:
      return {LogLevel::kWarning, "join_refused"};
    case CloseCode::kReplaced:
      return {LogLevel::kDebug, "connection_replaced"};
    case CloseCode::kRevoked:
      return {LogLevel::kInfo, "connection_revoked"};
    case CloseCode::kFlooding:
      return {LogLevel::kWarning, "connection_flooding"};
    case CloseCode::kInternal:
      return {LogLevel::kWarning, "connection_failed"};
  }
  return {LogLevel::kWarning, "connection_closed"};
}

}  // namespace

std::optional<HttpReply> Connections::open(Instant now, ConnectionId id, const Login& login,
                                           const std::string& client) {
  const auto of_client = from_clients_.find(client);
  if (connections_.size() >= kMaxConnections ||
      (of_client != from_clients_.end() && of_client->second >= kMaxConnectionsOfClient)) {
    ++context_.counters.limited;
    return too_many("too_many_connections", "The hub holds as many connections as it can; wait.", 10);
  }
  // Of the connections that have not joined, a device keeps the newest.
  if (const auto older = unjoined_.find(login.device.id); older != unjoined_.end()) {
    end(connections_.find(older->second), CloseCode::kReplaced, "a newer connection of this device");
  }
  Connection connection;
  connection.device_id = login.device.id;
  connection.name = login.device.name;
  connection.client = client;
  connection.expires_at = login.expires_at;
  connection.join_deadline = now + kJoinTimeout;
  const auto [at, inserted] = connections_.emplace(id, std::move(connection));
  if (!inserted) return internal_error();
  at->second.slot = deadlines_.add(id);
  unjoined_[at->second.device_id] = id;
  ++from_clients_[client];
  schedule(at);
  return std::nullopt;
}

void Connections::on_text(Instant now, UnixTime unix_now, ConnectionId id, std::string_view text) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  Connection& connection = at->second;
  if (text.size() > kMaxMessage) return close(now, unix_now, at, CloseCode::kMalformed, "a message over 64 KiB");
  if (!connection.rate.arrived(now)) {
    return close(now, unix_now, at, CloseCode::kFlooding, "more than 2,000 messages a second");
  }
  if (!connection.waiting.empty() || !connection.rate.take(now)) return delay(now, unix_now, at, text);
  process(now, unix_now, at, text);
}

void Connections::on_binary(Instant now, UnixTime unix_now, ConnectionId id) {
  const auto at = connections_.find(id);
  if (at != connections_.end()) close(now, unix_now, at, CloseCode::kMalformed, "a binary message; signaling is text");
}

void Connections::on_close(Instant now, UnixTime unix_now, ConnectionId id) {
  const auto at = connections_.find(id);
  if (at != connections_.end()) forget(now, unix_now, at);
}

void Connections::on_sent(Instant now, UnixTime unix_now, ConnectionId id) {
  const auto at = connections_.find(id);
  if (at == connections_.end() || !at->second.joined || room_.on_sent(at->second.name, id)) return;
  close(now, unix_now, at, CloseCode::kTooSlow, "too slow");
}

void Connections::handle_timeout(Instant now, UnixTime unix_now) {
  if (room_.next_timeout() <= now)
    room_.handle_timeout(now, recent_revocations(context_.database, context_.clock.lived()));
  // Each turn either ends a connection, or moves its deadline past `now`.
  while (const auto id = deadlines_.take_due(now)) {
    const auto at = connections_.find(*id);
    if (!at->second.joined && at->second.join_deadline <= now) {
      close(now, unix_now, at, CloseCode::kMalformed, "no join within 10 seconds");
    } else {
      process_waiting(now, unix_now, *id);
    }
  }
}

Instant Connections::next_timeout() const { return std::min(deadlines_.next(), room_.next_timeout()); }

void Connections::revoke(Instant now, UnixTime unix_now, const Device& device, const std::vector<std::string>& keys,
                         std::string_view reason) {
  for (const std::string& key : keys) room_.announce_revoked({device.name, key});
  close_all_of(now, unix_now, device, CloseCode::kRevoked, reason);
  relay_.end_device(device, CloseCode::kRevoked, reason);
}

void Connections::rename(Instant now, UnixTime unix_now, const Device& device) {
  constexpr std::string_view kReason = "this device has another name now; refresh its token";
  close_all_of(now, unix_now, device, CloseCode::kUnauthorized, kReason);
  relay_.end_device(device, CloseCode::kUnauthorized, kReason);
}

void Connections::close_all_of(Instant now, UnixTime unix_now, const Device& device, CloseCode code,
                               std::string_view reason) {
  if (const auto pending = unjoined_.find(device.id); pending != unjoined_.end()) {
    close(now, unix_now, connections_.find(pending->second), code, reason);
  }
  const auto joined = room_.connection_of(device.name);
  if (!joined) return;
  const auto at = connections_.find(*joined);
  if (at != connections_.end() && at->second.device_id == device.id) close(now, unix_now, at, code, reason);
}

void Connections::process(Instant now, UnixTime unix_now, Map::iterator at, std::string_view text) {
  auto value = json::parse(text, {.max_bytes = kMaxMessage});
  if (!value) return close(now, unix_now, at, CloseCode::kMalformed, "not JSON");
  auto message = signaling::from_json(*value);
  if (!message) {
    // protocol.md: fields and message types that the receiver does not know are ignored.
    if (message.error() == signaling::Error::kUnknownType) {
      ++context_.counters.ignored;
      return;
    }
    return close(now, unix_now, at, CloseCode::kMalformed, "a field is missing or has the wrong form");
  }
  if (auto* request = std::get_if<signaling::Join>(&*message)) {
    return join(now, unix_now, at, std::move(request->self));
  }
  if (!at->second.joined) return close(now, unix_now, at, CloseCode::kMalformed, "the first message must be a join");
  if (const auto* offer = std::get_if<signaling::Offer>(&*message)) {
    return forward(now, unix_now, at, std::move(*value), offer->to, offer->public_key);
  }
  if (const auto* answer = std::get_if<signaling::Answer>(&*message)) {
    return forward(now, unix_now, at, std::move(*value), answer->to, answer->public_key);
  }
  if (const auto* candidate = std::get_if<signaling::IceCandidate>(&*message)) {
    return forward(now, unix_now, at, std::move(*value), candidate->to, {});
  }
  close(now, unix_now, at, CloseCode::kMalformed, "only the hub says this");
}

void Connections::join(Instant now, UnixTime unix_now, Map::iterator at, signaling::PeerInfo self) {
  Connection& connection = at->second;
  if (!connection.joined && (connection.expires_at <= unix_now || connection.join_deadline <= now)) {
    return connection.expires_at <= unix_now
               ? close(now, unix_now, at, CloseCode::kUnauthorized, "the access token has expired")
               : close(now, unix_now, at, CloseCode::kMalformed, "no join within 10 seconds");
  }
  const auto device = find_device(context_.database, connection.device_id);
  if (context_.database.failed()) return close(now, unix_now, at, CloseCode::kInternal, "the hub's database failed");
  if (!device || device->revoked_at) return close(now, unix_now, at, CloseCode::kRevoked, "this device was revoked");
  if (!check_identity(now, unix_now, at, *device, self)) return;
  std::string entry = signaling::write_entry(self);
  if (!signaling::fits_in_list(entry)) {
    return close(now, unix_now, at, CloseCode::kMalformed, "routes, metadata and other fields are too long");
  }
  if (!room_.contains(self.peer_id) && room_.size() >= kMaxRoom) {
    return close(now, unix_now, at, CloseCode::kFlooding, "1,024 devices are connected; no more fit in");
  }
  connection.public_key = std::move(self.public_key);
  if (!connection.joined) {
    connection.joined = true;
    unjoined_.erase(connection.device_id);
    set_last_seen(context_.database, connection.device_id, unix_now);
    context_.log(LogLevel::kDebug, "peer_joined", {{"device", connection.name}});
  }
  const auto replaced = room_.join(now, at->first, self.peer_id, std::move(entry),
                                   recent_revocations(context_.database, context_.clock.lived()));
  if (replaced) {
    // protocol.md: a peer that joins again replaces its old connection, and the close of the old one announces nothing.
    end(connections_.find(*replaced), CloseCode::kReplaced, "a newer connection of this device");
  }
  schedule(at);
}

/// protocol.md: the hub checks that peerId, publicKey and both addresses are those of the token's device. Closes when
/// they are not; fills in the IPv4 address. A device that leaves address6 out has none on its machine: then nobody is
/// told of one.
bool Connections::check_identity(Instant now, UnixTime unix_now, Map::iterator at, const Device& device,
                                 signaling::PeerInfo& self) {
  const IpPrefix address = address_of(context_.settings.subnet, device.host);
  const IpPrefix address6 = address6_of(context_.settings.prefix6, device.host);
  const auto refuse = [&](std::string_view reason) {
    ++context_.counters.refused_joins;
    close(now, unix_now, at, CloseCode::kForbidden, reason);
    return false;
  };
  if (self.peer_id != device.name) {
    if (!was_called(context_.database, device.id, self.peer_id)) return refuse("peerId is not this device's name");
    // It learns its new name with its next access token.
    close(now, unix_now, at, CloseCode::kUnauthorized, "this device has another name now; refresh its token");
    return false;
  }
  if (is_other_address(self.address, address)) return refuse("address is not this device's");
  if (is_other_address(self.address6, address6)) return refuse("address6 is not this device's");
  if (!array_from_base64<32>(self.public_key)) {
    close(now, unix_now, at, CloseCode::kMalformed, "publicKey must be 32 bytes in base64");
    return false;
  }
  if (device.public_key.empty()) {
    if (!bind_key(now, unix_now, at, device, self.public_key)) return false;
  } else if (self.public_key != device.public_key) {
    return refuse("publicKey is not this device's");
  }
  self.address = address.to_string();
  if (!self.address6.empty()) self.address6 = address6.to_string();
  return true;
}

/// protocol.md: a device registered without a key is bound to the key of its first join.
bool Connections::bind_key(Instant now, UnixTime unix_now, Map::iterator at, const Device& device,
                           const std::string& public_key) {
  if (find_device_by_key(context_.database, public_key)) {
    ++context_.counters.refused_joins;
    close(now, unix_now, at, CloseCode::kForbidden, "publicKey is another device's");
    return false;
  }
  std::vector<std::string> retired;
  const bool committed = context_.database.transaction([&] {
    retired = hub::bind_key(context_.database, device, public_key, context_.clock.lived());
    return true;
  });
  if (!committed) {
    close(now, unix_now, at, CloseCode::kInternal, "the hub's database failed");
    return false;
  }
  for (const std::string& key : retired) room_.announce_revoked({device.name, key});
  context_.log(LogLevel::kInfo, "key_bound", {{"device", device.name}});
  return true;
}

void Connections::forward(Instant now, UnixTime unix_now, Map::iterator at, json::Value message, const std::string& to,
                          const std::string& public_key) {
  if (!public_key.empty() && public_key != at->second.public_key) {
    ++context_.counters.refused_joins;
    return close(now, unix_now, at, CloseCode::kForbidden, "publicKey is not this device's");
  }
  message.set("from", at->second.name);
  std::string text = json::write(message);
  if (text.size() > kMaxMessage) return close(now, unix_now, at, CloseCode::kMalformed, "a message over 64 KiB");
  if (room_.forward(at->second.name, to, std::move(text))) {
    ++context_.counters.forwarded;
  } else {
    ++context_.counters.without_target;
  }
}

void Connections::delay(Instant now, UnixTime unix_now, Map::iterator at, std::string_view text) {
  Connection& connection = at->second;
  if (connection.waiting.size() >= kMaxWaiting || connection.waiting_bytes + text.size() > kMaxWaitingBytes) {
    return close(now, unix_now, at, CloseCode::kFlooding, "far more than 200 messages a second");
  }
  ++context_.counters.delayed;
  connection.waiting.emplace_back(text);
  connection.waiting_bytes += text.size();
  schedule(at);
}

void Connections::process_waiting(Instant now, UnixTime unix_now, ConnectionId id) {
  while (true) {
    const auto at = connections_.find(id);
    if (at == connections_.end()) return;
    Connection& connection = at->second;
    if (connection.waiting.empty() || !connection.rate.take(now)) return schedule(at);
    const std::string text = std::move(connection.waiting.front());
    connection.waiting.pop_front();
    connection.waiting_bytes -= text.size();
    process(now, unix_now, at, text);
  }
}

void Connections::close(Instant now, UnixTime unix_now, Map::iterator at, CloseCode code, std::string_view reason) {
  announce_close(at, code, reason);
  forget(now, unix_now, at);
}

void Connections::end(Map::iterator at, CloseCode code, std::string_view reason) {
  announce_close(at, code, reason);
  erase(at);
}

void Connections::announce_close(Map::iterator at, CloseCode code, std::string_view reason) {
  context_.effects.emplace_back(Close{at->first, code, std::string(reason)});
  const CloseEvent event = event_of(code);
  context_.log(event.level, event.name, {{"device", at->second.name}, {"reason", reason}});
}

void Connections::forget(Instant now, UnixTime unix_now, Map::iterator at) {
  const ConnectionId id = at->first;
  const bool joined = at->second.joined;
  const std::string name = at->second.name;
  const std::string device_id = at->second.device_id;
  erase(at);
  if (!joined) return;
  context_.log(LogLevel::kDebug, "peer_left", {{"device", name}});
  set_last_seen(context_.database, device_id, unix_now);
  room_.leave(now, name, id);
}

void Connections::erase(Map::iterator at) {
  deadlines_.remove(at->second.slot);
  if (!at->second.joined) unjoined_.erase(at->second.device_id);
  if (const auto of_client = from_clients_.find(at->second.client); --of_client->second == 0) {
    from_clients_.erase(of_client);
  }
  connections_.erase(at);
}

void Connections::schedule(Map::iterator at) {
  const Connection& connection = at->second;
  Instant deadline = connection.joined ? kNever : connection.join_deadline;
  if (!connection.waiting.empty() && connection.rate.next() < deadline) deadline = connection.rate.next();
  deadlines_.set(connection.slot, deadline);
}

}  // namespace bamgate::hub
