// The retransmission schedule of one client transaction over UDP (RFC 8489 §6.2.1), as a pure machine.
// It holds no bytes: the caller keeps the request and sends it whenever handle_timeout() says so.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/time.h"
#include "stun/attribute.h"

namespace bamgate::stun {

struct RetransmitOptions {
  // RFC 8489 §6.2.1: RTO starts at 500 ms or more and doubles with each retransmission.
  Duration rto = std::chrono::milliseconds(500);
  // RFC 8489 §6.2.1: the request is sent Rc times in all, 7 by default.
  unsigned rc = 7;
  // RFC 8489 §6.2.1: after the last transmission Rm times the first RTO must pass without answer, 16 by default.
  unsigned rm = 16;
  // Not in the RFC: the interval stops doubling here. For callers that hurry through a lossy network.
  Duration longest_interval = Duration::max();
};

/// One request that waits for its answer. Sends at 0, RTO, 3 RTO, 7 RTO, ...; fails Rm * RTO after the last of them.
class Transaction {
 public:
  enum class Step : std::uint8_t {
    kWait,  // nothing is due
    kSend,  // send the request again
    kFail,  // nobody answered: the transaction is over
  };

  /// The first transmission happens now: send the request at once.
  Transaction(Instant now, const TransactionId& id, const RetransmitOptions& options = {});

  /// What is due. At most one transmission is due at a time, however late the call comes.
  Step handle_timeout(Instant now);
  /// kNever once the transaction has failed.
  Instant next_timeout() const { return deadline_; }

  const TransactionId& id() const { return id_; }
  Instant first_sent() const { return first_sent_; }
  unsigned transmissions() const { return transmissions_; }
  bool failed() const { return failed_; }
  /// The time from request to answer; nullopt when the request was sent again, since the answer could be to either
  /// (Karn's rule, RFC 8489 §6.2.1).
  std::optional<Duration> round_trip(Instant now) const;

 private:
  TransactionId id_;
  RetransmitOptions options_;
  Instant first_sent_;
  Instant deadline_;
  Duration interval_;  // until the next transmission
  unsigned transmissions_ = 1;
  bool failed_ = false;
};

}  // namespace bamgate::stun
