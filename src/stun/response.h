// How a server begins and ends a response (RFC 8489 §6.3.1.1), and the reason phrases of error codes.
// Leaves out SOFTWARE in responses: what a server runs is nobody's business (RFC 8489 §16.1.2), and a longer answer
// makes forged sources more rewarding.
#pragma once

#include "stun/builder.h"
#include "stun/message.h"

namespace bamgate::stun {

/// The phrase that the registry recommends for a code (RFC 8489 §14.8, RFC 8445 §16.2, RFC 8656 §19, RFC 6062 §6.3);
/// "Error" for a code that is not in attribute.h.
std::string_view reason_phrase(std::uint16_t code);

/// Begins a success response: same method, same transaction id. `out` must live until the end.
Builder success_response(MutableBytes out, const Message& request);

/// Begins an error response with ERROR-CODE, and with UNKNOWN-ATTRIBUTES when the code is 420 (RFC 8489 §6.3.1.1).
Builder error_response(MutableBytes out, const Message& request, std::uint16_t code,
                       std::span<const std::uint16_t> unknown = {});

/// Ends a response: with FINGERPRINT when the request had it (RFC 8489 §7: both sides use it or none). Returns its
/// size. Errors: kBufferTooSmall, kBadValue.
std::expected<std::size_t, Error> finish_response(Builder& response, const Message& request);

}  // namespace bamgate::stun
