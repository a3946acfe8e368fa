// TURN: what one packet costs at the client on its way to a relay and back, through a channel and without one.
#include <array>
#include <memory>

#include "core/buffer_pool.h"
#include "os/native_crypto.h"
#include "support/seeded_random.h"
#include "turn/channel_data.h"
#include "turn/client.h"
#include "turn/relay.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

constexpr Endpoint kRelayServer{IpAddress::v4(203, 0, 113, 1), 3478};
constexpr std::size_t kRelayedPeers = 100;
constexpr std::size_t kRelayedPacket = 1200;

// A client with an allocation and a channel to each of a hundred peers, or permissions alone.
struct Relayed {
  testing::SeededRandom random{1};
  os::NativeCrypto crypto;
  BufferPool pool;
  testing::Relay relay;
  turn::Client client{{.server = kRelayServer}, {.username = "me", .password = SecretText("secret")}, random, crypto};
  Instant now{std::chrono::hours(1)};
  PacketBuffer packet = pool.copy(std::vector<std::byte>(kRelayedPacket));
  std::size_t next = 0;

  explicit Relayed(bool with_channels) {
    client.set_transport(now, {.local = SocketId{1}, .remote = kRelayServer, .relay = {}});
    for (std::size_t i = 0; i < kRelayedPeers; ++i) {
      const bool wanted = (with_channels ? client.bind(now, peer(i)) : client.permit(now, peer(i).address)).has_value();
      require(wanted, "a hundred peers have room");
    }
    carry();
    require(client.state() == turn::Client::State::kReady, "there is an allocation");
  }

  static Endpoint peer(std::size_t i) { return {IpAddress::v4(0x0a000000U + static_cast<std::uint32_t>(i)), 5000}; }
  Endpoint next_peer() { return peer(next++ % kRelayedPeers); }

  void carry() {
    std::array<std::byte, 2048> buffer;
    while (const auto transmit = client.poll_transmit(now, buffer)) {
      auto answer = relay.handle(now, Bytes(buffer).first(transmit->size));
      if (answer) require(client.receive(now, *answer).has_value(), "the answer is taken");
    }
    while (client.poll_event()) {
    }
  }

  void seal(std::size_t head) {
    require(client.seal(now, next_peer(), packet).has_value(), "the packet is sealed");
    packet.remove_prefix(head);
  }
  void open() {
    const auto opened = client.open(now, packet);
    require(opened && *opened, "the packet is opened");
    packet.prepend(turn::kChannelHeader);  // which nobody has touched
  }
};

}  // namespace

void add_turn(Workloads& all) {
  all.push_back({"turn/seal/1200", kRelayedPacket, [] {
                   return Instance{
                       .run = [relayed = std::make_shared<Relayed>(true)] { relayed->seal(turn::kChannelHeader); }};
                 }});
  all.push_back({"turn/open/1200", kRelayedPacket, [] {
                   const auto relayed = std::make_shared<Relayed>(true);
                   const auto sealed = relayed->client.seal(relayed->now, Relayed::peer(7), relayed->packet);
                   require(sealed.has_value(), "the packet is sealed");
                   return Instance{.run = [relayed] { relayed->open(); }};
                 }});
  all.push_back({"turn/indication/1200", kRelayedPacket,
                 [] { return Instance{.run = [relayed = std::make_shared<Relayed>(false)] { relayed->seal(36); }}; }});
}

}  // namespace bamgate::bench
