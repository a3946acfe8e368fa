// The life of an allocation: how it comes about, is kept, lost, and made again. Requests are in client_requests.cc, the
// data path in client_data.cc.
#include "turn/client.h"

#include <algorithm>
#include <utility>

#include "stun/builder.h"

namespace bamgate::turn {
namespace {

// RFC 8489 §6.2: ten transactions at a time are allowed; some are left for what is urgent.
constexpr std::size_t kMostInFlight = 6;
// Not in the RFC: so many addresses of 24 bytes keep a CreatePermission request well below any MTU.
constexpr std::size_t kPeersInRequest = 16;
// Not in the RFC: waits between attempts that failed double from one to the other, half of each drawn by lot, so that
// a relay that restarts does not get everybody back at the same moment.
constexpr std::chrono::milliseconds kFirstRetry{1000};
constexpr std::chrono::milliseconds kLongestRetry{300'000};
constexpr unsigned kLastStep = 9;
// Not in the RFC: an allocation that lived so long was a good one, and what follows its loss begins anew.
constexpr auto kLasting = std::chrono::seconds(60);
// Not in the RFC: a server that does not answer the request to delete is not waited for.
constexpr auto kCloseWithin = std::chrono::seconds(2);
// Not in the RFC: ICMP errors are dropped when nobody fetches events; all others are few.
constexpr std::size_t kMostIcmpEvents = 64;

stun::Transport stun_transport(Transport transport) {
  return transport == Transport::kUdp ? stun::Transport::kUnreliable : stun::Transport::kReliable;
}

// Whether another way to the server, or another moment, may help; if not, only other credentials or a person do.
bool is_of_the_path(Reason reason) {
  switch (reason) {
    case Reason::kNoAnswer:
    case Reason::kUnreachable:
    case Reason::kConnectionClosed:
    case Reason::kMoved:
    case Reason::kForgotten:
    case Reason::kExpired:
    case Reason::kOutOfStep:
    case Reason::kForged:
    case Reason::kMismatch:
    case Reason::kRedirected:
      return true;
    case Reason::kBadCredentials:
    case Reason::kBidDown:
    case Reason::kBadAnswer:
    case Reason::kBadRequest:
    case Reason::kForbidden:
    case Reason::kFamily:
    case Reason::kTransport:
    case Reason::kQuota:
    case Reason::kCapacity:
    case Reason::kServerError:
      return false;
  }
  return false;
}

}  // namespace

Client::Client(ClientOptions options, Credentials credentials, Random& random, Crypto& crypto)
    : options_(options),
      credentials_(std::move(credentials)),
      random_(random),
      crypto_(crypto),
      stun_(stun_transport(options.transport)),
      permissions_(options.most_permissions),
      channels_(options.most_channels) {
  want_transport();
}

Client::~Client() = default;

void Client::emit(Event event) {
  if (std::holds_alternative<IcmpHeard>(event) && events_.size() >= kMostIcmpEvents) {
    ++counters_.dropped_events;
    return;
  }
  events_.push_back(std::move(event));
}

std::optional<Event> Client::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void Client::want_transport() {
  state_ = State::kWantsTransport;
  retry_ = kNever;
  emit(TransportWanted{.server = options_.server});
}

void Client::set_transport(Instant now, const Path& path) {
  if (state_ == State::kClosing || state_ == State::kClosed || (connected_ && path == path_)) return;
  cancel_requests();
  signer_.reset();
  path_ = path;
  home_ = path.remote;
  connected_ = true;
  if (allocation_) {
    lose(now, Reason::kMoved);
  } else if (state_ != State::kResting || is_of_the_path(rest_reason_)) {
    allocate(now);
  }
  settle(now);
}

void Client::clear_transport(Instant now) {
  if (state_ == State::kClosed) return;
  cancel_requests();
  signer_.reset();
  connected_ = false;
  if (state_ == State::kClosing) {
    finish_closing();
  } else if (allocation_) {
    lose(now, Reason::kConnectionClosed);
  } else if (state_ == State::kAllocating) {
    fail(now, Reason::kConnectionClosed, 0, {});
  } else if (state_ == State::kWantsTransport) {
    fail(now, Reason::kUnreachable, 0, {});
  }
  settle(now);
}

void Client::set_credentials(Instant now, Credentials credentials) {
  credentials_ = std::move(credentials);
  // RFC 8656 §5: all requests of an allocation use the name that it was made with; its signer keeps that.
  renewed_ = true;
  if (state_ == State::kResting && rest_reason_ == Reason::kBadCredentials) restart(now);
}

void Client::restart(Instant now) {
  if (state_ != State::kResting) return;
  failures_ = 0;
  try_again(now);
  settle(now);
}

void Client::check(Instant now) {
  if (state_ != State::kReady) return;
  allocation_->refresh = now;
  settle(now);
}

void Client::try_again(Instant now) {
  if (connected_) {
    allocate(now);
  } else {
    want_transport();
  }
}

void Client::allocate(Instant now) {
  state_ = State::kAllocating;
  retry_ = kNever;
  if (!signer_ || std::exchange(renewed_, false)) {
    signer_ = std::make_unique<stun::LongTermClient>(credentials_.username, credentials_.password.view());
  }
  submit(now, {.kind = Kind::kAllocate});
}

Duration Client::backoff() {
  const auto longest = std::min(kFirstRetry * (1 << std::min(failures_, kLastStep)), kLongestRetry);
  if (failures_ < kLastStep) ++failures_;
  const auto half = static_cast<std::uint32_t>(longest.count() / 2);
  return std::chrono::milliseconds(half + random_.below(half + 1));
}

void Client::forget_allocation() {
  allocation_.reset();
  cancel_requests();
  permissions_.reset();
  channels_.reset();
}

// The first loss, and that of an allocation that had lasted, cost one new allocation at once. One that is lost soon
// again costs patience, unless it was the owner who moved.
void Client::lose(Instant now, Reason reason) {
  ++counters_.lost;
  if (now - allocation_->since >= kLasting) failures_ = 0;
  forget_allocation();
  path_.remote = home_;
  const bool moved = reason == Reason::kMoved;
  const bool at_once = moved || failures_ == 0;
  if (at_once && !moved) failures_ = 1;
  const Instant retry = at_once ? now : now + backoff();
  emit(Lost{.reason = reason, .retry = retry});
  rest_reason_ = reason;
  if (at_once) return try_again(now);
  state_ = State::kResting;
  retry_ = retry;
}

// `rest`: how long the RFC wants the server to be left alone, at least.
void Client::fail(Instant now, Reason reason, std::uint16_t code, Duration rest) {
  cancel_requests();
  path_.remote = home_;
  state_ = State::kResting;
  rest_reason_ = reason;
  retry_ = now + std::max(rest, backoff());
  emit(Failed{.reason = reason, .code = code, .retry = retry_});
}

void Client::fail_for_good(Reason reason, std::uint16_t code) {
  forget_allocation();
  path_.remote = home_;
  state_ = State::kResting;
  rest_reason_ = reason;
  retry_ = kNever;
  // The next attempt learns its challenge anew, whoever asks for it.
  signer_.reset();
  emit(Failed{.reason = reason, .code = code, .retry = kNever});
}

void Client::close(Instant now) {
  if (state_ == State::kClosing || state_ == State::kClosed) return;
  const bool may_exist = state_ == State::kReady || state_ == State::kAllocating;
  if (!connected_ || !may_exist) return finish_closing();
  const bool exists = state_ == State::kReady;
  state_ = State::kClosing;
  close_by_ = now + kCloseWithin;
  // An Allocate request that is on its way may still succeed; then handle_allocated() deletes what came of it.
  if (exists) {
    cancel_requests();
    submit(now, {.kind = Kind::kDelete});
  }
  settle(now);
}

void Client::finish_closing() {
  forget_allocation();
  state_ = State::kClosed;
  retry_ = close_by_ = next_timeout_ = kNever;
  emit(Closed{});
}

std::expected<void, Error> Client::permit(Instant now, const IpAddress& address) {
  if (!permissions_.want(address)) return std::unexpected(Error::kTooMany);
  settle(now);
  return {};
}

void Client::forbid(const IpAddress& address) { permissions_.forget(address); }

std::expected<void, Error> Client::bind(Instant now, const Endpoint& peer) {
  if (!permissions_.want(peer.address) || !channels_.want(peer)) return std::unexpected(Error::kTooMany);
  settle(now);
  return {};
}

void Client::unbind(const Endpoint& peer) { channels_.forget(peer); }

void Client::handle_timeout(Instant now) {
  stun_.handle_timeout(now);
  while (const auto failure = stun_.poll_failure()) {
    const auto place = std::ranges::find(requests_, failure->id, &Request::id);
    if (place == requests_.end()) continue;
    const Request request = std::move(*place);
    requests_.erase(place);
    handle_failure(now, request, failure->reason == stun::Error::kBadIntegrity ? Reason::kForged : Reason::kNoAnswer);
  }
  if (state_ == State::kResting && now >= retry_) try_again(now);
  if (state_ == State::kClosing && now >= close_by_) finish_closing();
  if (state_ == State::kReady && now >= allocation_->expires) lose(now, Reason::kExpired);
  if (state_ == State::kReady && options_.transport == Transport::kUdp && now >= last_sent_ + options_.keepalive) {
    keepalive_due_ = true;
    last_sent_ = now;
  }
  settle(now);
}

bool Client::in_flight(Kind kind) const {
  return std::ranges::find(requests_, kind, &Request::kind) != requests_.end();
}

void Client::ask_for_due(Instant now) {
  while (state_ == State::kReady && requests_.size() < kMostInFlight) {
    if (allocation_->refresh <= now && !in_flight(Kind::kRefresh)) {
      submit(now, {.kind = Kind::kRefresh});
      continue;
    }
    if (std::vector<IpAddress> peers = permissions_.take_due(now, kPeersInRequest); !peers.empty()) {
      // RFC 8656 §10.2, §12.2: a relay answers 443 where it has no address of the peer's family; we know that already.
      std::erase_if(peers, [&](const IpAddress& address) {
        if (relayed_for(address)) return false;
        permissions_.refuse({&address, 1});
        emit(PermissionRefused{.address = address, .code = stun::kErrorPeerAddressFamilyMismatch});
        return true;
      });
      if (!peers.empty()) submit(now, {.kind = Kind::kPermissions, .peers = std::move(peers)});
      continue;
    }
    const auto binding = channels_.take_due(now);
    if (!binding) return;
    if (relayed_for(binding->peer.address)) {
      submit(now, {.kind = Kind::kChannel, .binding = *binding});
    } else {
      channels_.refuse(binding->peer);
      emit(ChannelRefused{.peer = binding->peer, .code = stun::kErrorPeerAddressFamilyMismatch});
    }
  }
}

void Client::settle(Instant now) {
  next_timeout_ = stun_.next_timeout();
  if (state_ == State::kResting) next_timeout_ = std::min(next_timeout_, retry_);
  if (state_ == State::kClosing) next_timeout_ = std::min(next_timeout_, close_by_);
  if (state_ != State::kReady) return;
  permissions_.expire(now);
  channels_.expire(now);
  ask_for_due(now);
  if (state_ != State::kReady) return settle(now);
  next_timeout_ = std::min(stun_.next_timeout(), allocation_->expires);
  if (options_.transport == Transport::kUdp) next_timeout_ = std::min(next_timeout_, last_sent_ + options_.keepalive);
  // What is due and finds too many requests on their way is asked for when one of them ends.
  if (requests_.size() >= kMostInFlight) return;
  if (!in_flight(Kind::kRefresh)) next_timeout_ = std::min(next_timeout_, allocation_->refresh);
  next_timeout_ = std::min({next_timeout_, permissions_.next_due(), channels_.next_due()});
}

std::optional<Transmit> Client::poll_transmit(Instant now, MutableBytes buffer) {
  while (const auto request = stun_.poll_transmit()) {
    if (request->size() > buffer.size()) {
      ++counters_.oversized;
      continue;
    }
    copy_bytes(*request, buffer);
    last_sent_ = now;
    return Transmit{.path = path_, .size = static_cast<std::uint32_t>(request->size())};
  }
  if (!std::exchange(keepalive_due_, false) || state_ != State::kReady) return std::nullopt;
  // RFC 8489 §3: a Binding indication keeps the NAT's binding alive, and nobody answers it.
  const auto size =
      stun::Builder(buffer, stun::Class::kIndication, stun::Method::kBinding, stun::make_transaction_id(random_))
          .fingerprint()
          .finish();
  if (!size) {
    ++counters_.oversized;
    return std::nullopt;
  }
  return Transmit{.path = path_, .size = static_cast<std::uint32_t>(*size)};
}

std::optional<Endpoint> Client::relayed_for(const IpAddress& peer) const {
  if (!allocation_) return std::nullopt;
  if (peer.is_v4()) return allocation_->relayed4;
  if (peer.is_v6()) return allocation_->relayed6;
  return std::nullopt;
}

}  // namespace bamgate::turn
