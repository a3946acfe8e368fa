// The two MACs at the end of a handshake message (paper §5.4.4): mac1 shows that the sender knows our public key,
// before any costly step; mac2 shows that it holds a cookie, which a responder under load hands out (§5.4.7).
//
// Here: both MACs for what we send, mac1 of what we get, and cookie replies taken. Left out until a transport without
// authentication of its own needs it: being under load ourselves, that is making cookie replies and checking mac2.
#pragma once

#include <chrono>
#include <expected>
#include <optional>

#include "core/bytes.h"
#include "core/time.h"
#include "wg/error.h"
#include "wg/keys.h"
#include "wg/messages.h"
#include "wg/noise.h"

namespace bamgate::wg {

// Paper §5.4.4: mac2 is zero unless a cookie was received less than 120 s ago.
inline constexpr auto kCookieLifetime = std::chrono::seconds(120);

/// MACs of one tunnel's handshake messages.
class Macs {
 public:
  Macs(const PublicKey& local, const PublicKey& remote);

  /// True when mac1 of a whole initiation or response (its last 32 bytes are the MACs) fits; in constant time.
  [[nodiscard]] bool mac1_fits(Bytes message) const;
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

}  // namespace bamgate::wg
