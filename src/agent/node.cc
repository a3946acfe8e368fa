#include "agent/node.h"

#include <algorithm>
#include <utility>

#include "stun/message.h"

namespace bamgate::agent {

Node::Node(const Options& options, Random& random, Crypto& crypto, BufferPool& pool)
    : gatherer_(random), relays_(options.device, options.turn_secret, options.clock, random, crypto, pool) {
  for (const Endpoint& server : options.stun_servers) gatherer_.add_server(Instant::min(), server);
}

// ---- Sockets ----

void Node::set_addresses(Instant now, const std::vector<IpPrefix>& addresses) {
  std::vector<Socket> former = std::exchange(sockets_, {});
  for (const IpPrefix& prefix : addresses) {
    if (sockets_.size() == kMaxSockets) break;
    const auto known = std::ranges::find(former, prefix.address, &Socket::address);
    if (known != former.end()) {
      sockets_.push_back(*known);
      former.erase(known);
    } else {
      sockets_.push_back({SocketId{next_socket_++}, prefix.address});
      ask_for(sockets_.back());
    }
  }
  for (const Socket& gone : former) close(gone);
  tell_relays(now);
  look_again(now);
}

void Node::ask_for(Socket& socket) {
  socket.state = State::kAsked;
  effects_.emplace_back(OpenSocket{socket.id, socket.address});
}

void Node::close(const Socket& socket) {
  gatherer_.remove_base(socket.id);
  directory_.remove(socket.id);
  std::erase_if(opened_, [&](const SocketOpened& opened) { return opened.socket == socket.id; });
  if (socket.state != State::kFailed) effects_.emplace_back(CloseSocket{socket.id});
}

void Node::on_socket(Instant now, SocketId socket, const Endpoint& base) {
  const auto found = std::ranges::find(sockets_, socket, &Socket::id);
  if (found == sockets_.end()) return;  // its address is gone meanwhile, and CloseSocket is under way
  found->state = State::kOpen;
  found->base = base;
  gatherer_.add_base(now, socket, base);
  opened_.push_back({socket, base});
  tell_relays(now);
}

void Node::tell_relays(Instant now) {
  std::vector<std::pair<SocketId, Family>> open;
  for (const SocketOpened& socket : sockets()) open.emplace_back(socket.socket, socket.base.address.family());
  relays_.set_sockets(now, open);
}

void Node::on_socket_failed(SocketId socket) {
  const auto found = std::ranges::find(sockets_, socket, &Socket::id);
  if (found != sockets_.end()) found->state = State::kFailed;
}

std::vector<SocketOpened> Node::sockets() const {
  std::vector<SocketOpened> open;
  for (const Socket& socket : sockets_) {
    if (socket.state == State::kOpen) open.push_back({socket.id, socket.base});
  }
  return open;
}

bool Node::has(SocketId socket) const {
  const auto found = std::ranges::find(sockets_, socket, &Socket::id);
  return (found != sockets_.end() && found->state == State::kOpen) || relays_.has(socket);
}

// ---- Findings ----

void Node::look_again(Instant now) {
  ask_again(now);
  relays_.look_again(now);
}

void Node::ask_again(Instant now) {
  asked_ = now;
  gatherer_.ask_again(now);
  relays_.check(now);
}

void Node::freshen(Instant now) {
  for (Socket& socket : sockets_) {
    if (socket.state == State::kFailed) ask_for(socket);
  }
  if (asked_ == Instant::min() || now - asked_ >= kFreshness) ask_again(now);
}

void Node::on_stun_resolved(Instant now, const std::string& name, const std::vector<Endpoint>& endpoints) {
  std::vector<Endpoint>& asked = stun_names_[name];
  std::erase_if(asked, [&](const Endpoint& former) {
    const bool stays = gatherer_.answers(former) || std::ranges::find(endpoints, former) != endpoints.end();
    if (!stays) gatherer_.remove_server(former);
    return !stays;
  });
  for (const Endpoint& endpoint : endpoints) {
    const auto serves = [&](const Endpoint& other) {
      return other == endpoint || other.address.family() == endpoint.address.family();
    };
    if (std::ranges::any_of(asked, serves)) continue;
    asked.push_back(endpoint);
    gatherer_.add_server(now, endpoint);
  }
}

void Node::handle_timeout(Instant now) {
  gatherer_.handle_timeout(now);
  if (gatherer_.take_silence()) effects_.emplace_back(ResolveServers{});
  relays_.handle_timeout(now);
}

// ---- Datagrams ----

// Type and class stand in the first two bytes: 0x0001 is a Binding request (RFC 8489 §5), and nothing else that leaves
// here begins so.
void Node::note_sent(AttemptId attempt, const Path& path, Bytes datagram) {
  if (datagram.size() < 2 || datagram[0] != std::byte{0} || datagram[1] != std::byte{1}) return;
  (void)directory_.claim(attempt, path, Claim::kAsked);  // beyond the bound the answer finds nobody
}

bool Node::take_response(Instant now, const Path& path, const stun::Message& message) {
  return gatherer_.handle_response(now, path, message).has_value();
}

// ---- Outputs ----

std::optional<Node::Event> Node::poll_event() {
  if (!opened_.empty()) {
    const SocketOpened opened = opened_.front();
    opened_.pop_front();
    return opened;
  }
  if (const auto found = gatherer_.poll_event()) return *found;
  if (const auto event = relays_.poll_event()) {
    if (const auto* gone = std::get_if<RelayGone>(&*event)) directory_.remove(gone->socket);
    return std::visit([](const auto& one) { return Event(one); }, *event);
  }
  return std::nullopt;
}

std::optional<Effect> Node::poll_effect() {
  if (auto effect = relays_.poll_effect()) return effect;
  if (effects_.empty()) return std::nullopt;
  std::optional<Effect> effect(std::move(effects_.front()));
  effects_.pop_front();
  return effect;
}

}  // namespace bamgate::agent
