#include "stun/response.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bamgate::stun {
namespace {

constexpr std::array<std::pair<std::uint16_t, std::string_view>, 17> kPhrases = {{
    {kErrorTryAlternate, "Try Alternate"},
    {kErrorBadRequest, "Bad Request"},
    {kErrorUnauthenticated, "Unauthenticated"},
    {kErrorForbidden, "Forbidden"},
    {kErrorUnknownAttribute, "Unknown Attribute"},
    {kErrorAllocationMismatch, "Allocation Mismatch"},
    {kErrorStaleNonce, "Stale Nonce"},
    {kErrorAddressFamilyNotSupported, "Address Family not Supported"},
    {kErrorWrongCredentials, "Wrong Credentials"},
    {kErrorUnsupportedTransport, "Unsupported Transport Protocol"},
    {kErrorPeerAddressFamilyMismatch, "Peer Address Family Mismatch"},
    {kErrorConnectionAlreadyExists, "Connection Already Exists"},
    {kErrorConnectionTimeoutOrFailure, "Connection Timeout or Failure"},
    {kErrorAllocationQuotaReached, "Allocation Quota Reached"},
    {kErrorRoleConflict, "Role Conflict"},
    {kErrorServerError, "Server Error"},
    {kErrorInsufficientCapacity, "Insufficient Capacity"},
}};

}  // namespace

std::string_view reason_phrase(std::uint16_t code) {
  const auto found = std::ranges::find(kPhrases, code, &std::pair<std::uint16_t, std::string_view>::first);
  return found == kPhrases.end() ? "Error" : found->second;
}

Builder success_response(MutableBytes out, const Message& request) {
  return {out, Class::kSuccess, request.method(), request.id()};
}

Builder error_response(MutableBytes out, const Message& request, std::uint16_t code,
                       std::span<const std::uint16_t> unknown) {
  Builder response(out, Class::kError, request.method(), request.id());
  response.error_code(code, reason_phrase(code));
  if (code == kErrorUnknownAttribute) response.unknown_attributes(unknown);
  return response;
}

std::expected<std::size_t, Error> finish_response(Builder& response, const Message& request) {
  if (request.has_fingerprint()) response.fingerprint();
  return response.finish();
}

}  // namespace bamgate::stun
