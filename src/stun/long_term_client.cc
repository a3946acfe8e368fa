#include "stun/long_term_client.h"

#include <algorithm>
#include <utility>

#include "stun/nonce.h"

namespace bamgate::stun {
namespace {

// RFC 8489 §9.2.5: a stale nonce is answered with the new one. A server that calls that stale too would do so forever.
constexpr unsigned kMostStaleNonces = 1;

std::optional<PasswordAlgorithm> first_known(const Message& response) {
  const auto offered = response.password_algorithms().value_or(std::vector<PasswordAlgorithm>{});
  const auto known = std::ranges::find_if(offered, [](PasswordAlgorithm algorithm) {
    return algorithm == PasswordAlgorithm::kMd5 || algorithm == PasswordAlgorithm::kSha256;
  });
  if (known == offered.end()) return std::nullopt;
  return *known;
}

// RFC 8489 §9.2.1: the nonce says that password algorithms were offered, but somebody took them away.
bool offer_is_missing(const Message& response) {
  const auto features = read_nonce_cookie(response.text(Attribute::kNonce).value_or(""));
  return features && features->password_algorithms && !response.has(Attribute::kPasswordAlgorithms);
}

bool authentic(const Message& response, Crypto& crypto, const LongTermClient::Attempt::Signature& signature) {
  if (signature.integrity == Integrity::kSha256) {
    return check_integrity_sha256(response, crypto, signature.key.bytes()).has_value();
  }
  return check_integrity(response, crypto, signature.key.bytes()).has_value();
}

}  // namespace

LongTermClient::~LongTermClient() { wipe(std::as_writable_bytes(std::span(password_.data(), password_.size()))); }

void LongTermClient::sign(Builder& request, Crypto& crypto, Attempt& attempt) const {
  attempt.signature.reset();
  if (!challenge_) return;
  const Challenge& challenge = *challenge_;
  // RFC 8489 §9.2.5: USERHASH when the cookie says that the server knows it, else USERNAME.
  if (challenge.hide_username) {
    request.bytes(Attribute::kUserHash, user_hash(crypto, username_, challenge.realm));
  } else {
    request.text(Attribute::kUsername, username_);
  }
  request.bytes(Attribute::kNonce, as_bytes(challenge.nonce)).bytes(Attribute::kRealm, as_bytes(challenge.realm));
  // RFC 8489 §9.2.5: the list is echoed, and once there was one, only SHA-256 protects the messages.
  if (challenge.algorithm) {
    request.bytes(Attribute::kPasswordAlgorithms, challenge.offered).password_algorithm(*challenge.algorithm);
    request.integrity_sha256(crypto, challenge.key.bytes());
  } else {
    request.integrity(crypto, challenge.key.bytes());
  }
  attempt.signature = Attempt::Signature{.realm = challenge.realm,
                                         .key = challenge.key,
                                         .integrity = challenge.algorithm ? Integrity::kSha256 : Integrity::kSha1};
}

Verdict LongTermClient::handle_response(const Message& response, Crypto& crypto, Attempt& attempt) {
  const auto error = response.message_class() == Class::kError ? response.error_code() : std::nullopt;
  if (error && (error->code == kErrorUnauthenticated || error->code == kErrorStaleNonce)) {
    return handle_challenge(response, error->code, crypto, attempt);
  }
  // RFC 8489 §9.2.5: any other response that lacks the list which its nonce tells of is ignored.
  if (offer_is_missing(response)) return Verdict::kDiscard;
  // RFC 8489 §9.2.5: 400 without integrity is discarded; anybody could have sent it.
  if (error && error->code == kErrorBadRequest && !integrity_of(response)) return Verdict::kDiscard;
  if (!attempt.signature) return Verdict::kAccept;
  return authentic(response, crypto, *attempt.signature) ? Verdict::kAccept : Verdict::kDiscard;
}

Verdict LongTermClient::handle_challenge(const Message& response, std::uint16_t code, Crypto& crypto,
                                         Attempt& attempt) {
  auto challenge = read_challenge(response);
  if (!challenge) return Verdict::kBidDown;
  if (code == kErrorStaleNonce) {
    if (++attempt.stale_nonces > kMostStaleNonces) return Verdict::kRefused;
  } else if (attempt.signature && attempt.signature->realm == challenge->realm) {
    // RFC 8489 §9.2.5: no retry with the same name, realm and password.
    return Verdict::kRefused;
  }
  challenge->key = derive_key(crypto, challenge->algorithm.value_or(PasswordAlgorithm::kMd5), username_,
                              challenge->realm, password_);
  challenge_ = std::move(challenge);
  return Verdict::kRetry;
}

std::optional<LongTermClient::Challenge> LongTermClient::read_challenge(const Message& response) const {
  const auto nonce = response.text(Attribute::kNonce);
  const auto realm = response.text(Attribute::kRealm);
  if (!nonce || !realm || offer_is_missing(response)) return std::nullopt;
  Challenge challenge{.realm = std::string(*realm), .nonce = std::string(*nonce)};
  const auto features = read_nonce_cookie(*nonce);
  challenge.hide_username = features && features->username_anonymity;
  if (const auto offered = response.bytes(Attribute::kPasswordAlgorithms)) {
    challenge.offered.assign(offered->begin(), offered->end());
    challenge.algorithm = first_known(response);
    // RFC 8489 §9.2.5: no retry when none of them is known.
    if (!challenge.algorithm) return std::nullopt;
  } else if (challenge_ && challenge_->algorithm) {
    // RFC 8489 §9.2.5: whoever offered algorithms once is asked with SHA-256 from then on.
    return std::nullopt;
  }
  return challenge;
}

}  // namespace bamgate::stun
