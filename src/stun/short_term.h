// Short-term credentials (RFC 8489 §9.1): name and password came by another way, as those of ICE by signaling.
// Leaves out OpaqueString preparation (RFC 8265): the key is the password as it is.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "stun/builder.h"
#include "stun/integrity.h"
#include "stun/message.h"

namespace bamgate::stun {

/// Writes USERNAME and the integrity of a request or indication; only fingerprint() may follow. Both kinds, unless it
/// is known which one the other side understands (RFC 8489 §9.1.2).
void sign_short_term(Builder& message, Crypto& crypto, std::string_view username, std::string_view password,
                     Integrity integrity = Integrity::kBoth);

/// Checks a request or indication (RFC 8489 §9.1.3) for whom `username` is the only valid name. Returns the integrity
/// for the response. The error is the code to refuse a request with, 400 or 401, without integrity; an indication is
/// dropped instead.
std::expected<Integrity, std::uint16_t> check_short_term(const Message& message, Crypto& crypto,
                                                         std::string_view username, std::string_view password);

/// Writes the integrity of a response, of the kind that check_short_term() returned; without USERNAME (§9.1.3).
void sign_short_term_response(Builder& response, Crypto& crypto, std::string_view password, Integrity integrity);

/// Checks a response to a request that went out with `sent` (RFC 8489 §9.1.4). Returns the kind for the next requests
/// to that server (§9.1.5). On an error the response is discarded: kNoIntegrity (none, or not the kind that was sent),
/// kBadIntegrity.
std::expected<Integrity, Error> check_short_term_response(const Message& response, Crypto& crypto,
                                                          std::string_view password, Integrity sent);

}  // namespace bamgate::stun
