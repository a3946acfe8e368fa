// A TURN client by commands: peers that are wanted and given up, packets, transports that come and go, a relay that
// restarts, errs, changes its nonce, or is silent; answers that are late, doubled, damaged or never come, bytes of
// strangers, time. Input: the client's options, then commands. Oracle: what is sealed reaches the peer that it was for,
// or nobody; what is refused is left alone; no deadline lies in the past; a closed client is silent; a client whose
// relay has come to its senses has an allocation and its peers again.
#include <algorithm>
#include <array>
#include <deque>
#include <memory>

#include "core/buffer_pool.h"
#include "support/decoder.h"
#include "support/require.h"
#include "support/seeded_random.h"
#include "turn/client.h"
#include "turn/relay.h"

namespace bamgate::turn {
namespace {

using fuzz::require;

constexpr Endpoint kServer{IpAddress::v4(203, 0, 113, 1), 3478};
constexpr std::size_t kMostWaiting = 32;
constexpr std::array<std::uint16_t, 12> kErrors = {300, 400, 403, 420, 437, 440, 441, 442, 486, 500, 508, 699};
constexpr std::array kMethods = {stun::Method::kAllocate, stun::Method::kRefresh, stun::Method::kCreatePermission,
                                 stun::Method::kChannelBind};

class World {
 public:
  explicit World(fuzz::Decoder& input) : input_(input) {
    const std::uint8_t bits = input_.u8();
    transport_ = static_cast<Transport>(bits % 3);
    relay_.relayed.push_back({IpAddress::parse("2001:db8::5").value(), 50000});
    client_ = std::make_unique<Client>(ClientOptions{.server = kServer,
                                                     .transport = transport_,
                                                     .families = Families::kBoth,
                                                     .most_permissions = 6,
                                                     .most_channels = 5},
                                       credentials(), random_, crypto_);
  }

  void run() {
    for (int steps = 0; !input_.at_end() && steps < 200; ++steps) {
      step();
      settle();
    }
    calm();
  }

 private:
  using Packet = testing::Relay::Packet;

  static Credentials credentials(std::string_view password = "secret") {
    return {.username = "me", .password = SecretText(password)};
  }
  Path path() { return {.local = SocketId{1U + sockets_}, .remote = kServer, .relay = {}}; }
  Endpoint peer() {
    const auto which = static_cast<std::uint8_t>(input_.below(8));
    if (which == 7) return {IpAddress::parse("2001:db8::7").value(), 7};
    return {IpAddress::v4(10, 0, 0, which / 2), static_cast<std::uint16_t>(1000 + which)};
  }

  void step() {
    switch (input_.below(16)) {
      case 0:
        client_->set_transport(now_, path());
        break;
      case 1:
        ++sockets_;
        client_->clear_transport(now_);
        break;
      case 2:
      case 3:
        deliver();
        break;
      case 4:
        pass(std::chrono::milliseconds(250 * input_.u16()));
        break;
      case 5:
        (void)client_->permit(now_, peer().address);
        break;
      case 6:
        (void)client_->bind(now_, peer());
        break;
      case 7:
        input_.flag() ? client_->forbid(peer().address) : client_->unbind(peer());
        break;
      case 8:
        seal();
        break;
      case 9:
        arrive();
        break;
      case 10:
        vex_relay();
        break;
      case 11:
        client_->check(now_);
        break;
      case 12:
        client_->restart(now_);
        break;
      case 13:
        client_->set_credentials(now_, credentials(input_.flag() ? "secret" : "wrong"));
        break;
      case 14: {
        std::vector<std::byte> bytes = input_.copy();
        (void)client_->receive(now_, bytes);
        break;
      }
      case 15:
        if (input_.below(8) == 0) close();
        break;
    }
  }

  // What waits is delivered, once or twice, whole or damaged, or lost.
  void deliver() {
    if (waiting_.empty()) return;
    const std::uint8_t how = input_.u8();
    Packet packet = waiting_.front();
    if ((how & 1) == 0) waiting_.pop_front();
    if ((how & 6) == 6) return;
    if ((how & 24) == 24 && !packet.empty()) packet[input_.below(packet.size())] ^= std::byte{1};
    (void)client_->handle_input(now_, {.path = client_->transport(), .data = packet});
  }

  void vex_relay() {
    switch (input_.below(5)) {
      case 0:
        return relay_.restart();
      case 1:
        relay_.nonce += "x";
        if (relay_.nonce.size() > 60) relay_.nonce = "y";
        return;
      case 2:
        relay_.silent = input_.flag();
        return;
      case 3:
        relay_.errors[kMethods[input_.below(kMethods.size())]].push_back(kErrors[input_.below(kErrors.size())]);
        return;
      case 4:
        relay_.lifetime = std::chrono::seconds(1 + input_.u16() % 1200);
        return;
    }
  }

