// What authenticated clients ask for (RFC 8656 §7 to §12), in the order in which the RFC has it checked.
#include <algorithm>
#include <array>

#include "stun/response.h"
#include "turn/server_request.h"

namespace bamgate::turn {
namespace {

using stun::Attribute;

constexpr std::array kServed = {
    Attribute::kUsername,       Attribute::kMessageIntegrity,
    Attribute::kRealm,          Attribute::kNonce,
    Attribute::kUserHash,       Attribute::kMessageIntegritySha256,
    Attribute::kLifetime,       Attribute::kPasswordAlgorithm,
    Attribute::kXorPeerAddress, Attribute::kRequestedTransport,
    Attribute::kChannelNumber,  Attribute::kRequestedAddressFamily,
    Attribute::kEvenPort,       Attribute::kReservationToken,
    Attribute::kDontFragment,
};

// One more than a full room has peers, so that one too many is seen.
constexpr std::size_t kMaxPeers = 1'200;

// RFC 8656 §7.2: between the default and an hour.
std::chrono::seconds granted(const stun::Message& message) {
  return std::clamp<std::chrono::seconds>(message.lifetime().value_or(kAllocationLifetime), kAllocationLifetime,
                                          kLongestAllocation);
}

}  // namespace

Server::Reply Server::finish(const Request& request, stun::Builder& response) {
  request.authenticated.sign(response, request.crypto);
  const auto size = stun::finish_response(response, request.message);
  if (!size) return std::nullopt;
  return Output{request.from, Bytes(request.out).first(*size)};
}

Server::Reply Server::refuse(const Request& request, std::uint16_t code, std::span<const std::uint16_t> unknown) {
  ++counters_.refused;
  stun::Builder response = stun::error_response(request.out, request.message, code, unknown);
  return finish(request, response);
}

Server::Reply Server::serve(const Request& request) {
  const auto unknown = request.message.unknown_required(kServed);
  if (!unknown.empty()) return refuse(request, stun::kErrorUnknownAttribute, unknown);
  switch (request.message.method()) {
    case stun::Method::kAllocate:
      return allocate(request);
    case stun::Method::kRefresh:
      return refresh(request);
    case stun::Method::kCreatePermission:
      return create_permission(request);
    case stun::Method::kChannelBind:
      return bind_channel(request);
    default:
      return refuse(request, stun::kErrorBadRequest);
  }
}

// RFC 8656 §7.2.
Server::Reply Server::allocate(const Request& request) {
  const stun::Message& message = request.message;
  const auto additional = message.family(Attribute::kAdditionalAddressFamily);
  if (const Allocation* held = allocations_.find(request.from)) {
    // The answer to the first request was lost.
    if (held->made_by != message.id() || held->owner_name != request.owner) {
      return refuse(request, stun::kErrorAllocationMismatch);
    }
    return tell_allocation(request, *held, additional.has_value());
  }
  const auto transport = message.requested_transport();
  if (!transport) return refuse(request, stun::kErrorBadRequest);
  if (*transport != kTransportUdp) return refuse(request, stun::kErrorUnsupportedTransport);
  const auto family = message.family(Attribute::kRequestedAddressFamily);
  const bool reserved = message.has(Attribute::kReservationToken);
  // The one port that there is is even; none can be reserved beside it.
  const auto even = message.even_port();
  if ((reserved && (even || family || additional)) || (family && additional)) {
    return refuse(request, stun::kErrorBadRequest);
  }
  if (family && *family != Family::kV4) return refuse(request, stun::kErrorAddressFamilyNotSupported);
  if (additional && (*additional != Family::kV6 || even)) return refuse(request, stun::kErrorBadRequest);
  if (reserved || (even && *even)) return refuse(request, stun::kErrorInsufficientCapacity);
  const auto made = allocations_.add(request.from, request.owner, request.now + granted(message));
  if (!made) {
    return refuse(request, made.error() == Allocations::Refusal::kFull ? stun::kErrorInsufficientCapacity
                                                                       : stun::kErrorAllocationQuotaReached);
  }
  (*made)->made_by = message.id();
  return tell_allocation(request, **made, additional.has_value());
}

// RFC 8656 §7.3. Who also asked for an address of IPv6 hears that there is none.
Server::Reply Server::tell_allocation(const Request& request, const Allocation& allocation, bool wants_v6) {
  stun::Builder response = stun::success_response(request.out, request.message);
  response.xor_address(Attribute::kXorRelayedAddress, relay_endpoint(allocation.number))
      .lifetime(std::chrono::ceil<std::chrono::seconds>(allocation.expires - request.now))
      .xor_address(Attribute::kXorMappedAddress, request.from.remote);
  if (wants_v6) {
    response.address_error_code({.family = Family::kV6,
                                 .error = {.code = stun::kErrorAddressFamilyNotSupported,
                                           .reason = stun::reason_phrase(stun::kErrorAddressFamilyNotSupported)}});
  }
  return finish(request, response);
}

// RFC 8656 §8.2.
Server::Reply Server::refresh(const Request& request) {
  Allocation* held = allocations_.find(request.from);
  const auto asked = request.message.lifetime();
  const bool ends = asked && asked->count() == 0;
  if (held == nullptr && !ends) return refuse(request, stun::kErrorAllocationMismatch);
  if (held != nullptr && held->owner_name != request.owner) return refuse(request, stun::kErrorWrongCredentials);
  const auto family = request.message.family(Attribute::kRequestedAddressFamily);
  if (family && *family != Family::kV4) return refuse(request, stun::kErrorPeerAddressFamilyMismatch);
  const std::chrono::seconds lifetime = ends ? std::chrono::seconds(0) : granted(request.message);
  if (held != nullptr && ends) allocations_.remove(*held);
  if (held != nullptr && !ends) allocations_.extend(*held, request.now + lifetime);
  stun::Builder response = stun::success_response(request.out, request.message);
  response.lifetime(lifetime);
  return finish(request, response);
}

// RFC 8656 §10.2: all of them or none.
Server::Reply Server::create_permission(const Request& request) {
  Allocation* held = allocations_.find(request.from);
  if (held == nullptr) return refuse(request, stun::kErrorAllocationMismatch);
  if (held->owner_name != request.owner) return refuse(request, stun::kErrorWrongCredentials);
  const auto peers = request.message.xor_addresses(Attribute::kXorPeerAddress, kMaxPeers);
  if (peers.empty()) return refuse(request, stun::kErrorBadRequest);
  for (const Endpoint& peer : peers) {
    if (!peer.address.is_v4()) return refuse(request, stun::kErrorPeerAddressFamilyMismatch);
    if (!relay_number(peer.address)) return refuse(request, stun::kErrorForbidden);
  }
  for (const Endpoint& peer : peers) {
    if (!held->permit(request.now, *relay_number(peer.address), allocations_.limits().peers_of_allocation)) {
      return refuse(request, stun::kErrorInsufficientCapacity);
    }
  }
  stun::Builder response = stun::success_response(request.out, request.message);
  return finish(request, response);
}

// RFC 8656 §12.2.
Server::Reply Server::bind_channel(const Request& request) {
  Allocation* held = allocations_.find(request.from);
  if (held == nullptr) return refuse(request, stun::kErrorAllocationMismatch);
  if (held->owner_name != request.owner) return refuse(request, stun::kErrorWrongCredentials);
  const auto channel = request.message.channel_number();
  const auto peer = request.message.xor_address(Attribute::kXorPeerAddress);
  if (!channel || !peer || !is_channel(*channel)) return refuse(request, stun::kErrorBadRequest);
  if (!peer->address.is_v4()) return refuse(request, stun::kErrorPeerAddressFamilyMismatch);
  const auto number = relay_number(peer->address);
  if (!number || peer->port != kRelayPort) return refuse(request, stun::kErrorForbidden);
  if (!held->may_bind(request.now, *channel, *number)) return refuse(request, stun::kErrorBadRequest);
  if (!held->permit(request.now, *number, allocations_.limits().peers_of_allocation)) {
    return refuse(request, stun::kErrorInsufficientCapacity);
  }
  held->bind(request.now, *channel, *number);
  stun::Builder response = stun::success_response(request.out, request.message);
  return finish(request, response);
}

}  // namespace bamgate::turn
