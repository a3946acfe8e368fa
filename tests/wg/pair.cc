#include "wg/pair.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace bamgate::wg::testing {
namespace {

constexpr UnixTime kEpoch{1'700'000'000};

Tunnel make_tunnel(const PrivateKey& local, const PublicKey& remote, const std::optional<PresharedKey>& preshared,
                   std::optional<seconds> keepalive, const PairOptions& options, Instant now, Random& random) {
  auto tunnel = Tunnel::create({.local = local,
                                .remote = remote,
                                .preshared = preshared,
                                .persistent_keepalive = keepalive,
                                .clock = {kEpoch, now},
                                .mtu = options.mtu,
                                .first_counter = options.first_counter},
                               random);
  return std::move(tunnel.value());
}

}  // namespace

Message ipv4_packet(std::size_t size, std::uint8_t mark) {
  Message packet(size, std::byte{mark});
  packet[0] = std::byte{0x45};
  packet[2] = static_cast<std::byte>(size >> 8);
  packet[3] = static_cast<std::byte>(size & 0xff);
  return packet;
}

Pair::Pair(PairOptions options)
    : random_(options.seed),
      key_a_(PrivateKey::generate(random_)),
      key_b_(PrivateKey::generate(random_)),
      a(make_tunnel(key_a_, options.remote_of_a.value_or(key_b_.public_key()), options.preshared_a,
                    options.persistent_keepalive_a, options, now, random_)),
      b(make_tunnel(key_b_, key_a_.public_key(), options.preshared_b, std::nullopt, options, now, random_)) {}

bool Pair::send(Side from, const Message& packet) {
  PacketBuffer buffer = pool_.copy(packet);
  const bool sealed = tunnel(from).seal(now, buffer).has_value();
  if (sealed) launch(from, Message(buffer.data().begin(), buffer.data().end()));
  drain();
  return sealed;
}

void Pair::inject(Side to, const Message& message) { wire_.push_back({now + delay, to, message}); }

void Pair::run(Duration duration) {
  const Instant end = now + duration;
  while (true) {
    ASSERT_LT(++steps, 20'000'000U) << "the tunnels never come to rest";
    drain();
    Instant next = std::min(a.next_timeout(), b.next_timeout());
    if (!wire_.empty()) next = std::min(next, wire_.front().arrival);
    if (next > end) break;
    now = std::max(now, next);
    if (!wire_.empty() && wire_.front().arrival <= now) {
      const Flight flight = wire_.front();
      wire_.pop_front();
      deliver(flight);
    } else {
      for (const Side side : {Side::kA, Side::kB}) {
        if (tunnel(side).next_timeout() > now) continue;
        tunnel(side).handle_timeout(now);
        ASSERT_GT(tunnel(side).next_timeout(), now) << "a timer that is due stays due";
      }
    }
  }
  now = end;
}

void Pair::connect() {
  a.initiate(now);
  run(seconds(1));
  ASSERT_TRUE(a.can_seal(now));
  ASSERT_TRUE(b.can_seal(now));
}

std::size_t Pair::sent(Side side, MessageType type) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      sent_, [&](const Sent& sent) { return sent.from == side && message_type(sent.message) == type; }));
}

Message Pair::last_sent(Side side, MessageType type) const {
  for (auto sent = sent_.rbegin(); sent != sent_.rend(); ++sent) {
    if (sent->from == side && message_type(sent->message) == type) return sent->message;
  }
  ADD_FAILURE() << "no such message was sent";
  return {};
}

std::size_t Pair::events(Side side, std::size_t index) const {
  return static_cast<std::size_t>(std::ranges::count(events_, std::pair(side, index)));
}

void Pair::launch(Side from, Message message) {
  if (!lose(from, message)) wire_.push_back({now + delay, other(from), message});
  sent_.push_back({from, std::move(message)});
}

void Pair::drain() {
  for (const Side side : {Side::kA, Side::kB}) {
    std::array<std::byte, 256> buffer{};
    for (int i = 0; const auto transmit = tunnel(side).poll_transmit(now, buffer); ++i) {
      ASSERT_LT(i, 10) << "poll_transmit never ends";
      launch(side, Message(buffer.begin(), buffer.begin() + transmit->size));
    }
    while (const auto event = tunnel(side).poll_event()) events_.emplace_back(side, event->index());
  }
}

void Pair::deliver(const Flight& flight) {
  Tunnel& to = tunnel(flight.to);
  if (message_type(flight.message) == MessageType::kData) {
    PacketBuffer buffer = pool_.copy(flight.message);
    const auto opened = to.open(now, buffer);
    if (!opened || opened->keepalive) return;
    auto& received = flight.to == Side::kA ? received_by_a : received_by_b;
    received.emplace_back(buffer.data().begin(), buffer.data().end());
  } else {
    Message message = flight.message;
    static_cast<void>(to.handle_input(now, Received{.path = {}, .data = message}));
  }
}

}  // namespace bamgate::wg::testing
