// The relay: the server's side of TURN (RFC 8656) between devices of one network. Pure: a message of a client and time
// in, at most one message to one client out.
//
//   Allocate -> an allocation with a virtual address -> permissions and channels -> packets -> Refresh 0, or the end of
//   its lifetime, or of its owner, or of its stream
//
// A relayed address leads to another allocation here and to nothing else, so that this is no open relay whatever it is
// asked. A packet passes when both sides have a permission for the other. Nobody is answered who has not authenticated,
// except with as many bytes as it sent (answer_credit.h); nonces prove themselves, so a stranger leaves nothing here.
// Left out: relayed addresses of IPv6 (440), reservations (508), TCP relays (RFC 6062), mobility, ICMP.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/counters.h"
#include "core/crypto.h"
#include "core/random.h"
#include "core/secret_text.h"
#include "core/time.h"
#include "stun/builder.h"
#include "stun/long_term_server.h"
#include "stun/message.h"
#include "turn/allocations.h"
#include "turn/answer_credit.h"
#include "turn/five_tuple.h"

namespace bamgate::turn {

/// Where names and passwords are known.
class Accounts {
 public:
  struct Account {
    std::string owner;  // the device; all of its names are one owner
    SecretText password;
  };
  virtual ~Accounts() = default;
  /// Whose username this is now; nullopt: nobody's, or it has expired. Asked only by who holds a valid nonce.
  virtual std::optional<Account> find_account(UnixTime unix_now, std::string_view username) = 0;
};

struct ServerCounters {
  std::uint64_t requests = 0;         // authenticated
  std::uint64_t unauthenticated = 0;  // requests that were refused with 401 or 438, or not answered
  std::uint64_t unanswered = 0;       // of them: the answer was longer than what had come
  std::uint64_t refused = 0;          // authenticated, and refused for another reason
  std::uint64_t malformed = 0;        // neither TURN nor STUN, or not well formed
  std::uint64_t strangers = 0;        // data from where there is no allocation

  static constexpr auto list() {
    return std::to_array<Counter<ServerCounters>>({
        {"turn_requests", "requests of devices", &ServerCounters::requests},
        {"turn_unauthenticated", "requests without valid credentials", &ServerCounters::unauthenticated},
        {"turn_unanswered", "of them not answered, because the answer was longer", &ServerCounters::unanswered},
        {"turn_refused", "requests of devices that were refused", &ServerCounters::refused},
        {"turn_malformed", "messages that are no TURN: dropped", &ServerCounters::malformed},
        {"turn_strangers", "data without an allocation: dropped", &ServerCounters::strangers},
    });
  }
};

class Server {
 public:
  struct Options {
    std::string realm = "bamgate";
    RelayLimits limits;
  };

  /// One message of a client.
  struct Input {
    FiveTuple from;
    std::string_view bearer;  // streams that were opened by a device: its name; empty: anybody may speak
    MutableBytes message;     // changed by relaying it
  };
  /// What is to be sent on.
  struct Output {
    FiveTuple to;
    Bytes message;  // within Input::message, or within `out`
  };

  /// Bytes that `out` of handle() needs beside the size of the message.
  static constexpr std::size_t kRoom = 512;

  /// `accounts`, `crypto` and `random` must outlive the server.
  Server(Options options, Accounts& accounts, Crypto& crypto, Random& random);

  /// What becomes of one message: an answer, a packet for another client, or nothing.
  std::optional<Output> handle(Instant now, UnixTime unix_now, const Input& input, MutableBytes out);
  /// A stream has ended: so has its allocation (RFC 8656 §3.1).
  void handle_closed(const FiveTuple& client);
  /// A device was revoked, renamed or has new credentials: its allocations end.
  void end_owner(std::string_view owner) { allocations_.remove_owner(owner); }
  void handle_timeout(Instant now) { allocations_.handle_timeout(now); }
  Instant next_timeout() const { return allocations_.next_timeout(); }

  const Allocations& allocations() const { return allocations_; }
  Allocations& allocations() { return allocations_; }
  const ServerCounters& counters() const { return counters_; }
  /// What was relayed for all owners together.
  const RelayCounters& relayed() const { return relayed_; }

 private:
  struct Request;
  using Reply = std::optional<Output>;

  // server.cc
  Reply answer(Instant now, UnixTime unix_now, const Input& input, const stun::Message& message, MutableBytes out);
  Reply challenge(Instant now, const Input& input, const stun::Message& message, std::uint16_t code, MutableBytes out);
  // server_requests.cc
  Reply serve(const Request& request);
  Reply allocate(const Request& request);
  Reply refresh(const Request& request);
  Reply create_permission(const Request& request);
  Reply bind_channel(const Request& request);
  Reply refuse(const Request& request, std::uint16_t code, std::span<const std::uint16_t> unknown = {});
  static Reply finish(const Request& request, stun::Builder& response);
  Reply tell_allocation(const Request& request, const Allocation& allocation, bool wants_v6);
  // server_relay.cc
  Reply relay_channel(Instant now, const Input& input, MutableBytes out);
  Reply relay_send(Instant now, const Input& input, const stun::Message& message, MutableBytes out);
  Reply relay(Instant now, Allocation& from, RelayNumber to, MutableBytes message, Bytes data, MutableBytes out);

  Options options_;
  Accounts& accounts_;
  Crypto& crypto_;
  Secret<32> nonce_key_;
  stun::NonceMint nonces_;
  stun::LongTermServer credentials_;
  Allocations allocations_;
  AnswerCredit credit_;
  ServerCounters counters_;
  RelayCounters relayed_;
};

}  // namespace bamgate::turn
