#include "stun/long_term_server.h"

#include <algorithm>
#include <array>
#include <utility>

#include "stun/response.h"

namespace bamgate::stun {
namespace {

// RFC 8489 §9.2.4: in order of preference.
constexpr std::array kOffered = {PasswordAlgorithm::kSha256, PasswordAlgorithm::kMd5};

// RFC 8489 §9.2.4: SHA-256 decides where it is present.
bool is_intact(const Message& request, Crypto& crypto, Bytes key) {
  if (request.has(Attribute::kMessageIntegritySha256)) {
    return check_integrity_sha256(request, crypto, key).has_value();
  }
  return check_integrity(request, crypto, key).has_value();
}

bool has_offer(const Message& request) {
  const auto echoed = request.password_algorithms();
  // Parameters would be left out of the list: so the size must be right too.
  return echoed && std::ranges::equal(*echoed, kOffered) &&
         request.bytes(Attribute::kPasswordAlgorithms)->size() == 4 * kOffered.size();
}

}  // namespace

void Authenticated::sign(Builder& response, Crypto& crypto) const {
  if (integrity == Integrity::kSha1) {
    response.integrity(crypto, key.bytes());
  } else {
    response.integrity_sha256(crypto, key.bytes());
  }
}

LongTermServer::LongTermServer(LongTermServerOptions options, const Secret<32>& nonce_key)
    : options_(std::move(options)), nonces_(nonce_key, options_.nonce_lifetime) {}

std::optional<Claim> LongTermServer::claim(const Message& request) {
  if (const auto username = request.text(Attribute::kUsername)) return Claim{.username = username};
  if (const auto hash = request.user_hash()) return Claim{.user_hash = hash};
  return std::nullopt;
}

std::expected<LongTermServer::Choice, std::uint16_t> LongTermServer::choose(const Message& request,
                                                                            std::string_view nonce) {
  const auto features = read_nonce_cookie(nonce);
  const bool asked = request.has(Attribute::kPasswordAlgorithms) || request.has(Attribute::kPasswordAlgorithm);
  if (!features || !features->password_algorithms || !asked) return Choice{};
  // RFC 8489 §9.2.4: both present, the list as it was sent, the choice one of the list.
  const auto chosen = request.password_algorithm();
  if (!has_offer(request) || !chosen || std::ranges::find(kOffered, *chosen) == kOffered.end()) {
    return std::unexpected(kErrorBadRequest);
  }
  return Choice{.algorithm = *chosen, .response = Integrity::kSha256};
}

std::expected<Authenticated, std::uint16_t> LongTermServer::check(Instant now, const Endpoint& client,
                                                                  const Message& request,
                                                                  const std::optional<Account>& account,
                                                                  Crypto& crypto) const {
  // RFC 8489 §9.2.4: these checks in this order.
  if (!integrity_of(request)) return std::unexpected(kErrorUnauthenticated);
  const auto nonce = request.text(Attribute::kNonce);
  if (!claim(request) || !nonce || !request.has(Attribute::kRealm)) return std::unexpected(kErrorBadRequest);
  const auto choice = choose(request, *nonce);
  if (!choice) return std::unexpected(choice.error());
  const Account used = account.value_or(Account{});
  LongTermKey key = derive_key(crypto, choice->algorithm, used.username, options_.realm, used.password);
  const bool intact = is_intact(request, crypto, key.bytes());
  if (!account || !intact) return std::unexpected(kErrorUnauthenticated);
  if (!nonces_.valid(crypto, now, client, *nonce)) return std::unexpected(kErrorStaleNonce);
  return Authenticated{.key = std::move(key), .integrity = choice->response};
}

std::expected<std::size_t, Error> LongTermServer::refuse(Instant now, const Endpoint& client, const Message& request,
                                                         std::uint16_t code, Crypto& crypto, MutableBytes out) const {
  Builder response = error_response(out, request, code);
  if (code == kErrorUnauthenticated || code == kErrorStaleNonce) {
    const SecurityFeatures features{.password_algorithms = options_.password_algorithms,
                                    .username_anonymity = options_.username_anonymity};
    response.text(Attribute::kRealm, options_.realm)
        .text(Attribute::kNonce, nonces_.issue(crypto, now, client, features));
    if (options_.password_algorithms) response.password_algorithms(kOffered);
  }
  return finish_response(response, request);
}

}  // namespace bamgate::stun
