// Two ICE agents by commands: addresses and relays that come and go, trickle in any order, datagrams that are
// delivered, held, doubled, damaged, and whatever a peer who knows the passwords may forge: checks from anywhere,
// answers to checks and to requests to the STUN servers, role conflicts. Input: the options of both, then commands.
// Oracle: nothing goes to a stranger who never proved to know a password; an agent that has ended stays so and is
// silent; a selected path is a valid one; timers move on; every table keeps its bound.
#include "ice/agent.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "ice/with_gatherer.h"
#include "os/native_crypto.h"
#include "stun/binding.h"
#include "stun/builder.h"
#include "stun/response.h"
#include "support/decoder.h"
#include "support/require.h"
#include "support/seeded_random.h"

namespace {

using namespace bamgate;
using fuzz::require;
using std::chrono::milliseconds;

constexpr Endpoint kServer{IpAddress::v4(198, 51, 100, 53), 3478};
constexpr std::size_t kMostWaiting = 64;
constexpr RelayId kRelay{1};

struct Datagram {
  Path path;  // at the receiver
  std::vector<std::byte> bytes;
};

/// One agent, and what waits to reach it.
struct Side {
  Side(std::uint64_t seed, ice::Options options, const std::vector<Endpoint>& stun_servers) : random(seed) {
    options.local = ice::Credentials::generate(random);
    agent.emplace(random, stun_servers, std::move(options), random, crypto);
  }
  bool is_final() const { return agent->is_final(); }

  testing::SeededRandom random;
  os::NativeCrypto crypto;
  std::optional<ice::WithGatherer<ice::Agent>> agent;
  std::map<SocketId, Endpoint> sockets;
  std::vector<std::string> lines;     // its candidates, for the other side
  std::vector<Datagram> waiting;      // on their way to it
  std::vector<Datagram> requests;     // its latest, as it sent them
  std::set<Endpoint> known{kServer};  // whom it may write to
  std::size_t removals = 0;           // of addresses: each makes room for others
  std::optional<ice::State> ended_as;
};

class World {
 public:
  explicit World(fuzz::Decoder& input) : input_(input) {}

  void run() {
    for (int steps = 0; !input_.at_end() && steps < 300; ++steps) {
      step();
      for (Side* side : {&a_, &b_}) settle(*side);
    }
    for (int round = 0; round < 40; ++round) {
      pass(milliseconds(250));
      while (!a_.waiting.empty()) deliver(a_, take(a_, 0));
      while (!b_.waiting.empty()) deliver(b_, take(b_, 0));
    }
  }

 private:
  Side make(std::uint64_t seed) {
    ice::Options options;
    const unsigned bits = input_.u8();
    options.role = (bits & 1) != 0 ? ice::Role::kControlling : ice::Role::kControlled;
    const std::vector<Endpoint> servers((bits & 2) != 0 ? 1 : 0, kServer);
    if ((bits & 4) != 0) options.route_filter = ice::RouteFilter({IpPrefix{IpAddress::v4(10, 100, 0, 0), 16}});
    if ((bits & 8) != 0) options.relay_networks = {IpPrefix{IpAddress::v4(10, 255, 0, 0), 16}};
    options.allow_loopback = (bits & 16) != 0;
    return {seed, std::move(options), servers};
  }
  Side& other(Side& side) { return &side == &a_ ? b_ : a_; }

  void step() {
    const unsigned choice = input_.u8();
    Side& side = (choice & 1) != 0 ? a_ : b_;
    switch ((choice >> 1) % 16) {
      case 0:
        return add_address(side);
      case 1:
        if (!side.sockets.empty()) remove_address(side);
        return;
      case 2:
        return signal(side);
      case 3:
      case 4:
        return give_candidate(side);
      case 5:
      case 6:
      case 7:
        if (!side.waiting.empty()) deliver(side, take(side, input_.below(side.waiting.size())));
        return;
      case 8:
        while (!side.waiting.empty()) deliver(side, take(side, 0));
        return;
      case 9:
        return spoil(side);
      case 10:
        return forge_check(side);
      case 11:
        return forge_answer(side);
      case 12:
        return inject(side);
      case 13:
        return pass(milliseconds(input_.u8()));
      case 14:
        return pass(milliseconds(100 * input_.u8()));
      case 15:
        return finish(side);
    }
  }

  // ---- Addresses and signaling ----

  IpAddress address() {
    const auto host = static_cast<std::uint8_t>(1 + input_.below(6));
    switch (input_.below(6)) {
      case 0:
        return IpAddress::from_bytes(
            std::array<std::byte, 16>{std::byte{0x20}, std::byte{1}, std::byte{0xd}, std::byte{host}});
      case 1:
        return IpAddress::v4(10, 100, 0, host);
      case 2:
        return IpAddress::v4(10, 255, 0, host);
      case 3:
        return IpAddress::v4(127, 0, 0, host);
      default:
        return IpAddress::v4(192, 0, 2, host);
    }
  }

