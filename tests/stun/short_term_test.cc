// Short-term credentials: what both sides send and take.
#include <gtest/gtest.h>

#include <functional>

#include "error_of.h"
#include "os/native_crypto.h"
#include "stun/response.h"
#include "stun/short_term.h"

namespace bamgate::stun {
namespace {

using bamgate::testing::error_of;
class StunShortTerm : public ::testing::Test {
 protected:
  Message build(Class message_class, const std::function<void(Builder&)>& write) {
    Builder builder(out_, message_class, Method::kBinding, {});
    write(builder);
    return Message::parse(Bytes(out_).first(builder.finish().value())).value();
  }
  std::expected<Integrity, std::uint16_t> check(const Message& message) {
    return check_short_term(message, crypto_, "name", "password");
  }

  os::NativeCrypto crypto_;
  std::array<std::byte, 400> out_{};
};

TEST_F(StunShortTerm, FirstRequestCarriesBothIntegritiesAndSha256Decides) {
  const Message request = build(Class::kRequest, [&](Builder& b) { sign_short_term(b, crypto_, "name", "password"); });
  EXPECT_EQ(integrity_of(request), Integrity::kBoth);
  EXPECT_EQ(check(request), Integrity::kSha256);
  const Message half = build(Class::kRequest, [&](Builder& b) {
    b.text(Attribute::kUsername, "name")
        .integrity(crypto_, as_bytes("password"))
        .integrity_sha256(crypto_, as_bytes("x"));
  });
  EXPECT_EQ(error_of(check(half)), kErrorUnauthenticated);
}

TEST_F(StunShortTerm, ResponseCarriesTheOneThatDecidedAndNoName) {
  for (const Integrity sent : {Integrity::kSha1, Integrity::kSha256, Integrity::kBoth}) {
    const auto kind =
        check(build(Class::kRequest, [&](Builder& b) { sign_short_term(b, crypto_, "name", "password", sent); }));
    ASSERT_TRUE(kind);
    EXPECT_EQ(*kind, sent == Integrity::kSha1 ? Integrity::kSha1 : Integrity::kSha256);
    const Message response =
        build(Class::kSuccess, [&](Builder& b) { sign_short_term_response(b, crypto_, "password", *kind); });
    EXPECT_EQ(integrity_of(response), *kind);
    EXPECT_FALSE(response.has(Attribute::kUsername));
    EXPECT_EQ(check_short_term_response(response, crypto_, "password", sent), *kind);
  }
}

TEST_F(StunShortTerm, RequestsWithoutNameOrIntegrityAreBadRequests) {
  const auto no_name = build(Class::kRequest, [&](Builder& b) { b.integrity(crypto_, as_bytes("password")); });
  EXPECT_EQ(error_of(check(no_name)), kErrorBadRequest);
  const auto bare = build(Class::kRequest, [&](Builder& b) { b.text(Attribute::kUsername, "name"); });
  EXPECT_EQ(error_of(check(bare)), kErrorBadRequest);
}

TEST_F(StunShortTerm, WrongNamesAndPasswordsAreUnauthenticated) {
  for (const auto& [name, password] : {std::pair{"other", "password"}, std::pair{"name", "other"}}) {
    const auto request =
        build(Class::kRequest, [&](Builder& b) { sign_short_term(b, crypto_, name, password, Integrity::kSha1); });
    EXPECT_EQ(error_of(check(request)), kErrorUnauthenticated);
  }
}

TEST_F(StunShortTerm, ResponsesOfTheWrongKindAreDiscarded) {
  const auto judge = [&](Integrity in_response, Integrity sent) {
    const auto response =
        build(Class::kSuccess, [&](Builder& b) { sign_short_term_response(b, crypto_, "password", in_response); });
    return check_short_term_response(response, crypto_, "password", sent);
  };
  EXPECT_EQ(error_of(judge(Integrity::kSha1, Integrity::kSha256)), Error::kNoIntegrity);
  EXPECT_EQ(error_of(judge(Integrity::kSha256, Integrity::kSha1)), Error::kNoIntegrity);
  EXPECT_EQ(judge(Integrity::kSha1, Integrity::kBoth), Integrity::kSha1);
  EXPECT_EQ(judge(Integrity::kSha256, Integrity::kBoth), Integrity::kSha256);
  const auto bare = build(Class::kSuccess, [](Builder&) {});
  EXPECT_EQ(error_of(check_short_term_response(bare, crypto_, "password", Integrity::kBoth)), Error::kNoIntegrity);
  const auto forged = build(Class::kSuccess, [&](Builder& b) { b.integrity(crypto_, as_bytes("other")); });
  EXPECT_EQ(error_of(check_short_term_response(forged, crypto_, "password", Integrity::kSha1)), Error::kBadIntegrity);
}

}  // namespace
}  // namespace bamgate::stun
