// The client's side of long-term credentials (RFC 8489 §9.2.3, §9.2.5): asks without credentials, learns realm and
// nonce from the refusal, and says what to do with each response. It holds no request and sends nothing. Leaves out
// OpaqueString preparation (RFC 8265): name and password are used as they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stun/builder.h"
#include "stun/integrity.h"
#include "stun/message.h"

namespace bamgate::stun {

/// What is to become of a response.
enum class Verdict : std::uint8_t {
  kAccept,   // it is what it says it is: act on it
  kRetry,    // a challenge was learnt: send the request again as a new transaction
  kDiscard,  // as if it had never come: the transaction goes on, and the request is repeated (RFC 8489 §9.2.5)
  kRefused,  // name or password are wrong, or a fresh nonce was called stale: the transaction is over
  kBidDown,  // the challenge lacks what it must have, or offers no algorithm that we know: the transaction is over
};

/// Credentials for one server. They are wiped with the object, which is therefore not to be moved.
class LongTermClient {
 public:
  LongTermClient(std::string_view username, std::string_view password) : username_(username), password_(password) {}
  LongTermClient(const LongTermClient&) = delete;
  LongTermClient& operator=(const LongTermClient&) = delete;
  ~LongTermClient();

  /// What a request was signed with, and what happened to it. The caller keeps one for each request, through its
  /// retries.
  struct Attempt {
    struct Signature {
      std::string realm;
      LongTermKey key;
      Integrity integrity = Integrity::kSha1;
    };
    std::optional<Signature> signature;  // none: it went out without credentials
    unsigned stale_nonces = 0;           // 438 responses in a row
  };

  /// Writes name, nonce, realm and integrity behind the request's own attributes; nothing before the first challenge
  /// (RFC 8489 §9.2.3.1). Only fingerprint() may follow.
  void sign(Builder& request, Crypto& crypto, Attempt& attempt) const;

  /// Judges a response whose transaction id is that of the attempt's request.
  Verdict handle_response(const Message& response, Crypto& crypto, Attempt& attempt);

  /// Whether a challenge was seen, so that requests are signed.
  bool challenged() const { return challenge_.has_value(); }
  /// The realm of the server; empty before the first challenge.
  std::string_view realm() const { return challenge_ ? std::string_view(challenge_->realm) : std::string_view(); }

 private:
  struct Challenge {
    std::string realm;
    std::string nonce;
    std::vector<std::byte> offered{};              // PASSWORD-ALGORITHMS as it came
    std::optional<PasswordAlgorithm> algorithm{};  // the first of them that we know; none: the server offered no list
    bool hide_username = false;
    LongTermKey key{};
  };

  Verdict handle_challenge(const Message& response, std::uint16_t code, Crypto& crypto, Attempt& attempt);
  std::optional<Challenge> read_challenge(const Message& response) const;

  std::string username_;
  std::string password_;
  std::optional<Challenge> challenge_;
};

}  // namespace bamgate::stun
