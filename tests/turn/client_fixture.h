// A client and a relay that talk in virtual time, without loss unless a test asks for it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <vector>

#include "core/buffer_pool.h"
#include "support/seeded_random.h"
#include "turn/client.h"
#include "turn/relay.h"

namespace bamgate::turn {

using namespace std::chrono_literals;

inline constexpr Endpoint kServer{IpAddress::v4(203, 0, 113, 1), 3478};
inline constexpr Path kPath{.local = SocketId{1}, .remote = kServer, .relay = {}};
inline constexpr Endpoint kAlice{IpAddress::v4(198, 51, 100, 7), 1111};
inline constexpr Endpoint kBob{IpAddress::v4(198, 51, 100, 8), 2222};
inline const Endpoint kCarol6{IpAddress::parse("2001:db8::9").value(), 3333};

class TurnClientTest : public ::testing::Test {
 protected:
  void make(ClientOptions options = {}) {
    options.server = kServer;
    client_ = std::make_unique<Client>(options, credentials(), random_, crypto_);
  }
  static Credentials credentials(std::string_view password = "secret") {
    return {.username = "me", .password = SecretText(password)};
  }
  // The client has an allocation.
  void make_ready(ClientOptions options = {}) {
    make(options);
    client_->set_transport(now_, kPath);
    run();
    ASSERT_EQ(client_->state(), Client::State::kReady);
  }

  /// Carries what is to be sent, and the answers, until nothing moves; then takes the events.
  void run() {
    for (int step = 0; step < 1000; ++step) {
      std::array<std::byte, 2048> buffer;
      const auto transmit = client_->poll_transmit(now_, buffer);
      if (!transmit) break;
      EXPECT_EQ(transmit->path, client_->transport());
      ++sent_;
      const Bytes message = Bytes(buffer).first(transmit->size);
      last_sent_.assign(message.begin(), message.end());
      auto answer = relay_.handle(now_, message);
      if (!answer || lost_) continue;
      (void)client_->handle_input(now_, {.path = transmit->path, .data = *answer});
    }
    while (auto event = client_->poll_event()) events_.push_back(std::move(*event));
  }
  /// Lets time pass, deadline by deadline.
  void pass(Duration duration) {
    const Instant end = now_ + duration;
    for (int step = 0; step < 100000 && client_->next_timeout() <= end; ++step) {
      now_ = std::max(now_, client_->next_timeout());
      client_->handle_timeout(now_);
      run();
      ASSERT_LT(step, 99999) << "the client never rests";
    }
    now_ = end;
  }

  /// All events of a kind since the last clear_events().
  template <typename Kind>
  std::vector<Kind> events() const {
    std::vector<Kind> found;
    for (const Event& event : events_) {
      if (const auto* kind = std::get_if<Kind>(&event)) found.push_back(*kind);
    }
    return found;
  }
  void clear() {
    events_.clear();
    relay_.seen.clear();
  }
  /// What the relay hands to the peer when the client sends this; the way it went is in sealed_.
  std::optional<std::pair<Endpoint, testing::Relay::Packet>> send(const Endpoint& peer, std::string_view text) {
    PacketBuffer packet = pool_.copy(as_bytes(text));
    sealed_ = client_->seal(now_, peer, packet);
    return sealed_ ? relay_.to_peer(now_, packet.data()) : std::nullopt;
  }
  /// What the client hands over when the peer sends this.
  std::optional<std::pair<Endpoint, std::string>> arrive(const Endpoint& peer, std::string_view text) {
    const auto message = relay_.from_peer(now_, peer, as_bytes(text));
    if (!message) return std::nullopt;
    PacketBuffer packet = pool_.copy(*message);
    const auto opened = client_->open(now_, packet);
    if (!opened || !*opened) return std::nullopt;
    return std::pair(**opened, std::string(as_text(packet.data())));
  }

  testing::SeededRandom random_{1};
  os::NativeCrypto crypto_;
  BufferPool pool_;
  testing::Relay relay_;
  std::unique_ptr<Client> client_;
  Instant now_{1h};
  bool lost_ = false;  // answers do not arrive
  std::size_t sent_ = 0;
  std::vector<std::byte> last_sent_;
  std::vector<Event> events_;
  std::expected<void, Error> sealed_;
};

class TurnClient : public TurnClientTest {};

}  // namespace bamgate::turn
