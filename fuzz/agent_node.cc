// The sockets that all connections of a device share: which connection does a datagram belong to? By commands:
// connections that begin, claim paths and end, addresses that come and go, checks with any username, answers of servers
// that were asked, doubled, damaged or never asked for, what a relay may send, bytes of strangers, time.
// Oracle: a model that keeps it all in lists. A datagram finds exactly the living connections that have claimed its
// path, the best claim first, or whose ufrag it names; never one that has ended, and none through a socket that is
// gone. No socket is opened twice or closed unopened; a doubled answer is nobody's; no deadline lies in the past.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "agent/node.h"
#include "os/native_crypto.h"
#include "stun/binding.h"
#include "stun/builder.h"
#include "support/decoder.h"
#include "support/require.h"
#include "support/seeded_random.h"

namespace bamgate::agent {
namespace {

using fuzz::require;
using namespace std::chrono_literals;

constexpr Endpoint kStunServer{IpAddress::v4(203, 0, 113, 1), 3478};
constexpr Endpoint kRelay{IpAddress::v4(203, 0, 113, 2), 3478};

class World {
 public:
  explicit World(fuzz::Decoder& input) : input_(input) {
    node_.set_addresses(now_, addresses());
    if (input_.flag()) node_.relays().add_udp(now_, kRelay);
    settle();
  }

  void run() {
    for (int steps = 0; !input_.at_end() && steps < 300; ++steps) {
      step();
      settle();
      check();
    }
    for (const auto& [attempt, connection] : std::map(model_)) end(attempt);
    require(node_.directory().connections() == 0 && node_.directory().paths() == 0, "what has ended leaves nothing");
  }

 private:
  struct Connection {
    std::string ufrag;
    std::map<Path, Claim> paths;
  };

  void step() {
    switch (input_.below(12)) {
      case 0:
        return begin();
      case 1:
        return end(some_attempt());
      case 2:
      case 3:
        return claim();
      case 4:
        return change_addresses();
      case 5:
        return pass(std::chrono::milliseconds(10 * input_.u16()));
      case 6:
      case 7:
        return answer();
      case 8:
        return ask_by_name();
      case 9:
        return from_relay();
      case 10:
        return send_request();
      case 11:
        return take(some_path(), input_.copy());
    }
  }

  // ---- Connections ----

  void begin() {
    if (model_.size() == 8) return;
    const AttemptId attempt{++last_attempt_};
    // A ufrag is drawn by lot: two that live never have the same.
    std::string ufrag = "u" + std::to_string(input_.below(4));
    for (const auto& [id, connection] : model_) {
      if (connection.ufrag == ufrag) ufrag += std::to_string(last_attempt_);
    }
    node_.directory().add(attempt, ufrag);
    node_.freshen(now_);
    model_[attempt] = {.ufrag = ufrag, .paths = {}};
  }

  void end(AttemptId attempt) {
    node_.directory().remove(attempt);
    model_.erase(attempt);
  }

  // Also of those that have ended, and that never were.
  AttemptId some_attempt() { return AttemptId{static_cast<std::uint32_t>(input_.below(last_attempt_ + 2))}; }

  void claim() {
    const AttemptId attempt = some_attempt();
    const Path path = some_path();
    const Claim claim{static_cast<std::uint8_t>(input_.below(3))};
    const bool taken = node_.directory().claim(attempt, path, claim);
    const auto connection = model_.find(attempt);
    const bool room = connection != model_.end() && (connection->second.paths.contains(path) ||
                                                     connection->second.paths.size() < Directory::kMaxPaths);
    require(taken == room, "who lives has room for a path that is known, and for others up to the bound");
    if (!taken) return;
    Claim& known = connection->second.paths.try_emplace(path, claim).first->second;
    known = std::max(known, claim);
  }

  // What a connection sends is a claim only when it asks something.
  void send_request() {
    const AttemptId attempt = some_attempt();
    const Path path = some_path();
    const std::vector<std::byte> datagram = input_.flag() ? binding_request("x:y") : input_.copy();
    node_.note_sent(attempt, path, datagram);
    const auto connection = model_.find(attempt);
    const bool asks = datagram.size() > 1 && datagram[0] == std::byte{0} && datagram[1] == std::byte{1};
    if (!asks || connection == model_.end()) return;
    if (connection->second.paths.size() < Directory::kMaxPaths)
      connection->second.paths.try_emplace(path, Claim::kAsked);
  }

