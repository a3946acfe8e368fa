#include "stun/binding.h"

#include <array>

#include "stun/response.h"

namespace bamgate::stun {
namespace {

// RFC 8489 §14: what a Binding request may carry here. Credentials are understood in so far as they are not asked for.
constexpr std::array kKnown = {
    Attribute::kUsername,     Attribute::kMessageIntegrity, Attribute::kMessageIntegritySha256, Attribute::kRealm,
    Attribute::kNonce,        Attribute::kUserHash,         Attribute::kPasswordAlgorithm,      Attribute::kPriority,
    Attribute::kUseCandidate,
};

}  // namespace

std::expected<std::size_t, Error> write_binding_request(MutableBytes out, const TransactionId& id) {
  return Builder(out, Class::kRequest, Method::kBinding, id).fingerprint().finish();
}

std::optional<std::size_t> answer_binding(const Endpoint& from, Bytes request, MutableBytes out) {
  const auto message = Message::parse(request);
  if (!message || !message->is(Class::kRequest, Method::kBinding)) return std::nullopt;
  const auto unknown = message->unknown_required(kKnown);
  Builder response = unknown.empty() ? success_response(out, *message)
                                     : error_response(out, *message, kErrorUnknownAttribute, unknown);
  if (unknown.empty()) response.xor_address(Attribute::kXorMappedAddress, from);
  const auto size = finish_response(response, *message);
  if (!size) return std::nullopt;
  return *size;
}

}  // namespace bamgate::stun
