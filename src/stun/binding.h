// The Binding method: what a client asks of a STUN server, and the server's answer (RFC 8489 §6.3).
// Leaves out ALTERNATE-SERVER and authentication: our servers answer everybody, as STUN servers do.
#pragma once

#include <expected>
#include <optional>

#include "core/endpoint.h"
#include "stun/message.h"

namespace bamgate::stun {

/// Writes a plain Binding request with FINGERPRINT. Error: kBufferTooSmall (28 bytes are enough).
std::expected<std::size_t, Error> write_binding_request(MutableBytes out, const TransactionId& id);

/// Answers a Binding request with the address that it came from, or, when it asks for something unknown, with 420
/// (RFC 8489 §6.3.1). Returns the size of the answer in `out`; nullopt for anything that deserves none. The answer to a
/// request of n bytes has at most n + 32 bytes, so that nobody gains by a forged source address.
std::optional<std::size_t> answer_binding(const Endpoint& from, Bytes request, MutableBytes out);

}  // namespace bamgate::stun
