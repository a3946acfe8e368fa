#include "stun/short_term.h"

namespace bamgate::stun {
namespace {

std::expected<void, Error> check_kind(const Message& message, Crypto& crypto, Integrity kind,
                                      std::string_view password) {
  return kind == Integrity::kSha1 ? check_integrity(message, crypto, as_bytes(password))
                                  : check_integrity_sha256(message, crypto, as_bytes(password));
}

// RFC 8489 §9.1.3: SHA-256 decides where it is present.
Integrity decisive(Integrity present) { return present == Integrity::kSha1 ? Integrity::kSha1 : Integrity::kSha256; }

}  // namespace

void sign_short_term(Builder& message, Crypto& crypto, std::string_view username, std::string_view password,
                     Integrity integrity) {
  message.text(Attribute::kUsername, username);
  if (integrity != Integrity::kSha256) message.integrity(crypto, as_bytes(password));
  if (integrity != Integrity::kSha1) message.integrity_sha256(crypto, as_bytes(password));
}

std::expected<Integrity, std::uint16_t> check_short_term(const Message& message, Crypto& crypto,
                                                         std::string_view username, std::string_view password) {
  const auto present = integrity_of(message);
  const auto claimed = message.text(Attribute::kUsername);
  if (!present || !claimed) return std::unexpected(kErrorBadRequest);
  const Integrity kind = decisive(*present);
  const bool intact = check_kind(message, crypto, kind, password).has_value();
  if (*claimed != username || !intact) return std::unexpected(kErrorUnauthenticated);
  return kind;
}

void sign_short_term_response(Builder& response, Crypto& crypto, std::string_view password, Integrity integrity) {
  if (integrity == Integrity::kSha1) {
    response.integrity(crypto, as_bytes(password));
  } else {
    response.integrity_sha256(crypto, as_bytes(password));
  }
}

std::expected<Integrity, Error> check_short_term_response(const Message& response, Crypto& crypto,
                                                          std::string_view password, Integrity sent) {
  const auto present = integrity_of(response);
  if (!present) return std::unexpected(Error::kNoIntegrity);
  const Integrity kind = sent == Integrity::kBoth ? decisive(*present) : sent;
  if (const auto intact = check_kind(response, crypto, kind, password); !intact) {
    return std::unexpected(intact.error());
  }
  return kind;
}

}  // namespace bamgate::stun
