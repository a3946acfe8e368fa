#include "wg/cookie.h"

#include <string_view>

namespace bamgate::wg {
namespace {

// Paper §5.3, §5.4.4: the labels that keep both uses of a public key apart.
constexpr std::string_view kLabelMac1 = "mac1----";
constexpr std::string_view kLabelCookie = "cookie--";

}  // namespace

Macs::Macs(const PublicKey& local, const PublicKey& remote)
    : check_key_(hash({as_bytes(kLabelMac1), local.bytes})),
      sign_key_(hash({as_bytes(kLabelMac1), remote.bytes})),
      cookie_key_(hash({as_bytes(kLabelCookie), remote.bytes})) {}

bool Macs::mac1_fits(Bytes message) const {
  if (message.size() < 2 * kMacSize) return false;
  const Bytes covered = message.first(message.size() - 2 * kMacSize);
  const Mac expected = mac(check_key_, {covered});
  return constant_time_equal(expected, message.subspan(covered.size(), kMacSize));
}

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

}  // namespace bamgate::wg
