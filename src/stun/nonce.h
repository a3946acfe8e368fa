// Nonces of the long-term mechanism: the cookie with the security features in front (RFC 8489 §9.2, §18.1), and nonces
// that a server can check without remembering them (RFC 7616 §5.4): an expiry and an HMAC over it and the client.
// Leaves out revoking single nonces: a server that must do so takes a new key.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/crypto.h"
#include "core/endpoint.h"
#include "core/time.h"

namespace bamgate::stun {

/// RFC 8489 §18.1: what a server offers, in a place that nobody can change without spoiling the nonce.
struct SecurityFeatures {
  bool password_algorithms = false;  // bit 0
  bool username_anonymity = false;   // bit 1

  bool operator==(const SecurityFeatures&) const = default;
};

/// The 13 characters in front of the nonce of a server that knows RFC 8489.
std::string nonce_cookie(const SecurityFeatures& features);

/// The features that a nonce tells of; nullopt when it has no cookie, as those of older servers.
std::optional<SecurityFeatures> read_nonce_cookie(std::string_view nonce);

/// Makes and checks nonces. Each is good for one client address and port, and for a limited time. The key is 32 random
/// bytes, new with each start of the server; whoever holds it may move on to another NonceMint and end all nonces.
class NonceMint {
 public:
  NonceMint(const Secret<32>& key, Duration lifetime) : key_(key), lifetime_(lifetime) {}

  /// A nonce of 45 characters for this client, good until `now` plus the lifetime.
  std::string issue(Crypto& crypto, Instant now, const Endpoint& client, const SecurityFeatures& features) const;

  /// Whether this nonce was made here for this client, and its time is not over. Compares in constant time.
  bool valid(Crypto& crypto, Instant now, const Endpoint& client, std::string_view nonce) const;

 private:
  Secret<32> key_;
  Duration lifetime_;
};

}  // namespace bamgate::stun