  // ---- The machine ----

  std::vector<IpPrefix> addresses() {
    std::vector<IpPrefix> all;
    const std::uint8_t which = input_.u8();
    for (std::uint8_t i = 0; i < 6; ++i) {
      if ((which >> i & 1) != 0) all.push_back({IpAddress::v4(192, 0, 2, i), 24});
    }
    if ((which & 0x40) != 0) all.push_back({IpAddress::parse("2001:db8::1").value(), 64});
    return all;
  }

  void change_addresses() {
    node_.set_addresses(now_, addresses());
    run_effects();
    for (auto& [attempt, connection] : model_) {
      std::erase_if(connection.paths, [&](const auto& path) { return gone_.contains(path.first.local); });
    }
    gone_.clear();
  }

  void run_effects() {
    while (const auto effect = node_.poll_effect()) {
      if (const auto* open = std::get_if<OpenSocket>(&*effect)) {
        require(!open_.contains(open->socket), "no socket is opened twice");
        if (input_.below(8) == 7) {
          node_.on_socket_failed(open->socket);
        } else {
          open_.insert(open->socket);
          node_.on_socket(now_, open->socket, {open->address, 5000});
        }
      } else if (const auto* close = std::get_if<CloseSocket>(&*effect)) {
        require(open_.erase(close->socket) == 1, "only what is open is closed");
        gone_.insert(close->socket);
      }
    }
  }

  void pass(Duration duration) {
    now_ += duration;
    for (int i = 0; i < 100 && node_.next_timeout() <= now_; ++i) node_.handle_timeout(now_);
    require(node_.next_timeout() > now_, "no deadline lies in the past once it was handled");
  }

  void settle() {
    std::array<std::byte, kBlockSize> buffer;
    run_effects();
    while (const auto out = node_.poll_transmit(now_, buffer)) {
      require(open_.contains(out->path.local), "nothing leaves through a socket that is not open");
      if (asked_.size() == 16) asked_.erase(asked_.begin());
      asked_.emplace_back(out->path, std::vector<std::byte>(buffer.begin(), buffer.begin() + out->size));
    }
    while (node_.poll_event()) {
    }
  }

  // ---- Datagrams ----

  Path some_path() {
    const std::size_t which = input_.below(8);
    SocketId socket{static_cast<std::uint32_t>(1 + which)};
    if (which < open_.size()) socket = *std::next(open_.begin(), static_cast<std::ptrdiff_t>(which));
    constexpr std::array kRemotes{Endpoint{IpAddress::v4(198, 51, 100, 1), 1},
                                  Endpoint{IpAddress::v4(198, 51, 100, 1), 2}, kStunServer, kRelay};
    // Many ports, so that the bound of a connection is reached.
    Endpoint remote = kRemotes.at(input_.below(kRemotes.size()));
    if (remote.port < 3) remote.port = static_cast<std::uint16_t>(remote.port + input_.u8());
    return {.local = socket, .remote = remote, .relay = {}};
  }

  std::vector<std::byte> binding_request(std::string_view username) {
    std::vector<std::byte> room(600);
    stun::Builder builder(room, stun::Class::kRequest, stun::Method::kBinding, stun::make_transaction_id(random_));
    builder.text(stun::Attribute::kUsername, username.substr(0, 500));
    room.resize(builder.finish().value_or(0));
    return room;
  }

  // A check: whose ufrag stands before the colon, and nobody else.
  void ask_by_name() {
    std::string username = "u" + std::to_string(input_.below(5));
    if (input_.flag()) username += std::to_string(input_.below(last_attempt_ + 1));
    username += input_.flag() ? ":them" : std::string(input_.text());
    const auto found = node_.directory().find_username(username);
    const std::size_t colon = username.find(':');
    const auto is_named = [&](const auto& entry) {
      return colon != std::string::npos && entry.second.ufrag == username.substr(0, colon);
    };
    const auto expected = std::ranges::find_if(model_, is_named);
    require(found.has_value() == (expected != model_.end()),
            "a ufrag leads to whoever lives by it, and to nobody else");
    if (found) require(*found == expected->first, "a ufrag leads to its own connection");
    take(some_path(), binding_request(username));
  }

