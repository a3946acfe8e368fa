#include "ice/gatherer.h"

#include <algorithm>
#include <array>

#include "ice/pacing.h"
#include "stun/binding.h"

namespace bamgate::ice {
namespace {

// RFC 8445 §14.3: RTO = MAX(500 ms, Ta * server-reflexive candidates); not over 1 s here. With 500 ms, requests leave
// at 0, 0.5, 1.5, 2.5, ... 6.5 s and are given up after 8.5 s: end-of-candidates waits for the last server, so the
// default of 39.5 s is too long; and without a server-reflexive candidate there is often no path, so doubling would
// leave too few attempts on a lossy network.
constexpr auto kLongestGatheringRto = std::chrono::seconds(1);

stun::RetransmitOptions retransmit_options(std::size_t requests) {
  const auto rto = std::clamp<Duration>(kTa * requests, kShortestRto, kLongestGatheringRto);
  return {.rto = rto, .rc = 8, .rm = 4, .longest_interval = kLongestGatheringRto};
}

// RFC 8445 §5.1.1.4: bindings are kept alive until ICE is done; §11: Tr is 15 s or more.
constexpr auto kRefreshInterval = std::chrono::seconds(15);

}  // namespace

void Gatherer::add_base(Instant now, SocketId socket, const Endpoint& base) {
  const auto same = [&](const Base& known) {
    return known.socket == socket && known.endpoint.address.family() == base.address.family();
  };
  if (std::ranges::any_of(bases_, same)) return;
  bases_.push_back({socket, base});
  for (const Endpoint& server : servers_) add_request(bases_.back(), server);
  run(now);
}

void Gatherer::remove_base(SocketId socket) {
  std::erase_if(bases_, [&](const Base& base) { return base.socket == socket; });
  std::erase_if(requests_, [&](const Request& request) { return request.base.socket == socket; });
  std::erase_if(found_, [&](const Reflexive& reflexive) { return reflexive.socket == socket; });
  outbox_.remove(socket);
}

void Gatherer::add_server(Instant now, const Endpoint& server) {
  if (servers_.size() >= kMaxStunServers || std::ranges::find(servers_, server) != servers_.end()) return;
  servers_.push_back(server);
  for (const Base& base : bases_) add_request(base, server);
  run(now);
}

void Gatherer::remove_server(const Endpoint& server) {
  std::erase(servers_, server);
  std::erase_if(requests_, [&](const Request& request) { return request.server == server; });
  std::erase_if(found_, [&](const Reflexive& reflexive) { return reflexive.server == server; });
}

bool Gatherer::answers(const Endpoint& server) const {
  return std::ranges::any_of(requests_, [&](const Request& request) {
    return request.server == server && request.mapped && request.step != Step::kGivenUp;
  });
}

void Gatherer::add_request(const Base& base, const Endpoint& server) {
  if (base.endpoint.address.family() != server.address.family()) return;
  Request request;
  request.base = base;
  request.server = server;
  requests_.push_back(request);
}

void Gatherer::ask_again(Instant now) {
  for (Request& request : requests_) {
    if (request.step == Step::kWaiting || now - request.started < kShortestRepeat) continue;
    request.transaction.reset();
    request.refresh = kNever;
    request.step = Step::kWaiting;
  }
  run(now);
}

// ---- Requests out ----

void Gatherer::handle_timeout(Instant now) { run(now); }

void Gatherer::run(Instant now) {
  if (stopped_) return;
  for (Request& request : requests_) follow_up(now, request);
  start_next(now);
}

void Gatherer::follow_up(Instant now, Request& request) {
  if (now >= request.refresh) {
    // A refresh is a new transaction: it waits for its turn like any other (pacing).
    request.refresh = kNever;
    request.step = Step::kWaiting;
  }
  if (!request.transaction) return;
  switch (request.transaction->handle_timeout(now)) {
    case stun::Transaction::Step::kWait:
      break;
    case stun::Transaction::Step::kSend:
      send(request);
      break;
    case stun::Transaction::Step::kFail:
      request.transaction.reset();
      request.step = Step::kGivenUp;
      silence_ = silence_ || !answers(request.server);
      // A server that answered before may come back; one that never did is left alone.
      if (request.mapped) request.refresh = now + kRefreshInterval;
      break;
  }
}

bool Gatherer::has_waiting() const {
  return std::ranges::find(requests_, Step::kWaiting, &Request::step) != requests_.end();
}

void Gatherer::start_next(Instant now) {
  if (now < next_start_) return;
  const auto found = std::ranges::find(requests_, Step::kWaiting, &Request::step);
  if (found == requests_.end()) return;
  next_start_ = now + kTa;
  found->step = Step::kInProgress;
  found->refresh = kNever;
  found->started = now;
  found->transaction.emplace(now, stun::make_transaction_id(random_), retransmit_options(requests_.size()));
  send(*found);
}

void Gatherer::send(const Request& request) {
  std::array<std::byte, 64> buffer{};
  const auto size = stun::write_binding_request(buffer, request.transaction->id());
  if (size) outbox_.push(request.path(), Bytes(buffer).first(*size));
}

// ---- Responses in ----

bool Gatherer::awaits(const Path& path, const stun::Message& message) const {
  return std::ranges::any_of(requests_, [&](const Request& request) {
    return request.transaction && request.transaction->id() == message.id() && request.path() == path;
  });
}

std::expected<void, Error> Gatherer::handle_input(Instant now, const Received& received) {
  const auto message = stun::Message::parse(received.data);
  if (!message) return std::unexpected(Error::kNotStun);
  return handle_response(now, received.path, *message);
}

std::expected<void, Error> Gatherer::handle_response(Instant now, const Path& path, const stun::Message& message) {
  const auto is_it = [&](const Request& request) {
    return request.transaction && request.transaction->id() == message.id() && request.path() == path;
  };
  const auto request = std::ranges::find_if(requests_, is_it);
  const bool response =
      message.message_class() == stun::Class::kSuccess || message.message_class() == stun::Class::kError;
  if (request == requests_.end() || !response) return std::unexpected(Error::kNoTransaction);
  request->transaction.reset();
  const auto mapped = message.mapped_address();
  if (message.message_class() != stun::Class::kSuccess || !mapped) {
    request->step = Step::kGivenUp;
    if (request->mapped) request->refresh = now + kRefreshInterval;
    return {};
  }
  const bool news = request->mapped != mapped;
  request->step = Step::kAnswered;
  request->mapped = *mapped;
  request->refresh = stopped_ ? kNever : now + kRefreshInterval;
  if (news) found_.push_back({request->base.socket, request->base.endpoint, request->server, *mapped});
  return {};
}

std::optional<Transmit> Gatherer::poll_transmit(Instant, MutableBytes buffer) { return outbox_.pop(buffer); }

std::optional<Reflexive> Gatherer::poll_event() {
  if (found_.empty()) return std::nullopt;
  const Reflexive reflexive = found_.front();
  found_.pop_front();
  return reflexive;
}

// ---- What is known ----

bool Gatherer::complete() const {
  return stopped_ || std::ranges::all_of(requests_, [](const Request& request) {
           return request.mapped || request.step == Step::kGivenUp;
         });
}

// What a server said counts until it is asked in vain: the binding may be gone then.
std::vector<Reflexive> Gatherer::reflexives() const {
  std::vector<Reflexive> known;
  for (const Request& request : requests_) {
    if (!request.mapped || request.step == Step::kGivenUp) continue;
    known.push_back({request.base.socket, request.base.endpoint, request.server, *request.mapped});
  }
  return known;
}

StunFindings Gatherer::findings() const {
  StunFindings findings;
  for (const Request& request : requests_) {
    ++findings.asked;
    if (!request.mapped) continue;
    ++findings.answered;
    const auto elsewhere = [&](const Request& other) {
      return other.base.endpoint == request.base.endpoint && other.mapped && *other.mapped != *request.mapped;
    };
    findings.mapping_varies = findings.mapping_varies || std::ranges::any_of(requests_, elsewhere);
  }
  return findings;
}

void Gatherer::stop() {
  stopped_ = true;
  outbox_.clear();
  for (Request& request : requests_) {
    request.transaction.reset();
    request.refresh = kNever;
  }
}

Instant Gatherer::next_timeout() const {
  Instant next = kNever;
  if (stopped_) return next;
  if (has_waiting()) next = next_start_;
  for (const Request& request : requests_) {
    next = std::min(next, request.refresh);
    if (request.transaction) next = std::min(next, request.transaction->next_timeout());
  }
  return next;
}

}  // namespace bamgate::ice
