// The requests of a TURN client, and what each answer means (RFC 8656 §7 to §12).
#include <algorithm>
#include <array>
#include <utility>

#include "stun/builder.h"
#include "turn/client.h"

namespace bamgate::turn {
namespace {

// RFC 8656 §7.3, §8.3, §10.3, §12.3, RFC 8489 §9.2.4: what responses may carry that must be understood.
constexpr std::array kKnownInResponses = {stun::Attribute::kMappedAddress,
                                          stun::Attribute::kXorMappedAddress,
                                          stun::Attribute::kXorRelayedAddress,
                                          stun::Attribute::kXorPeerAddress,
                                          stun::Attribute::kChannelNumber,
                                          stun::Attribute::kLifetime,
                                          stun::Attribute::kReservationToken,
                                          stun::Attribute::kRequestedTransport,
                                          stun::Attribute::kErrorCode,
                                          stun::Attribute::kUnknownAttributes,
                                          stun::Attribute::kUsername,
                                          stun::Attribute::kUserHash,
                                          stun::Attribute::kRealm,
                                          stun::Attribute::kNonce,
                                          stun::Attribute::kPasswordAlgorithm,
                                          stun::Attribute::kMessageIntegrity,
                                          stun::Attribute::kMessageIntegritySha256,
                                          stun::Attribute::kRequestedAddressFamily};

// A request with 16 peers and the longest name, realm and nonce.
constexpr std::size_t kLargestRequest = 4096;
// Not in the RFC: a challenge, a stale nonce, another realm; a server that wants more than that wants us to go on
// forever.
constexpr unsigned kMostTries = 4;
// RFC 8656 §8: roughly 1 minute before it expires.
constexpr auto kRefreshMargin = std::chrono::seconds(60);
// Not in the RFC: a server that gives less time than that does not want to be asked so often.
constexpr auto kShortestRefresh = std::chrono::seconds(5);
// RFC 8656 §7.4: after 486 and 508 no other allocation for a minute.
constexpr auto kCapacityRest = std::chrono::minutes(1);
// RFC 8656 §7.4: after three times 437 no other allocation for two minutes.
constexpr unsigned kMostMismatches = 3;
constexpr auto kMismatchRest = std::chrono::minutes(2);
// Not in the RFC: a request for a permission or channel that failed by a passing fault is sent again after that.
constexpr auto kAskAgain = std::chrono::seconds(5);

bool is_passing(std::uint16_t code) { return code >= 500 && code != stun::kErrorInsufficientCapacity; }

// Says nothing of us (RFC 8489 §16.1.2); with it a request is longer than any challenge to it of our own relay.
constexpr std::string_view kFilling =
    "................................................................................";

}  // namespace

void Client::write_body(stun::Builder& builder, const Request& request) const {
  switch (request.kind) {
    case Kind::kAllocate:
      builder.requested_transport(kTransportUdp).lifetime(options_.lifetime);
      // RFC 8656 §7.1: without a family it is IPv4; the two attributes exclude each other.
      if (options_.families == Families::kV6) builder.family(stun::Attribute::kRequestedAddressFamily, Family::kV6);
      if (options_.families == Families::kBoth) builder.family(stun::Attribute::kAdditionalAddressFamily, Family::kV6);
      break;
    case Kind::kRefresh:
      // RFC 8656 §8.2: without a family it is for all addresses of the allocation.
      builder.lifetime(options_.lifetime);
      break;
    case Kind::kDelete:
      builder.lifetime(std::chrono::seconds(0));
      break;
    case Kind::kPermissions:
      for (const IpAddress& peer : request.peers) {
        builder.xor_address(stun::Attribute::kXorPeerAddress, {.address = peer, .port = 0});
      }
      break;
    case Kind::kChannel:
      builder.channel_number(request.binding.number);
      builder.xor_address(stun::Attribute::kXorPeerAddress, request.binding.peer);
      break;
  }
}

void Client::submit(Instant now, Request request) {
  static constexpr std::array kMethods = {stun::Method::kAllocate, stun::Method::kRefresh, stun::Method::kRefresh,
                                          stun::Method::kCreatePermission, stun::Method::kChannelBind};
  std::array<std::byte, kLargestRequest> room;
  request.id = stun::make_transaction_id(random_);
  request.asked_at = now;
  stun::Builder builder(room, stun::Class::kRequest, kMethods[static_cast<std::size_t>(request.kind)], request.id);
  write_body(builder, request);
  // A careful relay sends no more to whom it does not know than came from there (docs/relay.md), and a challenge is
  // long.
  if (options_.transport == Transport::kUdp && !signer_->challenged())
    builder.text(stun::Attribute::kSoftware, kFilling);
  signer_->sign(builder, crypto_, request.attempt);
  const auto size = builder.fingerprint().finish();
  // Only what the server made us echo, or a name of more than 508 bytes, can be too long.
  if (!size || !stun_.send(now, Bytes(room).first(*size))) {
    if (state_ == State::kClosing) return finish_closing();
    return fail_for_good(Reason::kBidDown, 0);
  }
  requests_.push_back(std::move(request));
}

void Client::cancel_requests() {
  for (const Request& request : requests_) stun_.cancel(request.id);
  requests_.clear();
}

std::expected<void, Error> Client::handle_response(Instant now, const stun::Message& message) {
  const auto place = std::ranges::find(requests_, message.id(), &Request::id);
  if (place == requests_.end()) return std::unexpected(drop(Error::kUnexpected));
  const stun::Verdict verdict = signer_->handle_response(message, crypto_, place->attempt);
  const auto answer = stun_.handle_response(now, message, verdict != stun::Verdict::kDiscard, kKnownInResponses);
  // RFC 8489 §9.2.5: over UDP a forged response is as if it had never come, over TCP it is the end of the transaction.
  if (stun_.awaits(message.id())) return std::unexpected(drop(Error::kForged));
  Request request = std::move(*place);
  requests_.erase(place);
  switch (verdict) {
    case stun::Verdict::kDiscard:
      handle_failure(now, request, Reason::kForged);
      return std::unexpected(drop(Error::kForged));
    case stun::Verdict::kRetry:
      repeat(now, std::move(request));
      return {};
    case stun::Verdict::kRefused:
      handle_refused(now, request, Reason::kBadCredentials);
      return {};
    case stun::Verdict::kBidDown:
      handle_refused(now, request, Reason::kBidDown);
      return {};
    case stun::Verdict::kAccept:
      break;
  }
  if (!answer) {
    handle_failure(now, request, Reason::kBadAnswer);
  } else if (answer->error) {
    handle_error(now, request, message, answer->error->code);
  } else {
    handle_success(now, request, message);
  }
  return {};
}

// The server gave a challenge, or a new nonce.
void Client::repeat(Instant now, Request request) {
  ++counters_.challenges;
  if (state_ == State::kClosing && request.kind == Kind::kAllocate) return finish_closing();
  if (++request.tries >= kMostTries) return handle_refused(now, request, Reason::kBadCredentials);
  submit(now, std::move(request));
}

void Client::handle_success(Instant now, const Request& request, const stun::Message& message) {
  switch (request.kind) {
    case Kind::kAllocate:
      return handle_allocated(now, request, message);
    case Kind::kRefresh:
      return handle_refreshed(now, request, message);
    case Kind::kDelete:
      if (state_ == State::kClosing) finish_closing();
      // What stood in the way is gone.
      if (state_ == State::kAllocating) allocate(now);
      return;
    case Kind::kPermissions:
      permissions_.install(request.peers, request.asked_at);
      for (const IpAddress& address : request.peers) emit(PermissionInstalled{address});
      return;
    case Kind::kChannel:
      channels_refused_ = false;
      channels_.bind(request.binding.peer, request.asked_at);
      // RFC 8656 §12.3: a binding installs or refreshes the permission too.
      permissions_.install({&request.binding.peer.address, 1}, request.asked_at);
      emit(ChannelBound{.peer = request.binding.peer, .number = request.binding.number});
      return;
  }
}

void Client::handle_allocated(Instant now, const Request& request, const stun::Message& message) {
  if (state_ == State::kClosing) return submit(now, {.kind = Kind::kDelete});
  Allocation allocation{};
  for (const Endpoint& relayed : message.xor_addresses(stun::Attribute::kXorRelayedAddress, 2)) {
    (relayed.address.is_v4() ? allocation.relayed4 : allocation.relayed6) = relayed;
  }
  const auto mapped = message.mapped_address();
  const auto lifetime = message.lifetime().value_or(std::chrono::seconds(0));
  const bool unwanted = (allocation.relayed4 && options_.families == Families::kV6) ||
                        (allocation.relayed6 && options_.families == Families::kV4);
  const bool none = !allocation.relayed4 && !allocation.relayed6;
  if (!mapped || none || unwanted || lifetime <= std::chrono::seconds(0)) {
    // RFC 8656 §7.3: such an allocation is deleted, and no other one is asked for.
    submit(now, {.kind = Kind::kDelete});
    state_ = State::kResting;
    retry_ = kNever;
    rest_reason_ = Reason::kBadAnswer;
    return emit(Failed{.reason = Reason::kBadAnswer, .retry = kNever});
  }
  allocation.since = now;
  allocation_ = allocation;
  state_ = State::kReady;
  mismatches_ = 0;
  ++counters_.allocations;
  handle_refreshed(now, request, message);
  const auto missing = message.address_error_code();
  emit(Allocated{.relayed4 = allocation.relayed4,
                 .relayed6 = allocation.relayed6,
                 .mapped = *mapped,
                 .lifetime = lifetime,
                 .missing_code = missing ? std::optional(missing->error.code) : std::nullopt});
}

void Client::handle_refreshed(Instant now, const Request& request, const stun::Message& message) {
  const auto given = message.lifetime().value_or(std::chrono::seconds(0));
  if (given <= std::chrono::seconds(0)) return lose(now, Reason::kForgotten);
  // A server may give more than the hour that it should; refreshing earlier does no harm.
  const std::chrono::seconds lifetime = std::min(given, std::chrono::seconds(kLongestAllocation));
  allocation_->expires = request.asked_at + lifetime;
  allocation_->refresh =
      request.asked_at + std::max({lifetime - kRefreshMargin, lifetime / 2, std::chrono::seconds(kShortestRefresh)});
}

void Client::handle_error(Instant now, const Request& request, const stun::Message& message, std::uint16_t code) {
  if (code == stun::kErrorWrongCredentials) return handle_refused(now, request, Reason::kBadCredentials);
  switch (request.kind) {
    case Kind::kAllocate:
      return handle_allocate_error(now, request, message, code);
    case Kind::kDelete:
      // RFC 8656 §8.3: 437 says that there is nothing to delete.
      if (state_ == State::kClosing) return finish_closing();
      if (state_ != State::kAllocating) return;
      if (code == stun::kErrorAllocationMismatch) return allocate(now);
      return fail(now, Reason::kMismatch, stun::kErrorAllocationMismatch, kMismatchRest);
    case Kind::kRefresh:
    case Kind::kPermissions:
    case Kind::kChannel:
      break;
  }
  // RFC 8656 §8.3: the allocation no longer exists.
  if (code == stun::kErrorAllocationMismatch) return lose(now, Reason::kForgotten);
  if (request.kind == Kind::kRefresh) {
    // Whatever it is: tried again until the allocation runs out.
    allocation_->refresh = now + kAskAgain;
  } else if (request.kind == Kind::kChannel) {
    handle_channel_error(now, request, code);
  } else if (is_passing(code)) {
    permissions_.postpone(request.peers, now + kAskAgain);
  } else if (permissions_.refuse(request.peers)) {
    emit(PermissionRefused{.address = request.peers.front(), .code = code});
  }
}

void Client::handle_channel_error(Instant now, const Request& request, std::uint16_t code) {
  if (is_passing(code)) return channels_.postpone(request.binding.peer, now + kAskAgain);
  // RFC 8656 §12.3: out of step with the server, we delete the allocation and start afresh; once, since a server that
  // wants no channels at all says the same.
  if (code == stun::kErrorBadRequest && !std::exchange(channels_refused_, true)) return start_over(now);
  channels_.refuse(request.binding.peer);
  emit(ChannelRefused{.peer = request.binding.peer, .code = code});
}

void Client::start_over(Instant now) {
  ++counters_.lost;
  forget_allocation();
  emit(Lost{.reason = Reason::kOutOfStep, .retry = now});
  state_ = State::kAllocating;
  submit(now, {.kind = Kind::kDelete});
}

void Client::handle_allocate_error(Instant now, const Request& request, const stun::Message& message,
                                   std::uint16_t code) {
  if (state_ == State::kClosing) return finish_closing();
  switch (code) {
    case stun::kErrorTryAlternate:
      return follow(now, request, message);
    case stun::kErrorBadRequest:
    case stun::kErrorUnknownAttribute:
      return fail_for_good(Reason::kBadRequest, code);
    case stun::kErrorForbidden:
      return fail_for_good(Reason::kForbidden, code);
    case stun::kErrorAllocationMismatch:
      return handle_mismatch(now);
    case stun::kErrorAddressFamilyNotSupported:
      return fail_for_good(Reason::kFamily, code);
    case stun::kErrorUnsupportedTransport:
      return fail_for_good(Reason::kTransport, code);
    case stun::kErrorAllocationQuotaReached:
      return fail(now, Reason::kQuota, code, kCapacityRest);
    case stun::kErrorInsufficientCapacity:
      return fail(now, Reason::kCapacity, code, kCapacityRest);
    default:
      break;
  }
  // RFC 8489 §6.3.4: 500 to 599 may pass; others that nobody knows are final.
  if (is_passing(code)) return fail(now, Reason::kServerError, code, {});
  fail_for_good(Reason::kServerError, code);
}

// RFC 8656 §7.4: another client address is to be tried, three times in all. A stream is opened anew. Over UDP the
// socket is not ours to change; but what stands in the way is most likely our own allocation of before, so it is
// deleted.
void Client::handle_mismatch(Instant now) {
  if (++mismatches_ >= kMostMismatches) {
    mismatches_ = 0;
    return fail(now, Reason::kMismatch, stun::kErrorAllocationMismatch, kMismatchRest);
  }
  if (options_.transport == Transport::kUdp) return submit(now, {.kind = Kind::kDelete});
  connected_ = false;
  signer_.reset();
  want_transport();
}

// RFC 8489 §10, §14.8: only an answer whose integrity was checked sends us on.
void Client::follow(Instant now, const Request& request, const stun::Message& message) {
  const auto server = request.attempt.signature ? redirects_.follow(now, path_.remote, message) : std::nullopt;
  if (!server) return fail(now, Reason::kRedirected, stun::kErrorTryAlternate, kCapacityRest);
  signer_.reset();
  if (options_.transport == Transport::kUdp) {
    path_.remote = *server;
    emit(Redirected{*server});
    return allocate(now);
  }
  connected_ = false;
  state_ = State::kWantsTransport;
  emit(TransportWanted{
      .server = *server, .alternate = true, .domain = std::string(message.alternate_domain().value_or(""))});
}

// No usable answer came.
void Client::handle_failure(Instant now, const Request& request, Reason reason) {
  if (state_ == State::kClosing) return finish_closing();
  const bool decides = request.kind == Kind::kAllocate || request.kind == Kind::kRefresh;
  // A connection on which nothing usable comes back is of no use: the next attempt gets another one.
  if (decides && options_.transport != Transport::kUdp) connected_ = false;
  switch (request.kind) {
    case Kind::kAllocate:
      return fail(now, reason, 0, {});
    case Kind::kRefresh:
      return lose(now, reason);
    case Kind::kDelete:
      if (state_ == State::kAllocating) fail(now, Reason::kMismatch, stun::kErrorAllocationMismatch, kMismatchRest);
      return;
    case Kind::kPermissions:
      permissions_.postpone(request.peers, now + kAskAgain);
      break;
    case Kind::kChannel:
      channels_.postpone(request.binding.peer, now + kAskAgain);
      break;
  }
  // Whether the server is still there decides a refresh.
  allocation_->refresh = now;
}

// The server does not take our signature. For an allocation that it gave us that means that it has forgotten us; a new
// one, from the first challenge on, tells.
void Client::handle_refused(Instant now, const Request& request, Reason reason) {
  if (state_ == State::kClosing) return finish_closing();
  signer_.reset();
  if (request.kind == Kind::kAllocate) return fail_for_good(reason, stun::kErrorUnauthenticated);
  if (allocation_) return lose(now, Reason::kForgotten);
  if (request.kind == Kind::kDelete && state_ == State::kAllocating) {
    fail(now, Reason::kMismatch, stun::kErrorAllocationMismatch, kMismatchRest);
  }
}

}  // namespace bamgate::turn