  void add_address(Side& side) {
    const auto socket = static_cast<SocketId>(1 + input_.below(8));
    const Endpoint base{address(), static_cast<std::uint16_t>(4000 + static_cast<unsigned>(socket))};
    if (input_.below(4) == 0 && !side.sockets.empty()) {
      const auto& [under, mapped] = *side.sockets.begin();
      side.agent->add_relayed(
          now_, {.relay = kRelay, .socket = under, .relayed = {IpAddress::v4(10, 255, 0, 1), 5000}, .related = mapped});
    } else if (side.sockets.emplace(socket, base).second) {
      side.agent->add_local_address(now_, socket, base);
    }
    if (input_.below(8) == 0) side.agent->add_stun_server(now_, kServer);
  }
  void remove_address(Side& side) {
    const auto at = std::next(side.sockets.begin(), static_cast<std::ptrdiff_t>(input_.below(side.sockets.size())));
    side.agent->remove_local_address(now_, at->first);
    side.sockets.erase(at);
    ++side.removals;
  }
  void signal(Side& side) {
    ice::Credentials theirs = other(side).agent->local_credentials();
    if (input_.below(16) == 0) theirs.pwd = std::string(input_.text());
    (void)side.agent->set_remote_credentials(now_, theirs);
  }
  void give_candidate(Side& side) {
    const auto& lines = other(side).lines;
    if (lines.empty() || input_.below(4) == 0) {
      ice::Candidate made{ice::CandidateType::kHost, "9", 1U + input_.u16(), {address(), input_.u16()}, std::nullopt};
      made.type = static_cast<ice::CandidateType>(input_.below(4));
      side.known.insert(made.endpoint);
      return (void)side.agent->add_remote_candidate(now_, made);
    }
    const std::string& line = lines[input_.below(lines.size())];
    side.known.insert(ice::parse_candidate(line)->candidate.endpoint);
    (void)side.agent->add_remote_candidate_line(now_, line);
  }
  void finish(Side& side) {
    switch (input_.below(8)) {
      case 0:
        return side.agent->close(now_);
      case 1:
      case 2:
      case 3:
        return side.agent->set_remote_candidates_complete(now_);
      case 4:
        if (const auto path = side.agent->selected_path()) side.agent->note_authenticated(now_, *path);
        return;
      default:
        return side.agent->set_local_addresses_complete(now_);
    }
  }

  // ---- Datagrams ----

  static Datagram take(Side& side, std::size_t place) {
    const auto at = side.waiting.begin() + static_cast<std::ptrdiff_t>(place);
    Datagram taken = std::move(*at);
    side.waiting.erase(at);
    return taken;
  }
  void deliver(Side& side, Datagram datagram) {
    (void)side.agent->handle_input(now_, {.path = datagram.path, .data = datagram.bytes});
    settle(side);
  }
  void spoil(Side& side) {
    if (side.waiting.empty()) return;
    Datagram& one = side.waiting[input_.below(side.waiting.size())];
    if (one.bytes.empty()) return;
    const unsigned what = input_.u8();
    if (what < 64) return (void)side.waiting.push_back(one);
    if (what < 128) return one.bytes.clear();
    one.bytes[input_.u16() % one.bytes.size()] ^= static_cast<std::byte>(what);
  }
  Path arrival(Side& side, const Endpoint& from) {
    const auto socket = side.sockets.empty() ? SocketId{1} : side.sockets.begin()->first;
    return {socket, from, input_.below(8) == 0 ? kRelay : RelayId::kNone};
  }
  /// A peer who knows both passwords, from any address.
  void forge_check(Side& side) {
    const Endpoint from{address(), static_cast<std::uint16_t>(6000 + input_.below(64))};
    const auto role = input_.flag() ? ice::Role::kControlling : ice::Role::kControlled;
    const ice::OutgoingCheck check{stun::make_transaction_id(random_), role, input_.flag() ? ~std::uint64_t{0} : 0,
                                   input_.u32(), input_.flag()};
    side.known.insert(from);
    const auto& local = other(side).agent->local_credentials();
    deliver(side, {arrival(side, from), ice::write_check(crypto_, check, local, side.agent->local_credentials())});
  }
  /// An answer to one of the latest requests, authentic where the peer could make it so.
  void forge_answer(Side& side) {
    if (side.requests.empty()) return;
    const Datagram& request = side.requests[input_.below(side.requests.size())];
    const auto message = stun::Message::parse(request.bytes);
    const auto& theirs = other(side).agent->local_credentials();
    Path path = request.path;
    if (input_.below(8) == 0) path.remote = {address(), 7000};
    const Endpoint mapped{address(), static_cast<std::uint16_t>(input_.u16())};
    constexpr std::array<std::uint16_t, 5> kCodes = {400, 401, 420, 487, 500};
    std::array<std::byte, 256> out{};
    switch (input_.below(3)) {
      case 0:
        return deliver(side, {path, ice::write_check_success(crypto_, message->id(), mapped, theirs)});
      case 1:
        return deliver(side,
                       {path, ice::write_check_error(crypto_, message->id(), kCodes[input_.below(5)], {}, theirs)});
      case 2:
        if (const auto size = stun::answer_binding(mapped, request.bytes, out)) {
          deliver(side, {path, {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*size)}});
        }
        return;
    }
  }
  /// Bytes of a stranger, or a datagram of the other side that a stranger caught: integrity does not cover where it
  /// came from, so that is a check from a new address (RFC 8445 §19.2).
  void inject(Side& side) {
    Datagram one{arrival(side, {IpAddress::v4(203, 0, 113, 66), 6666}), input_.copy()};
    if (one.bytes.empty() && !side.waiting.empty()) {
      one.bytes = side.waiting.front().bytes;
      one.path.remote.port = 6667;
      side.known.insert(one.path.remote);
    }
    deliver(side, std::move(one));
  }

