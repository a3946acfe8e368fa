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

void Gatherer::add_base(SocketId socket, const Endpoint& base) {
  const auto same = [&](const Base& known) {
    return known.socket == socket && known.endpoint.address.family() == base.address.family();
  };
  if (std::ranges::any_of(bases_, same)) return;
  bases_.push_back({socket, base});
  for (const Endpoint& server : servers_) add_request(bases_.back(), server);
}

void Gatherer::remove_base(SocketId socket) {
  std::erase_if(bases_, [&](const Base& base) { return base.socket == socket; });
  std::erase_if(requests_, [&](const Request& request) { return request.base.socket == socket; });
}

bool Gatherer::add_server(const Endpoint& server) {
  if (servers_.size() >= kMaxStunServers || std::ranges::find(servers_, server) != servers_.end()) return false;
  servers_.push_back(server);
  for (const Base& base : bases_) add_request(base, server);
  return true;
}

void Gatherer::add_request(const Base& base, const Endpoint& server) {
  if (base.endpoint.address.family() != server.address.family()) return;
  Request request;
  request.base = base;
  request.server = server;
  requests_.push_back(request);
}

bool Gatherer::has_waiting() const {
  return !stopped_ && std::ranges::find(requests_, Step::kWaiting, &Request::step) != requests_.end();
}

void Gatherer::start_next(Instant now, Random& random, Outbox& outbox) {
  const auto found = std::ranges::find(requests_, Step::kWaiting, &Request::step);
  if (found != requests_.end()) start(*found, now, random, outbox);
}

void Gatherer::start(Request& request, Instant now, Random& random, Outbox& outbox) {
  request.step = Step::kInProgress;
  request.refresh = kNever;
  request.transaction.emplace(now, stun::make_transaction_id(random), retransmit_options(requests_.size()));
  std::array<std::byte, 64> buffer{};
  const auto size = stun::write_binding_request(buffer, request.transaction->id());
  if (size) outbox.push({request.base.socket, request.server, RelayId::kNone}, Bytes(buffer).first(*size));
}

void Gatherer::handle_timeout(Instant now, Outbox& outbox) {
  if (stopped_) return;
  for (Request& request : requests_) {
    if (now >= request.refresh) {
      // A refresh is a new transaction: it waits for its turn like any other (pacing).
      request.refresh = kNever;
      request.step = Step::kWaiting;
    }
    if (!request.transaction) continue;
    switch (request.transaction->handle_timeout(now)) {
      case stun::Transaction::Step::kWait:
        break;
      case stun::Transaction::Step::kSend: {
        std::array<std::byte, 64> buffer{};
        const auto size = stun::write_binding_request(buffer, request.transaction->id());
        if (size) outbox.push({request.base.socket, request.server, RelayId::kNone}, Bytes(buffer).first(*size));
        break;
      }
      case stun::Transaction::Step::kFail:
        request.transaction.reset();
        request.step = Step::kGivenUp;
        // A server that answered before may come back; one that never did is left alone.
        if (request.mapped) request.refresh = now + kRefreshInterval;
        break;
    }
  }
}

bool Gatherer::handle_response(Instant now, const Path& path, const stun::Message& message,
                               std::optional<Reflexive>& found) {
  for (Request& request : requests_) {
    if (!request.transaction || request.transaction->id() != message.id()) continue;
    const Path expected{request.base.socket, request.server, RelayId::kNone};
    if (path != expected) return false;
    request.transaction.reset();
    const auto mapped = message.mapped_address();
    if (message.message_class() != stun::Class::kSuccess || !mapped) {
      request.step = Step::kGivenUp;
      return true;
    }
    request.step = Step::kAnswered;
    request.mapped = *mapped;
    request.refresh = stopped_ ? kNever : now + kRefreshInterval;
    found = Reflexive{request.base.endpoint, request.server, *mapped};
    return true;
  }
  return false;
}

bool Gatherer::complete() const {
  return stopped_ || std::ranges::all_of(requests_, [](const Request& request) {
           return request.mapped || request.step == Step::kGivenUp;
         });
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
  for (Request& request : requests_) {
    request.transaction.reset();
    request.refresh = kNever;
  }
}

Instant Gatherer::next_timeout() const {
  Instant next = kNever;
  if (stopped_) return next;
  for (const Request& request : requests_) {
    next = std::min(next, request.refresh);
    if (request.transaction) next = std::min(next, request.transaction->next_timeout());
  }
  return next;
}

}  // namespace bamgate::ice
