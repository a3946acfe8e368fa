// The requests of a client to one server that wait for answers (RFC 8489 §6.2, §6.3.3, §6.3.4): repeats them, finds the
// one that a response belongs to, and says what failed. It knows no credentials: the caller judges a response first
// (long_term_client.h, short_term.h) and tells.
// Leaves out sending a request again after a 5xx error, which the RFC permits: the caller may send a new one.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <vector>

#include "stun/message.h"
#include "stun/rto.h"
#include "stun/transaction.h"

namespace bamgate::stun {

/// Whether the transport delivers by itself: then requests are not repeated (RFC 8489 §6.2.2).
enum class Transport : std::uint8_t { kUnreliable, kReliable };

/// What a client did not take.
struct ClientCounters {
  std::uint64_t unmatched = 0;         // responses that nobody waits for: late, of a cancelled request, or forged
  std::uint64_t unauthentic = 0;       // responses that the caller judged so
  std::uint64_t incomprehensible = 0;  // responses that failed their transaction by what they carry
};

/// How a transaction ended well: with a success, or with an error response that can be acted on.
struct Answer {
  std::optional<ErrorCode> error;      // a view into the message; nullopt: success
  std::optional<Duration> round_trip;  // nullopt when the request was repeated
};

/// A transaction that ended without a usable response.
struct Failure {
  TransactionId id{};
  Error reason = Error::kTimeout;  // kTimeout, kBadIntegrity (only unauthentic responses came), kUnreachable
};

class Client {
 public:
  explicit Client(Transport transport) : transport_(transport) {}

  /// Takes a copy of a complete request; its first transmission is due at once. Errors: kNotStun, kBadLength and so on
  /// for what Message::parse() refuses; kTooManyTransactions.
  std::expected<void, Error> send(Instant now, Bytes request);
  /// Forgets a request. Its response, should it come, is a counted drop.
  void cancel(const TransactionId& id);
  /// Whether a request with this id waits.
  bool awaits(const TransactionId& id) const;

  /// Takes a response. `authentic`: what the caller found out about it. `known`: the comprehension-required attributes
  /// that its method may carry. Errors: kUnknownTransaction; kBadIntegrity (not authentic: the transaction goes on over
  /// UDP, and has failed over TCP, RFC 8489 §9.2.5); kUnknownAttribute and kNoErrorCode (the transaction has failed).
  std::expected<Answer, Error> handle_response(Instant now, const Message& response, bool authentic,
                                               std::span<const Attribute> known);
  void handle_timeout(Instant now);
  /// The network says that the server cannot be reached (a hard ICMP error), or the connection broke: all that waits
  /// has failed (RFC 8489 §6.2.1, §6.2.2).
  void handle_unreachable();

  /// The next request to put on the wire; valid until the next call of any other function.
  std::optional<Bytes> poll_transmit();
  /// The next failed transaction.
  std::optional<Failure> poll_failure();
  /// kNever when nothing waits.
  Instant next_timeout() const;

  std::size_t waiting() const { return pending_.size(); }
  const ClientCounters& counters() const { return counters_; }

 private:
  struct Pending {
    Transaction transaction;
    std::vector<std::byte> request;
    bool due = true;
    bool saw_unauthentic = false;
  };
  using Place = std::vector<Pending>::iterator;
  Place find(const TransactionId& id);
  std::expected<Answer, Error> reject_unauthentic(Place place);

  Transport transport_;
  RtoEstimate rto_;
  std::vector<Pending> pending_;
  std::vector<Failure> failures_;
  ClientCounters counters_;
};

}  // namespace bamgate::stun