  // An answer of a STUN server to what was asked, or to something else, perhaps twice.
  void answer() {
    if (asked_.empty()) return;
    const auto& [path, request] = asked_[input_.below(asked_.size())];
    std::vector<std::byte> reply(200);
    const auto size = stun::answer_binding({IpAddress::v4(198, 51, 100, 7), input_.u8()}, request, reply);
    if (!size) return;
    reply.resize(*size);
    if (input_.below(4) == 3) reply[input_.below(reply.size())] ^= static_cast<std::byte>(input_.u8());
    const auto message = stun::Message::parse(reply);
    if (!message) return take(path, std::move(reply));
    node_.take_response(now_, path, *message);
    require(!node_.take_response(now_, path, *message), "a second answer is nobody's");
  }

  void from_relay() {
    const Path path{.local = some_path().local, .remote = kRelay, .relay = {}};
    std::vector<std::byte> datagram = input_.copy();
    if (datagram.size() > 3 && input_.flag()) {
      datagram[0] = std::byte{0x40};
      datagram[2] = std::byte{0};
      datagram[3] = static_cast<std::byte>(datagram.size() - 4);
    }
    take(path, std::move(datagram));
  }

  // As the agent does it.
  void take(const Path& path, std::vector<std::byte> datagram) {
    if (node_.relays().is_from_relay(path, datagram)) {
      require(path.remote == kRelay, "only the relay's own address speaks for it");
      const auto inner = node_.relays().receive(now_, path, datagram);
      require(!inner, "without an allocation no peer speaks through a relay");
    } else if (const auto message = stun::Message::parse(datagram)) {
      const bool response =
          message->message_class() == stun::Class::kSuccess || message->message_class() == stun::Class::kError;
      if (response) (void)node_.take_response(now_, path, *message);
    }
  }

  // ---- The model ----

  void check() {
    std::size_t paths = 0;
    std::set<Path> all;
    for (const auto& [attempt, connection] : model_) {
      for (const auto& [path, claim] : connection.paths) all.insert(path);
    }
    paths = all.size();
    require(node_.directory().connections() == model_.size(), "as many connections as live");
    require(node_.directory().paths() == paths, "as many paths as are claimed");
    for (const Path& path : all) check(path);
    require(node_.sockets().size() == open_.size(), "it knows its open sockets");
  }

  void check(const Path& path) {
    std::vector<std::pair<Claim, AttemptId>> expected;
    for (const auto& [attempt, connection] : model_) {
      const auto found = connection.paths.find(path);
      if (found != connection.paths.end()) expected.emplace_back(found->second, attempt);
    }
    std::ranges::sort(expected, std::greater());
    const auto same = [](const Directory::Owner& owner, const auto& other) {
      return owner.claim == other.first && owner.attempt == other.second;
    };
    require(std::ranges::equal(node_.directory().owners(path), expected, same),
            "a path belongs to whom it was claimed for, the best claim first");
  }

  fuzz::Decoder& input_;
  Instant now_{1h};
  testing::SeededRandom random_{1};
  os::NativeCrypto crypto_;
  BufferPool pool_;
  Node node_{{.device = "laptop",
              .stun_servers = {kStunServer},
              .turn_secret = SecretText("secret"),
              .clock = {.unix = {1'800'000'000}, .at = Instant(1h)}},
             random_,
             crypto_,
             pool_};
  std::map<AttemptId, Connection> model_;
  std::uint32_t last_attempt_ = 0;
  std::set<SocketId> open_;
  std::set<SocketId> gone_;
  std::vector<std::pair<Path, std::vector<std::byte>>> asked_;
};

}  // namespace
}  // namespace bamgate::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bamgate::fuzz::Decoder input(bamgate::fuzz::input_of(data, size));
  bamgate::agent::World(input).run();
  return 0;
}
