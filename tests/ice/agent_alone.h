// One ICE agent alone: its datagrams are written and read by the test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "ice/check_message.h"
#include "stun/binding.h"
#include "stun/builder.h"
#include "stun/integrity.h"
#include "virtual_network.h"

namespace bamgate::ice {

using namespace std::chrono_literals;
using bamgate::testing::SeededRandom;

inline constexpr auto kSocket = static_cast<SocketId>(5);
inline constexpr auto kOther = static_cast<SocketId>(6);

struct Sent {
  Instant when;
  Path path;
  std::vector<std::byte> bytes;
};

/// An agent, its clock, and a hand-made peer.
class IceAgentAlone : public ::testing::Test {
 protected:
  void start(StartOptions options = {}) {
    if (!options.local.valid()) options.local = Credentials::generate(random);
    agent.emplace(random, options.stun_servers, options, random, crypto);
  }
  void start_with_host(StartOptions options = {}) {
    start(std::move(options));
    agent->add_local_address(now, kSocket, *Endpoint::parse("192.0.2.10:7000"));
  }
  /// Whatever the agent wants to send now.
  std::vector<Sent> drain() {
    std::vector<Sent> sent;
    std::array<std::byte, 1200> buffer{};
    while (const auto out = agent->poll_transmit(now, buffer)) {
      sent.push_back({now, out->path, {buffer.begin(), buffer.begin() + out->size}});
    }
    while (const auto event = agent->poll_event()) events.push_back(*event);
    return sent;
  }
  std::vector<Sent> run_for(Duration duration) {
    std::vector<Sent> all = drain();
    const Instant end = now + duration;
    for (int step = 0; step < 100'000; ++step) {
      const Instant next = agent->next_timeout();
      if (next > end) break;
      EXPECT_GE(next, now);
      now = std::max(now, next);
      agent->handle_timeout(now);
      for (auto& sent : drain()) all.push_back(std::move(sent));
    }
    now = end;
    return all;
  }
  std::expected<void, Error> receive(const Path& path, std::vector<std::byte> bytes) {
    return agent->handle_input(now, {.path = path, .data = bytes});
  }
  static Path from(std::string_view endpoint) { return {kSocket, *Endpoint::parse(endpoint), RelayId::kNone}; }
  /// A check of the peer.
  std::vector<std::byte> check(bool use_candidate = false, Role role = Role::kControlled,
                               std::uint64_t tie_breaker = 1) {
    const OutgoingCheck out{stun::make_transaction_id(random), role, tie_breaker, 1000, use_candidate};
    return write_check(crypto, out, remote, agent->local_credentials());
  }
  /// The peer's answer to a check of the agent.
  std::vector<std::byte> answer(const Sent& sent, std::string_view mapped = "192.0.2.10:7000") {
    const auto message = stun::Message::parse(sent.bytes);
    return write_check_success(crypto, message->id(), *Endpoint::parse(mapped), remote);
  }
  static bool is_request(const Sent& sent) {
    return stun::Message::parse(sent.bytes)->message_class() == stun::Class::kRequest;
  }
  static bool has_use_candidate(const Sent& sent) {
    return stun::Message::parse(sent.bytes)->has(stun::Attribute::kUseCandidate);
  }
  std::optional<Sent> first_request(const std::vector<Sent>& all) {
    const auto found = std::ranges::find_if(all, is_request);
    return found == all.end() ? std::nullopt : std::optional(*found);
  }
  Candidate host(std::string_view endpoint, std::uint32_t priority = 2130706431, std::string foundation = "1") {
    return {CandidateType::kHost, std::move(foundation), priority, *Endpoint::parse(endpoint), std::nullopt};
  }
  template <typename T>
  std::size_t count_events() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(events, [](const auto& event) { return std::holds_alternative<T>(event); }));
  }

  Instant now = Instant{} + 1h;
  SeededRandom random{99};
  os::NativeCrypto crypto;
  Credentials remote{"peer", std::string(24, 'r')};
  std::optional<WithGatherer<Agent>> agent;
  std::vector<Agent::Event> events;
};

}  // namespace bamgate::ice
