#include "hub/access_token.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/encoding.h"
#include "json/parse.h"
#include "json/write.h"
#include "os/native_crypto.h"
#include "support/seeded_random.h"

namespace bamgate::hub {
namespace {

constexpr UnixTime kNow{1'800'000'000};

class AccessTokenTest : public ::testing::Test {
 protected:
  AccessTokenTest() {
    for (const char* kid : {"new", "old"}) {
      keys.push_back({kid, {}});
      random.fill(keys.back().secret.mutable_bytes());
    }
  }

  std::string sign(std::string_view header, std::string_view payload, const SigningKey& key) {
    const std::string input = to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(payload));
    return input + "." + to_base64url(crypto.hmac_sha256(key.secret.bytes(), {as_bytes(input)}));
  }

  TokenError error_of(std::string_view token, UnixTime at = kNow) {
    const auto read = read_access_token(crypto, keys, token, at);
    EXPECT_FALSE(read);
    return read ? TokenError{} : read.error();
  }

  os::NativeCrypto crypto;
  testing::SeededRandom random{5};
  std::vector<SigningKey> keys;
  AccessClaims claims{"0123", "hub", "net1", 7, kNow, {kNow.seconds + kAccessTokenLifetime}};
};

constexpr std::string_view kPayload =
    R"({"sub":"0123","owner":"hub","net":"net1","gen":7,"iat":1800000000,"exp":1800003600})";

TEST_F(AccessTokenTest, WhatIsWrittenIsReadAgain) {
  const auto read = read_access_token(crypto, keys, write_access_token(crypto, keys[0], claims), kNow);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->device_id, "0123");
  EXPECT_EQ(read->owner, "hub");
  EXPECT_EQ(read->network, "net1");
  EXPECT_EQ(read->generation, 7);
  EXPECT_EQ(read->issued_at, kNow);
  EXPECT_EQ(read->expires_at.seconds, kNow.seconds + 3600);
}

TEST_F(AccessTokenTest, TheFormIsTheOneOfRfc7519) {
  const std::string token = write_access_token(crypto, keys[0], claims);
  EXPECT_EQ(token, sign(R"({"alg":"HS256","typ":"JWT","kid":"new"})", kPayload, keys[0]));
}

TEST_F(AccessTokenTest, EveryKeyThatIsStillKeptVerifies) {
  EXPECT_TRUE(read_access_token(crypto, keys, write_access_token(crypto, keys[1], claims), kNow));
  keys.pop_back();
  SigningKey gone{"old", {}};
  EXPECT_EQ(error_of(write_access_token(crypto, gone, claims)), TokenError::kUnknownKey);
}

TEST_F(AccessTokenTest, AlgorithmNoneAndOthersAreRefused) {
  for (const char* algorithm : {"none", "None", "HS512", "HS384", "RS256", "hs256", ""}) {
    const std::string header = std::string(R"({"alg":")") + algorithm + R"(","kid":"new"})";
    EXPECT_EQ(error_of(sign(header, kPayload, keys[0])), TokenError::kAlgorithm) << algorithm;
  }
  EXPECT_EQ(error_of(sign(R"({"kid":"new"})", kPayload, keys[0])), TokenError::kAlgorithm);
  EXPECT_EQ(error_of(sign(R"({"alg":"HS256","kid":"new","crit":["x"]})", kPayload, keys[0])), TokenError::kAlgorithm);
  const std::string unsigned_token =
      to_base64url(as_bytes(R"({"alg":"none"})")) + "." + to_base64url(as_bytes(kPayload)) + ".";
  EXPECT_EQ(error_of(unsigned_token), TokenError::kAlgorithm);
}

TEST_F(AccessTokenTest, AChangedPartBreaksTheSignature) {
  const std::string token = write_access_token(crypto, keys[0], claims);
  const std::string forged = sign(R"({"alg":"HS256","typ":"JWT","kid":"new"})", kPayload, keys[1]);
  EXPECT_EQ(error_of(forged), TokenError::kBadSignature);
  const std::size_t dot = token.find('.');
  const std::string other_payload =
      to_base64url(as_bytes(R"({"sub":"other","owner":"hub","net":"net1","gen":7,"iat":1800000000,"exp":1800003600})"));
  EXPECT_EQ(error_of(token.substr(0, dot + 1) + other_payload + token.substr(token.rfind('.'))),
            TokenError::kBadSignature);
  EXPECT_EQ(error_of(token.substr(0, token.size() - 3)), TokenError::kBadSignature);
}

TEST_F(AccessTokenTest, ATokenEndsAtItsExpiry) {
  const std::string token = write_access_token(crypto, keys[0], claims);
  EXPECT_TRUE(read_access_token(crypto, keys, token, {claims.expires_at.seconds - 1}));
  EXPECT_EQ(error_of(token, claims.expires_at), TokenError::kExpired);
}

TEST_F(AccessTokenTest, ATokenFromTheFutureIsNotYetValid) {
  const std::string token = write_access_token(crypto, keys[0], claims);
  EXPECT_TRUE(read_access_token(crypto, keys, token, {kNow.seconds - kClockLeeway}));
  EXPECT_EQ(error_of(token, {kNow.seconds - kClockLeeway - 1}), TokenError::kNotYetValid);
}

TEST_F(AccessTokenTest, EachClaimMustBeThereWithItsType) {
  constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT","kid":"new"})";
  const json::Object good = *json::parse(kPayload)->as_object();
  ASSERT_TRUE(read_access_token(crypto, keys, sign(kHeader, json::write(good), keys[0]), kNow));
  for (const auto& [name, value] : good) {
    json::Value without(good);
    without.erase(name);
    EXPECT_EQ(error_of(sign(kHeader, json::write(without), keys[0])), TokenError::kMalformed) << "no " << name;
    const bool is_text = value.as_string() != nullptr;
    for (const json::Value& wrong : {json::Value(nullptr), json::Value(true), json::Value(json::Array{value}),
                                     json::Value(1.5), is_text ? json::Value(7) : json::Value("7")}) {
      json::Value mistyped(good);
      mistyped.set(name, wrong);
      EXPECT_EQ(error_of(sign(kHeader, json::write(mistyped), keys[0])), TokenError::kMalformed)
          << name << " " << json::write(wrong);
    }
  }
}

TEST_F(AccessTokenTest, ATokenCutAnywhereIsRefused) {
  const std::string token = write_access_token(crypto, keys[0], claims);
  for (std::size_t size = 0; size < token.size(); ++size) {
    EXPECT_FALSE(read_access_token(crypto, keys, token.substr(0, size), kNow)) << size;
  }
}

TEST_F(AccessTokenTest, ATokenWithAnyCharacterChangedIsRefused) {
  const std::string token = write_access_token(crypto, keys[0], claims);
  for (std::size_t at = 0; at < token.size(); ++at) {
    for (const char other : {'A', 'b', '.', '=', '\0'}) {
      std::string changed = token;
      changed[at] = other;
      if (changed == token) continue;
      EXPECT_FALSE(read_access_token(crypto, keys, changed, kNow)) << at << other;
    }
  }
}

TEST_F(AccessTokenTest, TheSameTokenEncodedOtherwiseIsRefused) {
  const std::string token = write_access_token(crypto, keys[0], claims);
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  const std::string header = token.substr(0, first);
  const std::string payload = token.substr(first + 1, last - first - 1);
  const std::string signature = token.substr(last + 1);
  const std::string spaced = to_base64url(as_bytes(R"({ "alg":"HS256","typ":"JWT","kid":"new"})"));
  std::string loose_bits = signature;
  loose_bits.back() = static_cast<char>(loose_bits.back() + 1);
  for (const std::string& other :
       {header + "=." + payload + "." + signature, header + "." + payload + "=." + signature,
        header + "." + payload + "." + signature + "=", spaced + "." + payload + "." + signature,
        header + "." + payload + "." + loose_bits, header + "." + payload + "." + signature + ".",
        "." + header + "." + payload + "." + signature, header + ".." + payload + "." + signature,
        payload + "." + header + "." + signature, token + "\n", " " + token}) {
    EXPECT_FALSE(read_access_token(crypto, keys, other, kNow)) << other;
  }
}

TEST_F(AccessTokenTest, TheKeyIsFoundByItsNameOnly) {
  for (const char* header : {R"({"alg":"HS256"})", R"({"alg":"HS256","kid":""})", R"({"alg":"HS256","kid":7})",
                             R"({"alg":"HS256","kid":null})", R"({"alg":"HS256","kid":"none"})",
                             R"({"alg":"HS256","kid":["new"]})", R"({"alg":"HS256","kid":"../new"})"}) {
    EXPECT_EQ(error_of(sign(header, kPayload, keys[0])), TokenError::kUnknownKey) << header;
  }
  EXPECT_EQ(error_of(sign(R"({"alg":"HS256","kid":"old"})", kPayload, keys[0])), TokenError::kBadSignature);
}

TEST_F(AccessTokenTest, AnythingElseIsMalformed) {
  constexpr std::string_view kHeader = R"({"alg":"HS256","kid":"new"})";
  for (const std::string& token :
       {std::string(), std::string("."), std::string(".."), std::string("a.b"), std::string("!!.!!.!!"),
        std::string(5000, 'a') + ".a.a", sign("[]", kPayload, keys[0]), sign(kHeader, "[]", keys[0]),
        sign(kHeader, R"({"sub":"0123"})", keys[0]),
        sign(kHeader, R"({"sub":1,"owner":"hub","net":"n","gen":7,"iat":1,"exp":1800003600})", keys[0]),
        sign(kHeader, R"({"sub":"1","owner":"hub","net":"n","gen":7,"iat":1,"exp":"1800003600"})", keys[0]),
        sign(kHeader, R"({"sub":"1","owner":"hub","net":"n","gen":7,"iat":1,"exp":1e99})", keys[0])}) {
    EXPECT_EQ(error_of(token), TokenError::kMalformed) << token.substr(0, 80);
  }
}

}  // namespace
}  // namespace bamgate::hub
