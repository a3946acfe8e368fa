#include "wg/net.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace bamgate::wg::testing {

Net::Node& Net::add(std::string_view address) {
  const PrivateKey key = PrivateKey::generate(random_);
  const Device::Options options{.local = key, .clock = {UnixTime{1'700'000'000}, now}};
  nodes_.push_back(std::make_unique<Node>(Node{key, endpoint(address), Device(options, random_), {}, {}}));
  return *nodes_.back();
}

PeerId Net::introduce(Node& from, const Node& to, bool blind) {
  const auto path = blind ? std::nullopt : std::optional(path_to(to.address));
  return from.device.add_peer({.remote = to.key.public_key(), .endpoint = path}).value();
}

bool Net::send(Node& from, PeerId peer, const Message& packet) {
  PacketBuffer buffer = pool_.copy(packet);
  const auto path = from.device.seal(now, peer, buffer);
  if (path) launch({from.address, path->remote, Message(buffer.data().begin(), buffer.data().end())});
  drain(from);
  return path.has_value();
}

void Net::inject(const Endpoint& from, const Node& to, const Message& message) {
  wire_.push_back({now + milliseconds(10), {from, to.address, message}});
}

void Net::run(Duration duration) {
  const Instant end = now + duration;
  for (const auto& node : nodes_) drain(*node);
  for (int steps = 0;; ++steps) {
    ASSERT_LT(steps, 1'000'000) << "the devices never come to rest";
    const Instant next = std::min(next_timeout(), wire_.empty() ? kNever : wire_.front().arrival);
    if (next > end) break;
    now = std::max(now, next);
    if (!wire_.empty() && wire_.front().arrival <= now) {
      Datagram datagram = std::move(wire_.front().datagram);
      wire_.pop_front();
      deliver(std::move(datagram));
    }
    for (const auto& node : nodes_) {
      if (node->device.next_timeout() > now) continue;
      node->device.handle_timeout(now);
      ASSERT_GT(node->device.next_timeout(), now) << "a timer that is due stays due";
      drain(*node);
    }
  }
  now = end;
}

std::vector<Net::Datagram> Net::sent(const Endpoint& from, MessageType type) const {
  std::vector<Datagram> found;
  std::ranges::copy_if(sent_, std::back_inserter(found), [&](const Datagram& datagram) {
    return datagram.from == from && message_type(datagram.message) == type;
  });
  return found;
}

void Net::drain(Node& node) {
  std::array<std::byte, 256> buffer{};
  for (int i = 0; const auto transmit = node.device.poll_transmit(now, buffer); ++i) {
    ASSERT_LT(i, 10'000) << "poll_transmit never ends";
    launch({node.address, transmit->path.remote, Message(buffer.begin(), buffer.begin() + transmit->size)});
  }
  while (const auto event = node.device.poll_event()) node.events.push_back(*event);
}

void Net::launch(Datagram datagram) {
  if (!lose(datagram)) wire_.push_back({now + milliseconds(10), datagram});
  sent_.push_back(std::move(datagram));
}

void Net::deliver(Datagram datagram) {
  const auto to = std::ranges::find(nodes_, datagram.to, [](const auto& node) { return node->address; });
  if (to == nodes_.end()) return;
  Node& node = **to;
  const Path path = path_to(datagram.from);
  if (message_type(datagram.message) == MessageType::kData) {
    PacketBuffer buffer = pool_.copy(datagram.message);
    const auto opened = node.device.open(now, path, buffer);
    if (opened && !opened->keepalive) {
      node.received[opened->peer].emplace_back(buffer.data().begin(), buffer.data().end());
    }
  } else {
    static_cast<void>(node.device.handle_input(now, Received{.path = path, .data = datagram.message}));
  }
  drain(node);
}

Instant Net::next_timeout() const {
  Instant next = kNever;
  for (const auto& node : nodes_) next = std::min(next, node->device.next_timeout());
  return next;
}

}  // namespace bamgate::wg::testing
