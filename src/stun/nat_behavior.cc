#include "stun/nat_behavior.h"

#include <algorithm>
#include <utility>

#include "stun/builder.h"

namespace bamgate::stun {
namespace {

// RFC 5780 §7.2.
constexpr std::uint32_t kChangeAddress = 4;
constexpr std::uint32_t kChangePort = 2;

}  // namespace

const char* to_string(Mapping mapping) {
  switch (mapping) {
    case Mapping::kUnknown:
      return "unknown";
    case Mapping::kNone:
      return "none";
    case Mapping::kEndpointIndependent:
      return "endpoint-independent";
    case Mapping::kAddressDependent:
      return "address-dependent";
    case Mapping::kAddressAndPortDependent:
      return "address-and-port-dependent";
    case Mapping::kDependent:
      return "dependent";
  }
  return "unknown";
}

const char* to_string(Filtering filtering) {
  switch (filtering) {
    case Filtering::kUnknown:
      return "unknown";
    case Filtering::kEndpointIndependent:
      return "endpoint-independent";
    case Filtering::kAddressDependent:
      return "address-dependent";
    case Filtering::kAddressAndPortDependent:
      return "address-and-port-dependent";
  }
  return "unknown";
}

NatBehavior::NatBehavior(Instant now, const Endpoint& local, std::vector<Endpoint> servers, Random& random)
    : random_(random), local_(local) {
  if (servers.size() > kMostServers) servers.resize(kMostServers);
  for (const Endpoint& server : servers) {
    answers_.push_back({.server = server});
    ask(now, Test::kPlain, server, answers_.size() - 1);
  }
}

void NatBehavior::ask(Instant now, Test test, const Endpoint& to, std::size_t server) {
  questions_.push_back({.test = test,
                        .to = to,
                        .server = server,
                        .transaction = Transaction(now, make_transaction_id(random_), kPatience)});
}

// RFC 5780 §4.4: an answer to CHANGE-REQUEST comes from elsewhere; it is its point.
bool NatBehavior::is_expected_source(const Question& question, const Endpoint& from) const {
  switch (question.test) {
    case Test::kPlain:
    case Test::kOtherAddress:
    case Test::kOtherBoth:
      return from == question.to;
    case Test::kChangeBoth:
      return other_ && from == other_->other;
    case Test::kChangePort:
      return other_ && from == Endpoint{question.to.address, other_->other.port};
  }
  return false;
}

std::expected<void, Error> NatBehavior::handle_input(Instant now, const Received& received) {
  const auto message = Message::parse(received.data);
  if (!message) return std::unexpected(message.error());
  const auto found = std::ranges::find_if(
      questions_, [&](const Question& question) { return question.transaction.id() == message->id(); });
  if (found == questions_.end() || !is_expected_source(*found, received.path.remote)) {
    return std::unexpected(Error::kUnknownTransaction);
  }
  const Question question = std::move(*found);
  questions_.erase(found);
  take_answer(now, question, *message);
  go_on(now);
  return {};
}

void NatBehavior::take_answer(Instant now, const Question& question, const Message& message) {
  const auto mapped =
      message.is(Class::kSuccess, Method::kBinding) ? message.mapped_address() : std::optional<Endpoint>();
  if (!mapped) return;  // an error tells nothing about the NAT
  switch (question.test) {
    case Test::kPlain: {
      answers_[question.server].mapped = mapped;
      answers_[question.server].round_trip = question.transaction.round_trip(now);
      const auto other = message.address(Attribute::kOtherAddress);
      const bool usable = other && other->address.family() == question.to.address.family() &&
                          other->address != question.to.address && other->port != question.to.port;
      if (usable && !other_) other_ = Other{.server = question.to, .other = *other, .mapped = *mapped};
      return;
    }
    case Test::kOtherAddress:
      other_->at_other = mapped;
      return;
    case Test::kOtherBoth:
      other_->at_both = mapped;
      return;
    case Test::kChangeBoth:
      change_both_answered_ = true;
      return;
    case Test::kChangePort:
      change_port_answered_ = true;
      return;
  }
}

void NatBehavior::go_on(Instant now) {
  if (!questions_.empty() || !other_ || other_->mapped == local_) return;
  if (!std::exchange(filtering_asked_, true)) {
    ask(now, Test::kChangeBoth, other_->server);
    ask(now, Test::kChangePort, other_->server);
    return;
  }
  if (std::exchange(mapping_asked_, true)) return;
  filtering_ = change_both_answered_   ? Filtering::kEndpointIndependent
               : change_port_answered_ ? Filtering::kAddressDependent
                                       : Filtering::kAddressAndPortDependent;
  ask(now, Test::kOtherAddress, {other_->other.address, other_->server.port});
  ask(now, Test::kOtherBoth, other_->other);
}

void NatBehavior::handle_timeout(Instant now) {
  for (auto question = questions_.begin(); question != questions_.end();) {
    const auto step = question->transaction.handle_timeout(now);
    if (step == Transaction::Step::kSend) question->due = true;
    question = step == Transaction::Step::kFail ? questions_.erase(question) : std::next(question);
  }
  go_on(now);
}

std::optional<Transmit> NatBehavior::poll_transmit(Instant, MutableBytes buffer) {
  for (Question& question : questions_) {
    if (!std::exchange(question.due, false)) continue;
    Builder request(buffer, Class::kRequest, Method::kBinding, question.transaction.id());
    if (question.test == Test::kChangeBoth) request.u32(Attribute::kChangeRequest, kChangeAddress | kChangePort);
    if (question.test == Test::kChangePort) request.u32(Attribute::kChangeRequest, kChangePort);
    const auto size = request.fingerprint().finish();
    if (!size) continue;
    return Transmit{.path = {.local = socket_, .remote = question.to, .relay = {}},
                    .size = static_cast<std::uint32_t>(*size)};
  }
  return std::nullopt;
}

std::optional<NatBehavior::Event> NatBehavior::poll_event() {
  if (!is_done() || std::exchange(told_, true)) return std::nullopt;
  return Done{};
}

Instant NatBehavior::next_timeout() const {
  Instant next = kNever;
  for (const Question& question : questions_) next = std::min(next, question.transaction.next_timeout());
  return next;
}

bool NatBehavior::any_answer() const {
  return std::ranges::any_of(answers_, [](const ServerAnswer& answer) { return answer.mapped.has_value(); });
}

Mapping NatBehavior::mapping() const {
  // RFC 5780 §4.3, tests II and III.
  if (other_ && other_->mapped != local_ && other_->at_other) {
    if (*other_->at_other == other_->mapped) return Mapping::kEndpointIndependent;
    if (!other_->at_both) return Mapping::kDependent;
    return *other_->at_both == *other_->at_other ? Mapping::kAddressDependent : Mapping::kAddressAndPortDependent;
  }
  const ServerAnswer* first = nullptr;
  bool compared = false;
  for (const ServerAnswer& answer : answers_) {
    if (!answer.mapped) continue;
    if (*answer.mapped == local_) return Mapping::kNone;
    if (first != nullptr && *answer.mapped != *first->mapped) return Mapping::kDependent;
    compared = compared || (first != nullptr && answer.server.address != first->server.address);
    if (first == nullptr) first = &answer;
  }
  return compared ? Mapping::kEndpointIndependent : Mapping::kUnknown;
}

}  // namespace bamgate::stun
