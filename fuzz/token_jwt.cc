// Access tokens. Input: how the token is made, then its parts: raw bytes, which can never be good; header and payload
// that are signed with the hub's key, so that the fuzzer reaches the claims; or claims of ours, which must come back.
#include <algorithm>
#include <array>

#include "core/encoding.h"
#include "hub/access_token.h"
#include "os/native_crypto.h"
#include "support/decoder.h"
#include "support/require.h"

namespace {

using namespace bamgate;
using fuzz::require;

constexpr UnixTime kNow{1'800'000'000};

hub::SigningKey signing_key() {
  hub::SigningKey key{.kid = "k1", .secret = {}};
  key.secret.mutable_bytes()[0] = std::byte{1};
  return key;
}

std::string sign(Crypto& crypto, Bytes header, Bytes payload) {
  std::string token = to_base64url(header) + '.' + to_base64url(payload);
  const Sha256Digest signature = crypto.hmac_sha256(signing_key().secret.bytes(), {as_bytes(token)});
  return token + '.' + to_base64url(signature);
}

void read_claims_of_ours(fuzz::Decoder& input, Crypto& crypto, std::span<const hub::SigningKey> keys) {
  // Ids have 16 bytes; a token that is far longer than ours is refused.
  const auto name = [&] {
    const Bytes bytes = input.bytes();
    return to_hex(bytes.first(std::min<std::size_t>(bytes.size(), 32)));
  };
  const hub::AccessClaims claims{.device_id = name(),
                                 .owner = name(),
                                 .network = name(),
                                 .generation = input.u16(),
                                 .issued_at = kNow,
                                 .expires_at = {kNow.seconds + 1 + input.u16()}};
  const auto read = hub::read_access_token(crypto, keys, hub::write_access_token(crypto, keys[0], claims), kNow);
  require(read.has_value(), "a token of ours is good");
  require(read->device_id == claims.device_id && read->owner == claims.owner && read->network == claims.network &&
              read->generation == claims.generation && read->expires_at == claims.expires_at,
          "a token of ours says what we said");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  os::NativeCrypto crypto;
  const std::array keys = {signing_key()};
  switch (input.below(3)) {
    case 0: {
      const auto read = hub::read_access_token(crypto, keys, as_text(input.rest()), kNow);
      require(!read, "nobody makes a token without the key");
      break;
    }
    case 1: {
      const Bytes header = input.bytes();
      const auto read = hub::read_access_token(crypto, keys, sign(crypto, header, input.rest()), kNow);
      if (!read) break;
      require(read->expires_at > kNow, "an expired token is refused");
      require(read->issued_at.seconds <= kNow.seconds + hub::kClockLeeway, "a token of the future is refused");
      break;
    }
    case 2:
      read_claims_of_ours(input, crypto, keys);
      break;
  }
  return 0;
}