  // ---- Time, and what an agent wants ----

  void pass(milliseconds time) {
    const Instant end = now_ + time;
    for (int wakes = 0;; ++wakes) {
      const Instant next = std::min(a_.agent->next_timeout(), b_.agent->next_timeout());
      if (next > end) break;
      require(wakes < 20'000, "timers move on");
      now_ = std::max(now_, next);
      for (Side* side : {&a_, &b_}) {
        if (side->agent->next_timeout() <= now_) side->agent->handle_timeout(now_);
        settle(*side);
        require(side->agent->next_timeout() > now_, "a timer that was served lies ahead");
      }
    }
    now_ = end;
  }

  void settle(Side& side) {
    std::array<std::byte, 1200> buffer{};
    while (const auto out = side.agent->poll_transmit(now_, buffer)) {
      require(!side.ended_as, "an agent that has ended is silent");
      route(side, out->path, Bytes(buffer).first(out->size));
    }
    while (auto event = side.agent->poll_event()) note(side, *event);
    require(side.agent->remote_candidate_count() <=
                ice::Agent::kMaxRemoteCandidates + ice::Agent::kMaxPeerReflexiveCandidates,
            "the peer's candidates are bounded");
    require(side.agent->pair_count() <= ice::Checklist::kMaxPairs, "pairs are bounded");
    if (side.ended_as) require(side.agent->state() == *side.ended_as, "an end is final");
    if (side.is_final()) {
      side.ended_as = side.agent->state();
      require(side.agent->next_timeout() == kNever, "an agent that has ended wants no timer");
      require(!side.agent->selected_path(), "an agent that has ended has no path");
    } else if (const auto path = side.agent->selected_path()) {
      require(side.agent->is_valid_path(*path), "a selected path is a valid one");
    }
  }

  void note(Side& side, const ice::Agent::Event& event) {
    const auto* local = std::get_if<ice::LocalCandidate>(&event);
    if (local == nullptr) return;
    side.lines.push_back(local->candidate.to_string(side.agent->local_credentials().ufrag));
    require(side.lines.size() <= ice::Agent::kMaxLocalCandidates * (1 + side.removals), "our candidates are bounded");
    require(ice::parse_candidate(side.lines.back()).has_value(), "our candidates can be read");
  }

  /// The network: a STUN server, and the other side's addresses. Through the relay everything comes from its address.
  void route(Side& side, const Path& path, Bytes bytes) {
    require(side.known.contains(path.remote), "nothing goes to a stranger");
    require(side.sockets.contains(path.local), "nothing leaves a socket that is gone");
    const auto message = stun::Message::parse(bytes);
    require(message.has_value(), "an agent sends STUN");
    if (message->message_class() == stun::Class::kRequest) {
      if (side.requests.size() >= kMostWaiting) side.requests.erase(side.requests.begin());
      side.requests.push_back({path, {bytes.begin(), bytes.end()}});
    }
    const Endpoint from =
        path.relay == RelayId::kNone ? side.sockets[path.local] : Endpoint{IpAddress::v4(10, 255, 0, 1), 5000};
    if (path.remote == kServer) return answer_as_server(side, path, from, bytes);
    Side& to = other(side);
    for (const auto& [socket, endpoint] : to.sockets) {
      if (endpoint != path.remote || to.waiting.size() >= kMostWaiting) continue;
      to.known.insert(from);
      to.waiting.push_back({{socket, from, RelayId::kNone}, {bytes.begin(), bytes.end()}});
    }
  }
  static void answer_as_server(Side& side, const Path& path, const Endpoint& from, Bytes request) {
    std::array<std::byte, 256> out{};
    const auto size = stun::answer_binding({from.address, static_cast<std::uint16_t>(from.port + 1000)}, request, out);
    if (size && side.waiting.size() < kMostWaiting) {
      side.waiting.push_back({path, {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*size)}});
    }
  }

  fuzz::Decoder& input_;
  testing::SeededRandom random_{3};
  os::NativeCrypto crypto_;
  Instant now_{std::chrono::hours(1)};
  Side a_ = make(1);
  Side b_ = make(2);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  World(input).run();
  return 0;
}
