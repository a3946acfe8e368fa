// STUN servers, as the network before this machine lets them be asked.
#include <array>
#include <utility>

#include "doctor/probe.h"
#include "doctor/udp_port.h"
#include "net/clock.h"
#include "net/resolve.h"
#include "stun/builder.h"

namespace bamgate::doctor {
namespace {

constexpr auto kNamePatience = std::chrono::seconds(3);
constexpr auto kNatPatience = std::chrono::seconds(10);
// The sizes of links that are met: Ethernet, PPPoE, tunnels, and the least that IPv6 allows.
constexpr auto kLadder =
    std::to_array<std::uint16_t>({1500, 1492, 1480, 1472, 1464, 1460, 1452, 1440, 1432, 1420, 1400, 1360, 1320, 1280});
constexpr int kMtuRounds = 4;
constexpr auto kMtuRound = std::chrono::milliseconds(400);
// RFC 8489 §14: an attribute that nobody has registered and nobody needs to understand.
constexpr auto kFiller = static_cast<stun::Attribute>(0xfffe);
constexpr std::size_t kAttributeHead = 4;
constexpr std::size_t kFingerprintSize = 8;

std::size_t heads(const Endpoint& server) { return (server.address.is_v4() ? 20U : 40U) + 8U; }

/// A Binding request that fills an IP packet of `size` bytes.
std::vector<std::byte> filled_request(const Endpoint& server, std::uint16_t size, const stun::TransactionId& id) {
  std::vector<std::byte> message(size - heads(server));
  const std::vector<std::byte> filler(message.size() - stun::kHeaderSize - kAttributeHead - kFingerprintSize);
  const auto done = stun::Builder(message, stun::Class::kRequest, stun::Method::kBinding, id)
                        .bytes(kFiller, filler)
                        .fingerprint()
                        .finish();
  if (!done) message.clear();
  return message;
}

}  // namespace

asio::awaitable<NamedServer> find_server(Surroundings& around, stun::Uri uri) {
  NamedServer server;
  server.uri = uri;
  auto endpoints = co_await net::resolve(around.loop, uri.host, uri.port, net::now() + kNamePatience);
  if (endpoints) {
    server.endpoints = net::one_of_each_family(*endpoints);
  } else {
    server.why = endpoints.error().detail;
  }
  co_return server;
}

asio::awaitable<NatFindings> probe_nat(Surroundings& around, std::vector<Endpoint> servers) {
  NatFindings findings;
  findings.family = servers.front().address.family();
  auto port = UdpPort::open(around, servers.front().address);
  if (!port) co_return findings;
  findings.local = (*port)->local();
  stun::NatBehavior behavior(net::now(), findings.local, std::move(servers), around.random);
  co_await (*port)->drive(behavior, net::now() + kNatPatience, [](const stun::NatBehavior::Done&) { return true; });
  findings.answers = behavior.answers();
  findings.mapping = behavior.mapping();
  findings.filtering = behavior.filtering();
  co_return findings;
}

asio::awaitable<std::optional<std::uint16_t>> probe_path_mtu(Surroundings& around, Endpoint server) {
  auto port = UdpPort::open(around, server.address, true);
  if (!port) co_return std::nullopt;
  std::array<stun::TransactionId, kLadder.size()> ids{};
  for (stun::TransactionId& id : ids) id = stun::make_transaction_id(around.random);
  std::size_t best = kLadder.size();
  const auto take = [&](const Received& received) {
    const auto message = stun::Message::parse(received.data);
    if (!message || received.path.remote != server) return;
    // Any answer shows that the question has arrived.
    for (std::size_t i = 0; i < best; ++i) {
      if (ids[i] == message->id()) best = i;
    }
  };
  for (int round = 0; round < kMtuRounds && best > 0; ++round) {
    for (std::size_t i = 0; i < best; ++i) (*port)->send(server, filled_request(server, kLadder[i], ids[i]));
    const Instant end = net::now() + kMtuRound;
    while (net::now() < end && best > 0) co_await (*port)->wait(end, take);
  }
  if (best == kLadder.size()) co_return std::nullopt;
  co_return kLadder[best];
}

}  // namespace bamgate::doctor
