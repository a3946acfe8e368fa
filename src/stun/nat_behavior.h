// What a NAT does with one UDP socket, as STUN servers see it (RFC 5780 §4): its mapping, by asking servers at several
// addresses, and its filtering, where one of them has a second address (OTHER-ADDRESS) and can answer from there.
// A pure machine; the owner has the socket. All servers are asked at once; the tests of the one with two addresses
// follow: filtering first, since its mapping tests open the NAT's filter to the second address.
// Leaves out: hairpinning (§4.5), the lifetime of bindings (§4.6), fragments (§4.7), and authentication.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "core/random.h"
#include "core/sans_io.h"
#include "stun/message.h"
#include "stun/transaction.h"

namespace bamgate::stun {

/// RFC 4787 §4.1. kDependent: differs between two servers; whether by their addresses alone, nobody could tell.
enum class Mapping : std::uint8_t {
  kUnknown,
  kNone,
  kEndpointIndependent,
  kAddressDependent,
  kAddressAndPortDependent,
  kDependent
};

/// RFC 4787 §5. kUnknown: no server has a second address, or there is no NAT to ask about.
enum class Filtering : std::uint8_t { kUnknown, kEndpointIndependent, kAddressDependent, kAddressAndPortDependent };

const char* to_string(Mapping mapping);
const char* to_string(Filtering filtering);

/// What one server said. `mapped` is nullopt when no answer came, or none that tells an address.
struct ServerAnswer {
  Endpoint server;
  std::optional<Endpoint> mapped = {};
  std::optional<Duration> round_trip = {};  // nullopt also when the request had to be repeated
};

class NatBehavior {
 public:
  using Error = stun::Error;
  struct Done {};
  using Event = Done;

  // RFC 5780 §4.3, §4.4: an answer that does not come is a result; so fewer repetitions than for other requests.
  static constexpr RetransmitOptions kPatience{
      .rto = std::chrono::milliseconds(250), .rc = 4, .rm = 5, .longest_interval = std::chrono::milliseconds(500)};
  static constexpr std::size_t kMostServers = 8;

  /// `local`: where the socket is bound, with its address: what a server sees there is no NAT's. Of the servers, which
  /// have its family, the first kMostServers are asked. `random` must outlive it.
  NatBehavior(Instant now, const Endpoint& local, std::vector<Endpoint> servers, Random& random);

  /// Errors, all harmless: those of Message::parse(), kUnknownTransaction (nobody asked, or it comes from elsewhere).
  std::expected<void, Error> handle_input(Instant now, const Received& received);
  void handle_timeout(Instant now);
  /// 64 bytes are enough.
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  std::optional<Event> poll_event();
  Instant next_timeout() const;

  bool is_done() const { return questions_.empty(); }
  /// In the order of the servers.
  const std::vector<ServerAnswer>& answers() const { return answers_; }
  bool any_answer() const;
  Mapping mapping() const;
  Filtering filtering() const { return filtering_; }

 private:
  enum class Test : std::uint8_t { kPlain, kOtherAddress, kOtherBoth, kChangeBoth, kChangePort };
  struct Question {
    Test test = Test::kPlain;
    Endpoint to;
    std::size_t server = 0;  // index into answers_; kPlain
    Transaction transaction;
    bool due = true;
  };
  /// The server with two addresses.
  struct Other {
    Endpoint server;
    Endpoint other;
    Endpoint mapped;                        // as the server itself sees us
    std::optional<Endpoint> at_other = {};  // as its other address does, on the same port
    std::optional<Endpoint> at_both = {};   // and on its other port
  };

  void ask(Instant now, Test test, const Endpoint& to, std::size_t server = 0);
  bool is_expected_source(const Question& question, const Endpoint& from) const;
  void take_answer(Instant now, const Question& question, const Message& message);
  void go_on(Instant now);

  Random& random_;
  Endpoint local_;
  SocketId socket_ = SocketId::kNone;
  std::vector<ServerAnswer> answers_;
  std::vector<Question> questions_;
  std::optional<Other> other_;
  bool filtering_asked_ = false;
  bool mapping_asked_ = false;
  bool told_ = false;
  bool change_both_answered_ = false;
  bool change_port_answered_ = false;
  Filtering filtering_ = Filtering::kUnknown;
};

static_assert(SansIo<NatBehavior>);

}  // namespace bamgate::stun
