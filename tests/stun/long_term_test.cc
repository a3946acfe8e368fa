// Long-term credentials: client and server against each other, and each against a network that lies.
#include <gtest/gtest.h>

#include <functional>

#include "core/encoding.h"
#include "os/native_crypto.h"
#include "stun/long_term_client.h"
#include "stun/long_term_server.h"
#include "stun/response.h"
#include "support/seeded_random.h"

namespace bamgate::stun {
namespace {

using namespace std::chrono_literals;
using bamgate::testing::SeededRandom;

constexpr Endpoint kClient{IpAddress::v4(192, 0, 2, 9), 4000};
constexpr Account kAccount{"user", "correct horse"};

// Bytes and the message that is a view of them.
struct Packet {
  std::vector<std::byte> bytes;
  Message message() const { return Message::parse(bytes).value(); }
};

class StunLongTerm : public ::testing::Test {
 protected:
  using Write = std::function<void(Builder&)>;

  Packet build(Class message_class, const Write& write) {
    std::vector<std::byte> out(1000);
    Builder builder(out, message_class, Method::kAllocate, make_transaction_id(random_));
    write(builder);
    out.resize(builder.finish().value());
    return {std::move(out)};
  }
  Packet request(const LongTermClient& client, LongTermClient::Attempt& attempt) {
    return build(Class::kRequest, [&](Builder& builder) { client.sign(builder, crypto_, attempt); });
  }
  // What the server says to a request; `code` is 0 for success.
  Packet respond(const LongTermServer& server, const Packet& packet, std::uint16_t& code,
                 const Endpoint& from = kClient, const std::optional<Account>& account = kAccount) {
    const Message message = packet.message();
    std::vector<std::byte> out(1000);
    const auto checked = server.check(now_, from, message, account, crypto_);
    std::expected<std::size_t, Error> size;
    if (checked) {
      code = 0;
      Builder builder = success_response(out, message);
      checked->sign(builder, crypto_);
      size = finish_response(builder, message);
    } else {
      code = checked.error();
      size = server.refuse(now_, from, message, code, crypto_, out);
    }
    out.resize(size.value());
    return {std::move(out)};
  }
  // A challenge as some server might send it.
  Packet challenge(std::uint16_t code, std::string_view realm, std::string_view nonce, const Write& more = {}) {
    return build(Class::kError, [&](Builder& builder) {
      builder.error_code(code, reason_phrase(code)).text(Attribute::kRealm, realm).text(Attribute::kNonce, nonce);
      if (more) more(builder);
    });
  }
  Verdict judge(LongTermClient& client, const Packet& response, LongTermClient::Attempt& attempt) {
    return client.handle_response(response.message(), crypto_, attempt);
  }
  static LongTermServer server(bool algorithms = true, bool anonymity = false) {
    return {{.realm = "bamgate", .password_algorithms = algorithms, .username_anonymity = anonymity}, Secret<32>{}};
  }

