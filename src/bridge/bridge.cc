#include "bridge/bridge.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "wg/ip_packet.h"

namespace bamgate::bridge {

const char* to_string(Error error) {
  switch (error) {
    case Error::kMalformedPacket:
      return "malformed packet";
    case Error::kNoPeer:
      return "no peer for this destination";
    case Error::kUnknownPeer:
      return "unknown peer";
    case Error::kWrongSource:
      return "source not allowed for this peer";
    case Error::kRefused:
      return "refused by the tunnel";
  }
  return "unknown error";
}

void Bridge::add_peer(PeerIndex peer, wg::Tunnel& tunnel) {
  const auto [entry, added] = peers_.try_emplace(peer);
  if (added) entry->second.expiry = expiries_.add(peer);
  drop_held(entry->second);
  entry->second.tunnel = &tunnel;
}

void Bridge::remove_peer(PeerIndex peer) {
  const auto entry = peers_.find(peer);
  if (entry == peers_.end()) return;
  drop_held(entry->second);
  for (const IpPrefix& prefix : entry->second.prefixes) allowed_ips_.remove(prefix);
  expiries_.remove(entry->second.expiry);
  peers_.erase(entry);
}

std::vector<IpPrefix> Bridge::set_allowed_ips(PeerIndex peer, std::span<const IpPrefix> prefixes) {
  const auto entry = peers_.find(peer);
  if (entry == peers_.end()) return {prefixes.begin(), prefixes.end()};
  for (const IpPrefix& prefix : std::exchange(entry->second.prefixes, {})) allowed_ips_.remove(prefix);
  std::vector<IpPrefix> refused;
  std::ranges::copy_if(prefixes, std::back_inserter(refused),
                       [&](const IpPrefix& prefix) { return !add_allowed_ip(peer, prefix); });
  return refused;
}

bool Bridge::add_allowed_ip(PeerIndex peer, const IpPrefix& prefix) {
  const auto entry = peers_.find(peer);
  const auto has = owner(prefix);
  if (entry == peers_.end() || (has && *has != peer)) return false;
  if (has) return true;
  allowed_ips_.insert(prefix, peer);
  entry->second.prefixes.push_back(prefix);
  return true;
}

std::expected<Outbound, Error> Bridge::from_tun(Instant now, PacketBuffer packet) {
  const auto header = wg::parse_ip_packet(packet.data());
  if (!header) return drop(Error::kMalformedPacket);
  const auto index = allowed_ips_.lookup(header->destination);
  const auto peer = index ? peers_.find(*index) : peers_.end();
  if (peer == peers_.end()) return drop(Error::kNoPeer);

  const auto sealed = peer->second.tunnel->seal(now, packet);
  if (sealed) {
    ++counters_.from_tun;
    return Outbound{peer->first, std::move(packet)};
  }
  if (sealed.error() != wg::Error::kNoKeypair) return drop(Error::kRefused);
  hold(now, peer->second, std::move(packet));
  return Outbound{peer->first, {}};
}

std::optional<Outbound> Bridge::poll_held(Instant now, PeerIndex index) {
  if (held_ == 0) return std::nullopt;
  expire_held(now);
  const auto peer = peers_.find(index);
  if (peer == peers_.end()) return std::nullopt;
  auto message = pop_sealed(now, peer->second);
  if (!message) return std::nullopt;
  return Outbound{index, std::move(*message)};
}

std::expected<std::optional<PacketBuffer>, Error> Bridge::from_peer(Instant now, PeerIndex index,
                                                                    PacketBuffer message) {
  const auto peer = peers_.find(index);
  if (peer == peers_.end()) return drop(Error::kUnknownPeer);
  wg::Tunnel& tunnel = *peer->second.tunnel;
  if (wg::message_type(message.data()) != wg::MessageType::kData) {
    const auto handled = tunnel.handle_input(now, Received{.path = {}, .data = message.data()});
    if (!handled) return drop(Error::kRefused);
    return std::nullopt;
  }
  const auto opened = tunnel.open(now, message);
  if (!opened) return drop(Error::kRefused);
  if (opened->keepalive) return std::nullopt;
  const auto header = wg::parse_ip_packet(message.data());
  if (!header || allowed_ips_.lookup(header->source) != index) return drop(Error::kWrongSource);
  ++counters_.to_tun;
  return std::optional<PacketBuffer>(std::move(message));
}

std::unexpected<Error> Bridge::drop(Error error) {
  drops_.add(error);
  return std::unexpected(error);
}

void Bridge::hold(Instant now, Peer& peer, PacketBuffer packet) {
  expire_held(now);
  if (peer.held.size() == kMaxHeld) {
    peer.held.pop_front();
    --held_;
    ++counters_.held_overflow;
  }
  peer.held.push_back(Held{std::move(packet), now});
  ++held_;
  ++counters_.held;
  schedule_expiry(peer);
}

void Bridge::drop_held(Peer& peer) {
  held_ -= peer.held.size();
  counters_.held_expired += peer.held.size();
  peer.held = {};
  schedule_expiry(peer);
}

void Bridge::expire_held(Instant now) {
  while (const auto due = expiries_.take_due(now)) {
    Peer& peer = peers_.find(*due)->second;
    while (!peer.held.empty() && now - peer.held.front().since > kMaxHeldTime) {
      peer.held.pop_front();
      --held_;
      ++counters_.held_expired;
    }
    schedule_expiry(peer);
  }
}

// A packet that has waited for exactly kMaxHeldTime may still leave. An empty queue gives its memory back.
void Bridge::schedule_expiry(Peer& peer) {
  if (peer.held.empty()) {
    peer.held = {};
    return expiries_.cancel(peer.expiry);
  }
  expiries_.set(peer.expiry, peer.held.front().since + kMaxHeldTime + Duration(1));
}

// Asks before it seals: an attempt without a session would count as a new wish for a handshake.
std::optional<PacketBuffer> Bridge::pop_sealed(Instant now, Peer& peer) {
  while (!peer.held.empty() && peer.tunnel->can_seal(now)) {
    PacketBuffer packet = std::move(peer.held.front().packet);
    peer.held.pop_front();
    --held_;
    schedule_expiry(peer);
    if (peer.tunnel->seal(now, packet)) {
      ++counters_.from_tun;
      return packet;
    }
    drops_.add(Error::kRefused);
  }
  return std::nullopt;
}

}  // namespace bamgate::bridge
