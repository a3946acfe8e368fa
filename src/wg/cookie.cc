#include "wg/cookie.h"

#include <string_view>

#include "core/reader.h"
#include "core/writer.h"

namespace bamgate::wg {
namespace {

// Paper §5.3, §5.4.4: the labels that keep both uses of a public key apart.
constexpr std::string_view kLabelMac1 = "mac1----";
constexpr std::string_view kLabelCookie = "cookie--";

Hash mac1_key(const PublicKey& receiver) { return hash({as_bytes(kLabelMac1), receiver.bytes}); }
Key cookie_key(const PublicKey& giver) { return Key(hash({as_bytes(kLabelCookie), giver.bytes})); }

Bytes mac1_of(Bytes message) { return message.last(2 * kMacSize).first(kMacSize); }
Bytes mac2_of(Bytes message) { return message.last(kMacSize); }

}  // namespace

bool mac1_fits(const Hash& key, Bytes message) {
  if (message.size() < 2 * kMacSize) return false;
  return constant_time_equal(mac(key, {message.first(message.size() - 2 * kMacSize)}), mac1_of(message));
}

Macs::Macs(const PublicKey& local, const PublicKey& remote)
    : check_key_(mac1_key(local)), sign_key_(mac1_key(remote)), cookie_key_(cookie_key(remote)) {}

void Macs::write(Instant now, ReceiverIndex sender, MutableBytes message) {
  const MutableBytes mac2 = message.last(kMacSize);
  const MutableBytes mac1 = message.last(2 * kMacSize).first(kMacSize);
  const Mac first = mac(sign_key_, {message.first(message.size() - 2 * kMacSize)});
  copy_bytes(first, mac1);
  Mac second{};
  if (cookie_ && has_cookie(now)) second = mac(cookie_->value.bytes(), {message.first(message.size() - kMacSize)});
  copy_bytes(second, mac2);
  sent_ = Sent{sender, first};
}

std::expected<void, Error> Macs::consume_reply(Instant now, const CookieReplyMessage& reply) {
  if (!sent_ || sent_->sender != reply.receiver) return std::unexpected(Error::kUnknownIndex);
  Secret<kMacSize> value;
  if (!xaead_open(cookie_key_, reply.nonce, reply.sealed_cookie, sent_->mac1, value.mutable_bytes())) {
    return std::unexpected(Error::kBadTag);
  }
  cookie_ = Cookie{value, now};
  sent_.reset();
  return {};
}

bool Macs::has_cookie(Instant now) const { return cookie_ && now - cookie_->received < kCookieLifetime; }

void Macs::clear() {
  sent_.reset();
  cookie_.reset();
}

CookieChecker::CookieChecker(const PublicKey& local, Random& random)
    : check_key_(mac1_key(local)), cookie_key_(cookie_key(local)), random_(&random) {}

bool CookieChecker::mac2_fits(Instant now, Bytes message, const Endpoint& source) {
  if (message.size() < 2 * kMacSize) return false;
  const Secret<kMacSize> cookie = cookie_for(now, source);
  return constant_time_equal(mac(cookie.bytes(), {message.first(message.size() - kMacSize)}), mac2_of(message));
}

CookieReplyMessage CookieChecker::make_reply(Instant now, Bytes message, const Endpoint& source) {
  CookieReplyMessage reply;
  // Paper §5.4.2, §5.4.3: the sender's index follows the type in both messages.
  reply.receiver = ReceiverIndex{Reader(message.subspan(4)).u32_le()};
  random_->fill(reply.nonce);
  xaead_seal(cookie_key_, reply.nonce, cookie_for(now, source).bytes(), mac1_of(message), reply.sealed_cookie);
  return reply;
}

// Paper §5.4.7: MAC(secret, source address || source port).
Secret<kMacSize> CookieChecker::cookie_for(Instant now, const Endpoint& source) {
  if (!secret_made_ || now - *secret_made_ >= kCookieSecretLifetime) {
    random_->fill(secret_.mutable_bytes());
    secret_made_ = now;
  }
  Mac made = mac(secret_.bytes(), {source.address.bytes(), big_endian(source.port)});
  const Secret<kMacSize> cookie{std::span<const std::byte, kMacSize>(made)};
  wipe(made);
  return cookie;
}

}  // namespace bamgate::wg
