#include "agent/tokens.h"

#include <gtest/gtest.h>

#include <limits>

namespace bamgate::agent {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow = Instant(1h);

TEST(Tokens, HaveNothingAtFirstAndWantNoRenewal) {
  const Tokens tokens;
  EXPECT_FALSE(tokens.current(kNow));
  EXPECT_EQ(tokens.renew_at(), kNever);
}

TEST(Tokens, PresentATokenUntilAMinuteBeforeItsEnd) {
  Tokens tokens;
  tokens.refreshed(kNow, "token", 3600s);
  EXPECT_EQ(tokens.current(kNow), "token");
  EXPECT_EQ(tokens.current(kNow + 3539s), "token");
  EXPECT_FALSE(tokens.current(kNow + 3540s));
}

TEST(Tokens, AreRenewedAheadOfTime) {
  Tokens tokens;
  tokens.refreshed(kNow, "token", 3600s);
  EXPECT_EQ(tokens.renew_at(), kNow + 3000s);
}

TEST(Tokens, AreRefreshedOnceAtATime) {
  Tokens tokens;
  tokens.refreshed(kNow, "token", 3600s);
  EXPECT_TRUE(tokens.begin_refresh());
  EXPECT_FALSE(tokens.begin_refresh());
  EXPECT_EQ(tokens.renew_at(), kNever);
  tokens.failed();
  tokens.postpone(kNow + 3030s);
  EXPECT_EQ(tokens.renew_at(), kNow + 3030s);
  EXPECT_TRUE(tokens.begin_refresh());
  tokens.refreshed(kNow + 3031s, "next", 3600s);
  EXPECT_EQ(tokens.current(kNow + 3031s), "next");
  EXPECT_TRUE(tokens.begin_refresh());
}

TEST(Tokens, ForgetATokenThatTheHubRefused) {
  Tokens tokens;
  tokens.refreshed(kNow, "token", 3600s);
  tokens.forget();
  EXPECT_FALSE(tokens.current(kNow));
}

TEST(Tokens, AreNeverRenewedInAFloodWhateverLifetimeTheHubNames) {
  for (const std::chrono::seconds lifetime : {-3600s, 0s, 1s, 59s}) {
    Tokens tokens;
    tokens.refreshed(kNow, "token", lifetime);
    EXPECT_FALSE(tokens.current(kNow));
    EXPECT_GE(tokens.renew_at(), kNow + 60s);
  }
}

TEST(Tokens, TakeALifetimeBeyondAllTimeForAMonth) {
  Tokens tokens;
  tokens.refreshed(kNow, "token", std::chrono::seconds(std::numeric_limits<std::int64_t>::max()));
  EXPECT_TRUE(tokens.current(kNow + 24h));
  EXPECT_EQ(tokens.renew_at(), kNow + 25 * 24h);
}

}  // namespace
}  // namespace bamgate::agent
