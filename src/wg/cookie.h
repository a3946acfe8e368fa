// The two MACs at the end of a handshake message (paper §5.4.4): mac1 shows that the sender knows our public key,
// before any costly step; mac2 shows that it holds a cookie, which a responder under load hands out (§5.4.7).
//
// Macs is the side that proves itself, CookieChecker the side that is to be convinced; a Tunnel has the first, a Device
// both.
#pragma once

#include <chrono>
#include <expected>
#include <optional>

#include "core/bytes.h"
#include "core/endpoint.h"
#include "core/random.h"
#include "core/time.h"
#include "wg/error.h"
#include "wg/keys.h"
#include "wg/messages.h"
#include "wg/noise.h"

namespace bamgate::wg {

// Paper §5.4.4: mac2 is zero unless a cookie was received less than 120 s ago.
inline constexpr auto kCookieLifetime = std::chrono::seconds(120);
// Paper §5.4.7: the secret that cookies are made with changes every two minutes.
inline constexpr auto kCookieSecretLifetime = std::chrono::seconds(120);

/// True when mac1 of a whole initiation or response (its last 32 bytes are the MACs) was made with `key`; in constant
/// time. `key` is HASH("mac1----" || the receiver's public key).
[[nodiscard]] bool mac1_fits(const Hash& key, Bytes message);

/// MACs of one tunnel's handshake messages.
class Macs {
 public:
  Macs(const PublicKey& local, const PublicKey& remote);

  /// True when mac1 of a message to us fits.
  [[nodiscard]] bool mac1_fits(Bytes message) const { return wg::mac1_fits(check_key_, message); }
  /// Writes both MACs into the last 32 bytes of a message of ours, and remembers mac1 in case a cookie is the answer.
  void write(Instant now, ReceiverIndex sender, MutableBytes message);

  /// Takes the cookie out of a reply to the last message written. It serves for kCookieLifetime.
  /// Errors: kUnknownIndex (no such message was sent, or it was answered before), kBadTag.
  std::expected<void, Error> consume_reply(Instant now, const CookieReplyMessage& reply);
  bool has_cookie(Instant now) const;
  /// Forgets cookie and sent MACs.
  void clear();

 private:
  struct Sent {
    ReceiverIndex sender;
    Mac mac1;
  };
  struct Cookie {
    Secret<kMacSize> value;
    Instant received;
  };

  Hash check_key_;  // for mac1 of what we get: HASH("mac1----" || our public key)
  Hash sign_key_;   // for mac1 of what we send: the same with the peer's
  Key cookie_key_;  // what replies to us are sealed with: HASH("cookie--" || the peer's public key)
  std::optional<Sent> sent_;
  std::optional<Cookie> cookie_;
};

/// What a responder under load asks for (paper §5.3): cookies for addresses, and proof that they were received.
///
/// A cookie is MAC(secret, address and port of the source), so nothing is stored for anybody. As in the paper there is
/// one secret: with a new one all older cookies are void, and whoever holds one gets a new one at its next try.
class CookieChecker {
 public:
  /// `local`: our public key. `random` gives secrets and nonces and must outlive it.
  CookieChecker(const PublicKey& local, Random& random);

  /// True when mac1 of a message to us fits: its sender knows our public key.
  [[nodiscard]] bool mac1_fits(Bytes message) const { return wg::mac1_fits(check_key_, message); }
  /// True when mac2 shows that the sender of a whole initiation or response got our cookie at `source`.
  [[nodiscard]] bool mac2_fits(Instant now, Bytes message, const Endpoint& source);
  /// The answer to a whole initiation or response whose mac1 fits: a cookie that serves from `source` alone, sealed so
  /// that only who saw this message can use it.
  CookieReplyMessage make_reply(Instant now, Bytes message, const Endpoint& source);

 private:
  Secret<kMacSize> cookie_for(Instant now, const Endpoint& source);

  Hash check_key_;
  Key cookie_key_;
  Random* random_;
  Secret<kHashSize> secret_;
  std::optional<Instant> secret_made_;
};

}  // namespace bamgate::wg