  os::NativeCrypto crypto_;
  SeededRandom random_{1};
  Instant now_{};
};

// A -> request without credentials -> Z; Z -> 401 -> A; A -> signed request -> Z; Z -> signed success -> A
TEST_F(StunLongTerm, OneChallengeLeadsToAnAuthenticRequest) {
  for (const bool algorithms : {true, false}) {
    const LongTermServer z = server(algorithms);
    LongTermClient a(kAccount.username, kAccount.password);
    LongTermClient::Attempt attempt;
    std::uint16_t code = 0;

    const Packet first = request(a, attempt);
    EXPECT_EQ(first.bytes.size(), kHeaderSize) << "the first request carries no credentials";
    const Packet refusal = respond(z, first, code);
    EXPECT_EQ(code, 401);
    EXPECT_EQ(refusal.message().text(Attribute::kRealm), "bamgate");
    EXPECT_FALSE(integrity_of(refusal.message()));
    EXPECT_EQ(judge(a, refusal, attempt), Verdict::kRetry);
    EXPECT_EQ(a.realm(), "bamgate");

    const Packet second = request(a, attempt);
    EXPECT_EQ(second.message().text(Attribute::kUsername), "user");
    EXPECT_EQ(integrity_of(second.message()), algorithms ? Integrity::kSha256 : Integrity::kSha1);
    EXPECT_EQ(second.message().password_algorithm().has_value(), algorithms);
    const Packet success = respond(z, second, code);
    EXPECT_EQ(code, 0);
    EXPECT_EQ(integrity_of(success.message()), algorithms ? Integrity::kSha256 : Integrity::kSha1);
    EXPECT_EQ(judge(a, success, attempt), Verdict::kAccept);
  }
}

TEST_F(StunLongTerm, LaterRequestsUseTheSameNonceWithoutAnotherChallenge) {
  const LongTermServer z = server();
  LongTermClient a(kAccount.username, kAccount.password);
  LongTermClient::Attempt attempt;
  std::uint16_t code = 0;
  judge(a, respond(z, request(a, attempt), code), attempt);
  for (int i = 0; i < 3; ++i) {
    LongTermClient::Attempt next;
    EXPECT_EQ(judge(a, respond(z, request(a, next), code), next), Verdict::kAccept);
    EXPECT_EQ(code, 0);
  }
}

TEST_F(StunLongTerm, ServerPrefersSha256AndClientTakesTheFirstThatItKnows) {
  const LongTermServer z = server();
  LongTermClient a(kAccount.username, kAccount.password);
  LongTermClient::Attempt attempt;
  std::uint16_t code = 0;
  judge(a, respond(z, request(a, attempt), code), attempt);
  EXPECT_EQ(request(a, attempt).message().password_algorithm(), PasswordAlgorithm::kSha256);

  LongTermClient b(kAccount.username, kAccount.password);
  const auto offer = [](Builder& builder) {
    builder.password_algorithms(std::array{static_cast<PasswordAlgorithm>(99), PasswordAlgorithm::kMd5});
  };
  LongTermClient::Attempt other;
  EXPECT_EQ(judge(b, challenge(401, "r", nonce_cookie({.password_algorithms = true}), offer), other), Verdict::kRetry);
  const Packet chosen = request(b, other);
  EXPECT_EQ(chosen.message().password_algorithm(), PasswordAlgorithm::kMd5);
  EXPECT_EQ(to_hex(*chosen.message().bytes(Attribute::kPasswordAlgorithms)), "0063000000010000") << "echoed as it came";
  EXPECT_EQ(integrity_of(chosen.message()), Integrity::kSha256) << "the list was offered, so SHA-1 is over";
  const auto key = derive_key(crypto_, PasswordAlgorithm::kMd5, "user", "r", kAccount.password);
  EXPECT_TRUE(check_integrity_sha256(chosen.message(), crypto_, key.bytes()));
}

TEST_F(StunLongTerm, AnonymousNamesAreHashedWhenTheServerOffersIt) {
  const LongTermServer z = server(true, true);
  LongTermClient a(kAccount.username, kAccount.password);
  LongTermClient::Attempt attempt;
  std::uint16_t code = 0;
  judge(a, respond(z, request(a, attempt), code), attempt);
  const Packet signed_request = request(a, attempt);
  EXPECT_FALSE(signed_request.message().has(Attribute::kUsername));
  const auto claim = LongTermServer::claim(signed_request.message());
  ASSERT_TRUE(claim && claim->user_hash);
  EXPECT_FALSE(claim->username);
  EXPECT_EQ(to_hex(*claim->user_hash), to_hex(user_hash(crypto_, "user", "bamgate")));
  EXPECT_EQ(judge(a, respond(z, signed_request, code), attempt), Verdict::kAccept);
}

TEST_F(StunLongTerm, WrongPasswordAndUnknownNameAreRefusedAlikeAndNotTriedAgain) {
  const LongTermServer z = server();
  for (const bool known : {true, false}) {
    LongTermClient a(kAccount.username, "wrong");
    LongTermClient::Attempt attempt;
    std::uint16_t code = 0;
    const std::optional<Account> account = known ? std::optional(kAccount) : std::nullopt;
    EXPECT_EQ(judge(a, respond(z, request(a, attempt), code), attempt), Verdict::kRetry);
    const Packet refusal = respond(z, request(a, attempt), code, kClient, account);
    EXPECT_EQ(code, 401);
    EXPECT_TRUE(refusal.message().has(Attribute::kNonce) && refusal.message().has(Attribute::kPasswordAlgorithms));
    EXPECT_FALSE(refusal.message().has(Attribute::kUsername));
    EXPECT_EQ(judge(a, refusal, attempt), Verdict::kRefused);
  }
}

TEST_F(StunLongTerm, NobodyGetsInWithAnEmptyPasswordUnderAnUnknownName) {
  const LongTermServer z = server();
  LongTermClient a("", "");
  LongTermClient::Attempt attempt;
  std::uint16_t code = 0;
  judge(a, respond(z, request(a, attempt), code), attempt);
  respond(z, request(a, attempt), code, kClient, std::nullopt);
  EXPECT_EQ(code, 401);
}

TEST_F(StunLongTerm, AnotherRealmIsWorthAnotherTry) {
  LongTermClient a(kAccount.username, kAccount.password);
  LongTermClient::Attempt attempt;
  EXPECT_EQ(judge(a, challenge(401, "one", "n1"), attempt), Verdict::kRetry);
  request(a, attempt);
  EXPECT_EQ(judge(a, challenge(401, "two", "n2"), attempt), Verdict::kRetry);
  const Packet again = request(a, attempt);
  EXPECT_EQ(again.message().text(Attribute::kRealm), "two");
  EXPECT_EQ(judge(a, challenge(401, "two", "n3"), attempt), Verdict::kRefused);
}

TEST_F(StunLongTerm, StaleNonceIsReplacedOnce) {
  const LongTermServer z = server();
  LongTermClient a(kAccount.username, kAccount.password);
  LongTermClient::Attempt attempt;
  std::uint16_t code = 0;
  judge(a, respond(z, request(a, attempt), code), attempt);
  now_ += 9min + 59s;
  EXPECT_EQ(judge(a, respond(z, request(a, attempt), code), attempt), Verdict::kAccept);
  now_ += 2s;
  const Packet stale = respond(z, request(a, attempt), code);
  ASSERT_EQ(code, 438);
  EXPECT_EQ(stale.message().error_code()->code, 438);
  EXPECT_EQ(judge(a, stale, attempt), Verdict::kRetry);
  const Packet retry = request(a, attempt);
  EXPECT_EQ(retry.message().text(Attribute::kNonce), stale.message().text(Attribute::kNonce));
  EXPECT_EQ(judge(a, respond(z, retry, code), attempt), Verdict::kAccept);
  EXPECT_EQ(code, 0);
  // A server that calls even that one stale is not asked again.
  EXPECT_EQ(judge(a,
                  challenge(438, "bamgate", "x",
                            [](Builder& b) { b.password_algorithms(std::array{PasswordAlgorithm::kSha256}); }),
                  attempt),
            Verdict::kRefused);
}

TEST_F(StunLongTerm, NonceOfAnotherClientOrAnotherServerIsStale) {
  const LongTermServer z = server();
  LongTermClient a(kAccount.username, kAccount.password);
  LongTermClient::Attempt attempt;
  std::uint16_t code = 0;
  judge(a, respond(z, request(a, attempt), code), attempt);
  const Packet packet = request(a, attempt);
  respond(z, packet, code);
  EXPECT_EQ(code, 0);
  respond(z, packet, code, {kClient.address, 4001});
  EXPECT_EQ(code, 438);
  respond(z, packet, code, {IpAddress::v4(192, 0, 2, 10), 4000});
  EXPECT_EQ(code, 438);
  Secret<32> other_key;
  other_key.mutable_bytes()[0] = std::byte{1};
  respond(LongTermServer({.realm = "bamgate"}, other_key), packet, code);
  EXPECT_EQ(code, 438);
}

TEST_F(StunLongTerm, RequestsThatLackWhatTheyMustHaveAreBadRequests) {
  const LongTermServer z = server();
  const auto check = [&](const Write& write) {
    std::uint16_t code = 0;
    const Packet refusal = respond(z, build(Class::kRequest, write), code);
    if (code == 400) {
      EXPECT_FALSE(refusal.message().has(Attribute::kNonce) || refusal.message().has(Attribute::kRealm));
    }
    return code;
  };
  const auto sign = [&](Builder& builder) { builder.integrity(crypto_, as_bytes("key")); };
  EXPECT_EQ(check([&](Builder& b) { b.text(Attribute::kUsername, "user"); }), 401);
  EXPECT_EQ(check([&](Builder& b) { sign(b); }), 400);
  EXPECT_EQ(check([&](Builder& b) { sign(b.text(Attribute::kUsername, "user").text(Attribute::kRealm, "bamgate")); }),
            400);
  EXPECT_EQ(check([&](Builder& b) { sign(b.text(Attribute::kUsername, "user").text(Attribute::kNonce, "n")); }), 400);
  EXPECT_EQ(check([&](Builder& b) { sign(b.text(Attribute::kRealm, "bamgate").text(Attribute::kNonce, "n")); }), 400);
  EXPECT_EQ(
      check([&](Builder& b) {
        sign(b.text(Attribute::kUsername, "user").text(Attribute::kRealm, "bamgate").text(Attribute::kNonce, "n"));
      }),
      401);
}

TEST_F(StunLongTerm, AlgorithmsThatWereTamperedWithAreABadRequest) {
  const LongTermServer z = server();
  std::uint16_t code = 0;
  const Packet refusal = respond(z, build(Class::kRequest, [](Builder&) {}), code);
  const std::string nonce(*refusal.message().text(Attribute::kNonce));
  const auto key = derive_key(crypto_, PasswordAlgorithm::kMd5, "user", "bamgate", kAccount.password);
  const auto check = [&](const Write& algorithms) {
    respond(
        z,
        build(Class::kRequest,
              [&](Builder& b) {
                b.text(Attribute::kUsername, "user").text(Attribute::kNonce, nonce).text(Attribute::kRealm, "bamgate");
                algorithms(b);
                b.integrity_sha256(crypto_, key.bytes());
              }),
        code);
    return code;
  };
  constexpr std::array kOffer = {PasswordAlgorithm::kSha256, PasswordAlgorithm::kMd5};
  EXPECT_EQ(check([&](Builder& b) { b.password_algorithms(kOffer).password_algorithm(PasswordAlgorithm::kMd5); }), 0);
  EXPECT_EQ(check([](Builder&) {}), 0) << "an older client knows no algorithms: that is MD5";
  EXPECT_EQ(check([&](Builder& b) { b.password_algorithms(kOffer); }), 400);
  EXPECT_EQ(check([&](Builder& b) { b.password_algorithm(PasswordAlgorithm::kMd5); }), 400);
  EXPECT_EQ(check([&](Builder& b) {
              b.password_algorithms(std::array{PasswordAlgorithm::kMd5}).password_algorithm(PasswordAlgorithm::kMd5);
            }),
            400);
  EXPECT_EQ(
      check([&](Builder& b) { b.password_algorithms(kOffer).password_algorithm(static_cast<PasswordAlgorithm>(3)); }),
      400);
}

TEST_F(StunLongTerm, ClientDoesNotFollowAChallengeFromWhichTheOfferWasTaken) {
  const std::string cookie = nonce_cookie({.password_algorithms = true});
  LongTermClient a(kAccount.username, kAccount.password);
  LongTermClient::Attempt attempt;
  for (const std::uint16_t code : std::array<std::uint16_t, 2>{401, 438}) {
    EXPECT_EQ(judge(a, challenge(code, "r", cookie + "x"), attempt), Verdict::kBidDown);
    EXPECT_EQ(judge(a,
                    challenge(code, "r", cookie + "x",
                              [](Builder& b) { b.password_algorithms(std::array{static_cast<PasswordAlgorithm>(9)}); }),
                    attempt),
              Verdict::kBidDown);
  }
  EXPECT_FALSE(a.challenged());
  // The same on any other response: it is ignored.
  const Packet success = build(Class::kSuccess, [&](Builder& b) { b.text(Attribute::kNonce, cookie); });
  EXPECT_EQ(judge(a, success, attempt), Verdict::kDiscard);
  // And whoever once offered algorithms does not come back without.
  EXPECT_EQ(judge(a,
                  challenge(401, "r", cookie,
                            [](Builder& b) { b.password_algorithms(std::array{PasswordAlgorithm::kSha256}); }),
                  attempt),
            Verdict::kRetry);
  EXPECT_EQ(judge(a, challenge(438, "r", "plain"), attempt), Verdict::kBidDown);
}

TEST_F(StunLongTerm, ChallengesWithoutRealmOrNonceAreNoChallenges) {
  LongTermClient a(kAccount.username, kAccount.password);
  LongTermClient::Attempt attempt;
  for (const Attribute only : {Attribute::kRealm, Attribute::kNonce}) {
    const Packet packet =
        build(Class::kError, [&](Builder& b) { b.error_code(401, "Unauthenticated").text(only, "x"); });
    EXPECT_EQ(judge(a, packet, attempt), Verdict::kBidDown);
  }
}

TEST_F(StunLongTerm, ForgedResponsesAreDiscarded) {
  const LongTermServer z = server();
  LongTermClient a(kAccount.username, kAccount.password);
  LongTermClient::Attempt attempt;
  std::uint16_t code = 0;
  judge(a, respond(z, request(a, attempt), code), attempt);
  request(a, attempt);
  const auto key = derive_key(crypto_, PasswordAlgorithm::kSha256, "user", "bamgate", kAccount.password);
  const auto verdict = [&](Class kind, const Write& write) { return judge(a, build(kind, write), attempt); };
  EXPECT_EQ(verdict(Class::kSuccess, [](Builder&) {}), Verdict::kDiscard) << "no integrity";
  EXPECT_EQ(verdict(Class::kSuccess, [&](Builder& b) { b.integrity_sha256(crypto_, as_bytes("other")); }),
            Verdict::kDiscard);
  EXPECT_EQ(verdict(Class::kSuccess, [&](Builder& b) { b.integrity(crypto_, key.bytes()); }), Verdict::kDiscard)
      << "SHA-1 where SHA-256 was sent";
  EXPECT_EQ(verdict(Class::kSuccess, [&](Builder& b) { b.integrity_sha256(crypto_, key.bytes(), 16); }),
            Verdict::kDiscard)
      << "cut";
  EXPECT_EQ(verdict(Class::kError, [](Builder& b) { b.error_code(437, ""); }), Verdict::kDiscard);
  EXPECT_EQ(verdict(Class::kError, [&](Builder& b) { b.error_code(437, "").integrity_sha256(crypto_, key.bytes()); }),
            Verdict::kAccept);
}

TEST_F(StunLongTerm, BadRequestWithoutIntegrityIsDiscardedEvenBeforeTheChallenge) {
  LongTermClient a(kAccount.username, kAccount.password);
  LongTermClient::Attempt attempt;
  EXPECT_EQ(judge(a, build(Class::kError, [](Builder& b) { b.error_code(400, ""); }), attempt), Verdict::kDiscard);
  EXPECT_EQ(judge(a, build(Class::kError, [](Builder& b) { b.error_code(500, ""); }), attempt), Verdict::kAccept);
}

TEST_F(StunLongTerm, RequestsInFlightEndUnderTheKeyThatTheyWereSignedWith) {
  LongTermClient a(kAccount.username, kAccount.password);
  LongTermClient::Attempt early;
  judge(a, challenge(401, "one", "n1"), early);
  request(a, early);
  LongTermClient::Attempt other;
  judge(a, challenge(401, "two", "n2"), other);
  const auto key = derive_key(crypto_, PasswordAlgorithm::kMd5, "user", "one", kAccount.password);
  const Packet success = build(Class::kSuccess, [&](Builder& b) { b.integrity(crypto_, key.bytes()); });
  EXPECT_EQ(judge(a, success, early), Verdict::kAccept);
}

TEST(StunNonce, CookieCarriesTheFeaturesFromTheMostSignificantBit) {
  EXPECT_EQ(nonce_cookie({}), "obMatJos2AAAA");
  EXPECT_EQ(nonce_cookie({.password_algorithms = true}), "obMatJos2gAAA");
  EXPECT_EQ(nonce_cookie({.username_anonymity = true}), "obMatJos2QAAA");
  for (const bool algorithms : {true, false}) {
    for (const bool anonymity : {true, false}) {
      const SecurityFeatures features{algorithms, anonymity};
      EXPECT_EQ(read_nonce_cookie(nonce_cookie(features) + "rest"), features);
    }
  }
  // Bits that mean nothing yet are let be.
  EXPECT_EQ(read_nonce_cookie("obMatJos2AAAC"), SecurityFeatures{});
  for (const auto* nonce : {"", "obMatJos2", "obMatJos2AAA", "ObMatJos2AAAA", "obMatJos2AAA!", "obMatJos2AA=="}) {
    EXPECT_FALSE(read_nonce_cookie(nonce)) << nonce;
  }
}

TEST(StunNonce, AnyChangeMakesItInvalid) {
  os::NativeCrypto crypto;
  const NonceMint mint(Secret<32>{}, 10min);
  const Instant now = Instant{} + 1h;
  const std::string nonce = mint.issue(crypto, now, kClient, {.password_algorithms = true});
  EXPECT_EQ(nonce.size(), 45U);
  EXPECT_TRUE(mint.valid(crypto, now, kClient, nonce));
  EXPECT_TRUE(mint.valid(crypto, now + 10min - 1ms, kClient, nonce));
  EXPECT_FALSE(mint.valid(crypto, now + 10min, kClient, nonce));
  for (std::size_t i = 0; i < nonce.size(); ++i) {
    std::string changed = nonce;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(mint.valid(crypto, now, kClient, changed)) << i;
    EXPECT_FALSE(mint.valid(crypto, now, kClient, nonce.substr(0, i))) << i;
  }
  EXPECT_FALSE(mint.valid(crypto, now, kClient, nonce + "AAAA"));
  EXPECT_NE(mint.issue(crypto, now, {kClient.address, 4001}, {.password_algorithms = true}), nonce);
}

}  // namespace
}  // namespace bamgate::stun
