#include "stun/transaction.h"

namespace bamgate::stun {

Transaction::Transaction(Instant now, const TransactionId& id, const RetransmitOptions& options)
    : id_(id), options_(options), first_sent_(now), interval_(options.rto) {
  deadline_ = now + (options_.rc <= 1 ? options_.rto * options_.rm : interval_);
}

Transaction::Step Transaction::handle_timeout(Instant now) {
  if (failed_ || now < deadline_) return Step::kWait;
  if (transmissions_ >= options_.rc) {
    failed_ = true;
    deadline_ = kNever;
    return Step::kFail;
  }
  ++transmissions_;
  interval_ = interval_ > options_.longest_interval / 2 ? options_.longest_interval : interval_ * 2;
  deadline_ = now + (transmissions_ == options_.rc ? options_.rto * options_.rm : interval_);
  return Step::kSend;
}

std::optional<Duration> Transaction::round_trip(Instant now) const {
  if (transmissions_ != 1) return std::nullopt;
  return now - first_sent_;
}

}  // namespace bamgate::stun
