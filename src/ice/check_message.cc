#include "ice/check_message.h"

#include <array>
#include <string_view>

#include "stun/builder.h"
#include "stun/integrity.h"

namespace bamgate::ice {
namespace {

// Two ufrags of 256 bytes make the largest USERNAME; everything else takes less than 200 bytes.
constexpr std::size_t kLargestMessage = 1024;

constexpr std::array kKnownInResponse = {stun::Attribute::kXorMappedAddress, stun::Attribute::kMappedAddress,
                                         stun::Attribute::kMessageIntegrity, stun::Attribute::kMessageIntegritySha256,
                                         stun::Attribute::kUsername};
constexpr std::array kKnown = {
    stun::Attribute::kUsername,     stun::Attribute::kMessageIntegrity,       stun::Attribute::kPriority,
    stun::Attribute::kUseCandidate, stun::Attribute::kMessageIntegritySha256,
};

template <typename Write>
std::vector<std::byte> write(stun::Class message_class, const stun::TransactionId& id, Write write_attributes) {
  std::array<std::byte, kLargestMessage> buffer{};
  stun::Builder builder(buffer, message_class, stun::Method::kBinding, id);
  write_attributes(builder);
  const auto size = builder.finish();
  if (!size) return {};
  return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size)};
}

std::string_view reason_of(std::uint16_t code) {
  if (code == stun::kErrorRoleConflict) return "Role Conflict";
  if (code == stun::kErrorUnknownAttribute) return "Unknown Attribute";
  return "Bad Request";
}

}  // namespace

std::vector<std::byte> write_check(Crypto& crypto, const OutgoingCheck& check, const Credentials& local,
                                   const Credentials& remote) {
  const bool controlling = check.role == Role::kControlling;
  return write(stun::Class::kRequest, check.id, [&](stun::Builder& builder) {
    builder.text(stun::Attribute::kUsername, remote.ufrag + ':' + local.ufrag)
        .u32(stun::Attribute::kPriority, check.priority)
        .u64(controlling ? stun::Attribute::kIceControlling : stun::Attribute::kIceControlled, check.tie_breaker);
    if (check.use_candidate) builder.flag(stun::Attribute::kUseCandidate);
    builder.integrity(crypto, as_bytes(remote.pwd)).fingerprint();
  });
}

std::expected<IncomingCheck, Error> read_check(Crypto& crypto, const stun::Message& request, const Credentials& local) {
  const auto username = request.text(stun::Attribute::kUsername).value_or("");
  const std::size_t colon = username.find(':');
  if (colon == std::string_view::npos || username.substr(0, colon) != local.ufrag) {
    return std::unexpected(Error::kBadUsername);
  }
  if (!stun::check_integrity(request, crypto, as_bytes(local.pwd))) return std::unexpected(Error::kBadIntegrity);

  IncomingCheck check;
  check.id = request.id();
  check.remote_ufrag = username.substr(colon + 1);
  check.unknown_attributes = request.unknown_required(kKnown);
  check.use_candidate = request.has(stun::Attribute::kUseCandidate);
  if (const auto value = request.u64(stun::Attribute::kIceControlling)) {
    check.role = Role::kControlling;
    check.tie_breaker = *value;
  } else if (const auto other = request.u64(stun::Attribute::kIceControlled)) {
    check.role = Role::kControlled;
    check.tie_breaker = *other;
  }
  check.priority = request.u32(stun::Attribute::kPriority).value_or(0);
  // RFC 8445 §7.1.1: PRIORITY is in every check; 1 to 2^31 - 1.
  if (check.priority == 0 || check.priority > 0x7fffffff) check.refusal = stun::kErrorBadRequest;
  if (!check.unknown_attributes.empty()) check.refusal = stun::kErrorUnknownAttribute;
  return check;
}

std::vector<std::byte> write_check_success(Crypto& crypto, const stun::TransactionId& id, const Endpoint& from,
                                           const Credentials& local) {
  return write(stun::Class::kSuccess, id, [&](stun::Builder& builder) {
    builder.xor_address(stun::Attribute::kXorMappedAddress, from).integrity(crypto, as_bytes(local.pwd)).fingerprint();
  });
}

std::optional<Endpoint> read_check_success(const stun::Message& response) {
  if (!response.unknown_required(kKnownInResponse).empty()) return std::nullopt;
  return response.xor_address(stun::Attribute::kXorMappedAddress);
}

std::vector<std::byte> write_check_error(Crypto& crypto, const stun::TransactionId& id, std::uint16_t code,
                                         const std::vector<std::uint16_t>& unknown, const Credentials& local) {
  return write(stun::Class::kError, id, [&](stun::Builder& builder) {
    builder.error_code(code, reason_of(code));
    if (!unknown.empty()) builder.unknown_attributes(unknown);
    builder.integrity(crypto, as_bytes(local.pwd)).fingerprint();
  });
}

}  // namespace bamgate::ice
