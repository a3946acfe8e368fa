// Drives a signaling::Client in virtual time: plays the hub and the owner of the connection.
#pragma once

#include <gtest/gtest.h>

#include "signaling/client.h"

#include "support/seeded_random.h"

namespace bamgate::signaling {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline PeerInfo peer(std::string name) {
  PeerInfo info;
  info.peer_id = std::move(name);
  info.public_key = "S0VZ";
  return info;
}

inline std::string list_of(std::vector<std::string> names, bool more = false) {
  Peers list;
  for (std::string& name : names) list.peers.push_back(peer(std::move(name)));
  list.more = more;
  return write(list);
}

/// Drives a client and writes down what it asked for and told.
class Driver {
 public:
  enum class Network { kUp, kRefusesConnections, kSilent };

  explicit Driver(std::uint64_t seed = 1) : random(seed), client(peer("me"), random) {}

  /// Runs until `until`, answering effects at once as `network` says.
  void run(Duration duration) {
    const Instant end = now + duration;
    drain();
    for (int steps = 0; client.next_timeout() <= end; ++steps) {
      ASSERT_LT(steps, 2'000'000) << "the machine spins";
      now = std::max(now, client.next_timeout());
      client.handle_timeout(now);
      drain();
    }
    now = end;
  }
  void drain() {
    while (true) {
      if (auto effect = client.poll_effect()) {
        handle(*effect);
      } else if (auto event = client.poll_event()) {
        events.push_back(std::move(*event));
      } else {
        return;
      }
    }
  }
  void text(std::string_view text) {
    client.on_text(now, text);
    drain();
  }
  void closed(std::uint16_t code) {
    client.on_closed(now, code);
    drain();
  }
  void go_online() {
    client.start(now);
    run(seconds(1));
    ASSERT_TRUE(client.online());
    events.clear();
    effects.clear();
  }
  /// How often an effect of that type was asked for, and an event told.
  template <typename T>
  std::size_t effects_of() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(effects, [](const auto& entry) { return std::holds_alternative<T>(entry.second); }));
  }
  template <typename T>
  std::vector<T> events_of() const {
    std::vector<T> found;
    for (const Client::Event& event : events) {
      if (const T* content = std::get_if<T>(&event)) found.push_back(*content);
    }
    return found;
  }
  std::vector<Instant> connect_times() const {
    std::vector<Instant> times;
    for (const auto& [time, effect] : effects) {
      if (std::holds_alternative<Connect>(effect)) times.push_back(time);
    }
    return times;
  }

  testing::SeededRandom random;
  Client client;
  Instant now = Instant() + hours(1000);
  Network network = Network::kUp;
  bool answer_pings = true;
  bool give_tokens = true;
  HubFault token_fault;    // without give_tokens
  HubFault connect_fault;  // with kRefusesConnections
  std::string join_answer = list_of({"a", "b"});
  std::vector<std::pair<Instant, Client::Effect>> effects;
  std::vector<Client::Event> events;

 private:
  void handle(const Client::Effect& effect) {
    effects.emplace_back(now, effect);
    if (std::holds_alternative<NeedAccessToken>(effect)) {
      if (give_tokens) {
        client.on_access_token(now, "token-" + std::to_string(++tokens_));
      } else {
        client.on_token_failed(now, token_fault);
      }
    } else if (std::holds_alternative<Connect>(effect)) {
      if (network == Network::kUp) client.on_open(now);
      if (network == Network::kRefusesConnections) client.on_connect_failed(now, connect_fault);
    } else if (const SendText* sent = std::get_if<SendText>(&effect)) {
      const auto message = parse(sent->text);
      ASSERT_TRUE(message.has_value());
      if (std::holds_alternative<Join>(*message) && !join_answer.empty()) client.on_text(now, join_answer);
    } else if (std::holds_alternative<Ping>(effect)) {
      if (answer_pings && network == Network::kUp) client.on_pong(now);
    }
  }
  int tokens_ = 0;
};

}  // namespace bamgate::signaling
