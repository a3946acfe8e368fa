// ICE: one consent check and its answer between two agents that are connected (RFC 7675 §5.1), what a path costs while
// it lives.
#include <algorithm>
#include <array>
#include <memory>

#include "ice/agent.h"
#include "os/native_crypto.h"
#include "support/seeded_random.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

struct Side {
  Side(std::uint64_t seed, ice::Role role, std::string_view own) : random(seed), address(*Endpoint::parse(own)) {
    ice::Options options;
    options.role = role;
    options.local = ice::Credentials::generate(random);
    agent = std::make_unique<ice::Agent>(std::move(options), random, crypto);
  }

  testing::SeededRandom random;
  os::NativeCrypto crypto;
  Endpoint address;
  SocketId socket{1};
  std::unique_ptr<ice::Agent> agent;
};

struct Pair {
  Side a{1, ice::Role::kControlling, "192.0.2.1:40001"};
  Side b{2, ice::Role::kControlled, "192.0.2.2:40002"};
  Instant now{std::chrono::hours(1)};
  std::array<std::byte, 1200> buffer{};

  Pair() {
    introduce(a, b);
    introduce(b, a);
    for (int i = 0; i < 1000 && !(a.agent->may_send() && b.agent->may_send()); ++i) advance();
    require(a.agent->may_send() && b.agent->may_send(), "both agents connect");
    for (int i = 0; i < 100; ++i) advance();
  }

  void introduce(Side& side, Side& other) {
    side.agent->add_local_address(now, side.socket, side.address);
    side.agent->set_local_candidates_complete(now);
    require(side.agent->set_remote_credentials(now, other.agent->local_credentials()).has_value(), "credentials fit");
    const ice::Candidate candidate{ice::CandidateType::kHost, "1", 2'130'706'431, other.address, {}};
    require(side.agent->add_remote_candidate(now, candidate).has_value(), "the candidate is usable");
    side.agent->set_remote_candidates_complete(now);
  }

  /// Goes to the next deadline and carries what follows from it.
  void advance() {
    now = std::max(now, std::min(a.agent->next_timeout(), b.agent->next_timeout()));
    for (Side* side : {&a, &b}) {
      if (side->agent->next_timeout() <= now) side->agent->handle_timeout(now);
    }
    while (carry(a, b) || carry(b, a)) {
    }
  }

  bool carry(Side& from, Side& to) {
    bool any = false;
    while (const auto transmit = from.agent->poll_transmit(now, buffer)) {
      any = true;
      (void)to.agent->handle_input(now, {.path = {.local = to.socket, .remote = from.address},
                                         .data = MutableBytes(buffer).first(transmit->size)});
    }
    for (Side* side : {&from, &to}) {
      while (side->agent->poll_event()) {
      }
    }
    return any;
  }
};

}  // namespace

void add_ice(Workloads& all) {
  all.push_back({"ice/check", 0, [] {
                   return Instance{.run = [pair = std::make_shared<Pair>()] {
                     const auto answered = [&] {
                       return pair->a.agent->counters().consent_answered + pair->b.agent->counters().consent_answered;
                     };
                     const auto before = answered();
                     while (answered() == before) pair->advance();
                   }};
                 }});
}

}  // namespace bamgate::bench