  void seal() {
    const Endpoint to = peer();
    PacketBuffer packet = pool_.copy(as_bytes("data"));
    if (!client_->seal(now_, to, packet)) {
      require(as_text(packet.data()) == "data", "what is refused is left alone");
      return;
    }
    if (transport_ == Transport::kStream) require(packet.size() % 4 == 0, "in a stream messages are padded");
    if (const auto arrived = relay_.to_peer(now_, packet.data())) {
      require(arrived->first == to && as_text(arrived->second) == "data", "it reaches the peer that it was for");
    }
  }

  void arrive() {
    const Endpoint from = peer();
    auto message = relay_.from_peer(now_, from, as_bytes("back"));
    if (!message) return;
    const auto received = client_->receive(now_, *message);
    if (!received || !*received) return;
    require((*received)->peer == from && as_text((*received)->data) == "back", "it is from the peer that sent it");
  }

  void close() {
    client_->close(now_);
    is_closed_ = true;
  }

  void pass(Duration duration) {
    const Instant end = now_ + duration;
    for (int rounds = 0; client_->next_timeout() <= end; ++rounds) {
      require(rounds < 20000, "a client rests between its deadlines");
      now_ = std::max(now_, client_->next_timeout());
      client_->handle_timeout(now_);
      settle();
      require(client_->next_timeout() > now_, "no deadline lies in the past");
    }
    now_ = end;
  }

  // What the client sends goes to the relay; its answers wait, or in calm arrive at once.
  void settle() {
    std::array<std::byte, 5000> buffer;
    for (int sent = 0; const auto transmit = client_->poll_transmit(now_, buffer); ++sent) {
      require(sent < 100, "a client does not send without end");
      require(client_->state() != Client::State::kClosed, "a closed client is silent");
      auto answer = relay_.handle(now_, Bytes(buffer).first(transmit->size));
      if (!answer) continue;
      if (is_calm_) {
        (void)client_->handle_input(now_, {.path = client_->transport(), .data = *answer});
      } else if (waiting_.size() < kMostWaiting) {
        waiting_.push_back(std::move(*answer));
      }
    }
    if (relay_.seen.size() > 1000) relay_.seen.clear();
    bool wanted = false;
    for (int events = 0; const auto event = client_->poll_event(); ++events) {
      require(events < 2000, "events come to an end");
      wanted = std::holds_alternative<TransportWanted>(*event);
    }
    if (is_calm_ && wanted) {
      client_->set_transport(now_, path());
      settle();
    }
  }

  // The relay behaves from now on.
  void calm() {
    if (is_closed_) {
      pass(std::chrono::seconds(3));
      require(client_->state() == Client::State::kClosed, "closing takes two seconds at most");
      require(client_->next_timeout() == kNever, "a closed client waits for nothing");
      return;
    }
    is_calm_ = true;
    waiting_.clear();
    relay_.silent = false;
    relay_.errors.clear();
    relay_.lifetime = std::chrono::seconds(600);
    relay_.restart();
    client_->set_credentials(now_, credentials());
    client_->clear_transport(now_);
    settle();
    pass(std::chrono::minutes(6));
    if (client_->state() == Client::State::kResting) client_->restart(now_);
    settle();
    pass(std::chrono::minutes(6));
    require(client_->state() == Client::State::kReady, "with a good relay there is an allocation");
    const Endpoint friendly{IpAddress::v4(10, 0, 0, 1), 1002};
    if (!client_->bind(now_, friendly)) return;  // the tables are full
    settle();
    pass(std::chrono::seconds(10));
    require(client_->has_permission(now_, friendly.address), "and a permission for whoever is wanted");
    require(client_->channel_for(now_, friendly).has_value(), "and a channel");
  }

  fuzz::Decoder& input_;
  testing::SeededRandom random_{1};
  os::NativeCrypto crypto_;
  BufferPool pool_;
  testing::Relay relay_;
  Transport transport_ = Transport::kUdp;
  std::unique_ptr<Client> client_;
  std::deque<Packet> waiting_;
  std::uint32_t sockets_ = 0;
  bool is_calm_ = false;
  bool is_closed_ = false;
  Instant now_{std::chrono::hours(1)};
};

}  // namespace
}  // namespace bamgate::turn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bamgate::fuzz::Decoder input(bamgate::fuzz::input_of(data, size));
  bamgate::turn::World(input).run();
  return 0;
}
