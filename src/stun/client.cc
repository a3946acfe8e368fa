#include "stun/client.h"

#include <algorithm>

namespace bamgate::stun {
namespace {

// RFC 8489 §6.2: a client limits itself to ten transactions at a time with one server.
constexpr std::size_t kMostTransactions = 10;
// RFC 8489 §6.2.2: over TCP one request, and Ti = 39.5 s for the answer.
constexpr RetransmitOptions kReliable{.rto = std::chrono::milliseconds(39500), .rc = 1, .rm = 1};

}  // namespace

std::expected<void, Error> Client::send(Instant now, Bytes request) {
  const auto message = Message::parse(request);
  if (!message) return std::unexpected(message.error());
  // A failure that was not fetched yet keeps its place, so that both lists are bounded.
  if (pending_.size() + failures_.size() >= kMostTransactions) return std::unexpected(Error::kTooManyTransactions);
  const RetransmitOptions options =
      transport_ == Transport::kReliable ? kReliable : RetransmitOptions{.rto = rto_.rto(now)};
  pending_.push_back(
      {.transaction = Transaction(now, message->id(), options), .request = {request.begin(), request.end()}});
  return {};
}

Client::Place Client::find(const TransactionId& id) {
  return std::ranges::find_if(pending_, [&](const Pending& pending) { return pending.transaction.id() == id; });
}

bool Client::awaits(const TransactionId& id) const {
  return std::ranges::any_of(pending_, [&](const Pending& pending) { return pending.transaction.id() == id; });
}

void Client::cancel(const TransactionId& id) {
  if (const Place place = find(id); place != pending_.end()) pending_.erase(place);
}

std::expected<Answer, Error> Client::handle_response(Instant now, const Message& response, bool authentic,
                                                     std::span<const Attribute> known) {
  const bool is_response = response.message_class() == Class::kSuccess || response.message_class() == Class::kError;
  const Place place = is_response ? find(response.id()) : pending_.end();
  if (place == pending_.end()) {
    ++counters_.unmatched;
    return std::unexpected(Error::kUnknownTransaction);
  }
  if (!authentic) return reject_unauthentic(place);
  const auto round_trip = place->transaction.round_trip(now);
  rto_.note_transaction(now, round_trip);
  pending_.erase(place);
  const auto error = response.error_code();
  const bool understood = response.understood(known);
  // RFC 8489 §6.3.3, §6.3.4: what must be understood and is not fails the transaction; so does an error without code.
  if (!understood || (response.message_class() == Class::kError && !error)) {
    ++counters_.incomprehensible;
    return std::unexpected(understood ? Error::kNoErrorCode : Error::kUnknownAttribute);
  }
  return Answer{.error = response.message_class() == Class::kError ? error : std::nullopt, .round_trip = round_trip};
}

std::expected<Answer, Error> Client::reject_unauthentic(Place place) {
  ++counters_.unauthentic;
  // RFC 8489 §9.1.4, §9.2.5: over UDP as if it had never come, over TCP the end.
  if (transport_ == Transport::kReliable) {
    pending_.erase(place);
  } else {
    place->saw_unauthentic = true;
  }
  return std::unexpected(Error::kBadIntegrity);
}

void Client::handle_timeout(Instant now) {
  for (Pending& pending : pending_) {
    switch (pending.transaction.handle_timeout(now)) {
      case Transaction::Step::kWait:
        break;
      case Transaction::Step::kSend:
        pending.due = true;
        break;
      case Transaction::Step::kFail:
        // RFC 8489 §9.1.4, §9.2.5: when all responses were discarded, that is what is reported.
        failures_.push_back({.id = pending.transaction.id(),
                             .reason = pending.saw_unauthentic ? Error::kBadIntegrity : Error::kTimeout});
        break;
    }
  }
  std::erase_if(pending_, [](const Pending& pending) { return pending.transaction.failed(); });
}

void Client::handle_unreachable() {
  for (const Pending& pending : pending_) {
    failures_.push_back({.id = pending.transaction.id(), .reason = Error::kUnreachable});
  }
  pending_.clear();
}

std::optional<Bytes> Client::poll_transmit() {
  const auto due = std::ranges::find_if(pending_, &Pending::due);
  if (due == pending_.end()) return std::nullopt;
  due->due = false;
  return due->request;
}

std::optional<Failure> Client::poll_failure() {
  if (failures_.empty()) return std::nullopt;
  const Failure failure = failures_.front();
  failures_.erase(failures_.begin());
  return failure;
}

Instant Client::next_timeout() const {
  Instant next = kNever;
  for (const Pending& pending : pending_) next = std::min(next, pending.transaction.next_timeout());
  return next;
}

}  // namespace bamgate::stun
