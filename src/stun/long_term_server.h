// The server's side of long-term credentials (RFC 8489 §9.2.4): says whether a request is authentic, and refuses it
// with a challenge when it is not. It remembers nothing of any client: nonces prove themselves (nonce.h). Leaves out
// where accounts come from: claim() says who asks, the caller looks the password up. Leaves out integrity on its
// refusals too, as the RFC allows.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "stun/builder.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "stun/nonce.h"

namespace bamgate::stun {

struct LongTermServerOptions {
  std::string realm;
  // RFC 8489 §9.2.4: a nonce is good for a limited time; clients of TURN talk to their server every few minutes.
  Duration nonce_lifetime = std::chrono::minutes(10);
  // Offer SHA-256 and MD5, and have the offer protected by the nonce. Without it, all is MD5 and SHA-1.
  bool password_algorithms = true;
  // Have names hidden. Only for those who can look an account up by user_hash().
  bool username_anonymity = false;
};

/// Whom a request claims to come from: one of the two is set.
struct Claim {
  std::optional<std::string_view> username{};
  std::optional<Bytes> user_hash{};
};

/// The account of that user, as the caller knows it.
struct Account {
  std::string_view username;
  std::string_view password;
};

/// A request that was authentic: with what its response is to be protected.
struct Authenticated {
  LongTermKey key;
  Integrity integrity = Integrity::kSha1;

  /// Writes the integrity of the response; only fingerprint() may follow.
  void sign(Builder& response, Crypto& crypto) const;
};

class LongTermServer {
 public:
  /// `nonce_key`: 32 random bytes, new with each start.
  LongTermServer(LongTermServerOptions options, const Secret<32>& nonce_key);

  /// Who asks; nullopt when the request does not say. Views into the request.
  static std::optional<Claim> claim(const Message& request);

  /// Checks a request from `client`; `account` is nullopt when nobody has the claimed name. The error is the code to
  /// refuse it with: 400, 401 or 438. An unknown name costs as much time as a wrong password.
  std::expected<Authenticated, std::uint16_t> check(Instant now, const Endpoint& client, const Message& request,
                                                    const std::optional<Account>& account, Crypto& crypto) const;

  /// Writes the error response for a code that check() returned; with 401 and 438 a challenge. Returns its size.
  /// Errors: kBufferTooSmall, kBadValue (the realm is too long).
  std::expected<std::size_t, Error> refuse(Instant now, const Endpoint& client, const Message& request,
                                           std::uint16_t code, Crypto& crypto, MutableBytes out) const;

 private:
  // The algorithm of a request's key, and which integrity its response gets; 400 when they were tampered with.
  struct Choice {
    PasswordAlgorithm algorithm = PasswordAlgorithm::kMd5;
    Integrity response = Integrity::kSha1;
  };
  static std::expected<Choice, std::uint16_t> choose(const Message& request, std::string_view nonce);

  LongTermServerOptions options_;
  NonceMint nonces_;
};

}  // namespace bamgate::stun
