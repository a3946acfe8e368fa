#include "config/join_string.h"

#include <gtest/gtest.h>

#include "core/encoding.h"
#include "support/seeded_random.h"

namespace bamgate::config {
namespace {

constexpr std::string_view kJoin =
    "bamgate://hub.example:8443/#token=3q2-7w_x,fp=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

TEST(JoinString, IsReadAsItIsWritten) {
  for (const std::string_view text : {kJoin, std::string_view("bamgate://192.0.2.1:443/#token=abc"),
                                      std::string_view("bamgate://[2001:db8::1]:8443/#token=abc")}) {
    const auto join = parse_join_string(text);
    ASSERT_TRUE(join.has_value()) << join.error().message();
    EXPECT_EQ(write_join_string(*join), text);
  }
  const auto join = parse_join_string(kJoin);
  EXPECT_EQ(join->host, "hub.example");
  EXPECT_EQ(join->port, 8443);
  EXPECT_EQ(join->token.view(), "3q2-7w_x");
  EXPECT_EQ(join->fingerprint.value()[31], std::byte{31});
  EXPECT_EQ(join->server_url().to_string(), "https://hub.example:8443");
  EXPECT_FALSE(parse_join_string("bamgate://h:1/#token=abc")->fingerprint);
}

TEST(JoinString, ToleratesWhiteSpaceAroundAndUnknownParameters) {
  const auto join = parse_join_string(" \r\n" + std::string(kJoin) + ",later=1\n");
  ASSERT_TRUE(join.has_value());
  EXPECT_EQ(*join, *parse_join_string(kJoin));
  EXPECT_EQ(*parse_join_string("bamgate://HUB.example:8443#token=abc"),
            *parse_join_string("bamgate://hub.example:8443/#token=abc"));
}

TEST(JoinString, SaysWhatIsWrongAndWhatToDo) {
  const struct {
    const char* text;
    Error code;
    const char* what;
  } kCases[] = {
      {"", Error::kSyntax, "bamgate://"},
      {"https://hub.example:8443/#token=abc", Error::kSyntax, "bamgate://"},
      {"bamgate://", Error::kMissing, "port"},
      {"bamgate://hub.example/#token=abc", Error::kMissing, "port"},
      {"bamgate://[2001:db8::1]/#token=abc", Error::kMissing, "port"},
      {"bamgate://hub.example:/#token=abc", Error::kSyntax, "HOST:PORT"},
      {"bamgate://hub.example:0/#token=abc", Error::kSyntax, "HOST:PORT"},
      {"bamgate://hub.example:70000/#token=abc", Error::kSyntax, "HOST:PORT"},
      {"bamgate://user@hub:1/#token=abc", Error::kSyntax, "HOST:PORT"},
      {"bamgate://hub:1/path/#token=abc", Error::kSyntax, "HOST:PORT"},
      {"bamgate://hub.example:8443/", Error::kMissing, "token"},
      {"bamgate://hub.example:8443/#fp=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", Error::kMissing, "token"},
      {"bamgate://hub.example:8443/#token=", Error::kBadValue, "token"},
      {"bamgate://hub.example:8443/#token=a b", Error::kSyntax, "white space inside"},
      {"bamgate://hub.example:8443/#token=abc,", Error::kSyntax, "cut off"},
      {"bamgate://hub.example:8443/#token=abc,f", Error::kSyntax, "cut off"},
      {"bamgate://hub.example:8443/#token=abc,fp", Error::kSyntax, "cut off"},
      {"bamgate://hub.example:8443/#token=abc,\nfp=AAEC", Error::kBadValue, "fingerprint"},
      {"bamgate://hub.example:8443/#token=abc,fp=AAEC", Error::kBadValue, "fingerprint"},
      {"bamgate://hub.example:8443/#token=abc,fp=", Error::kBadValue, "fingerprint"},
  };
  for (const auto& entry : kCases) {
    const auto join = parse_join_string(entry.text);
    ASSERT_FALSE(join.has_value()) << entry.text;
    EXPECT_EQ(join.error().code, entry.code) << entry.text;
    EXPECT_NE(join.error().what.find(entry.what), std::string::npos) << entry.text << ": " << join.error().what;
    EXPECT_NE(join.error().what_to_do.find("bamgate hub token"), std::string::npos);
    EXPECT_EQ(join.error().message().find("abc"), std::string::npos) << "the token is not repeated";
  }
  EXPECT_EQ(parse_join_string(std::string(5'000, 'x')).error().code, Error::kTooLarge);
}

TEST(JoinString, AFingerprintInCapitalsIsNoUnknownParameter) {
  std::string text(kJoin);
  text.replace(text.find(",fp="), 4, ",FP=");
  const auto join = parse_join_string(text);
  ASSERT_TRUE(join) << join.error().message();
  EXPECT_EQ(*join, *parse_join_string(kJoin));
}

TEST(JoinString, WhiteSpaceInsideIsTakenOutWhereverALineWasWrapped) {
  for (const std::string_view wrap : {"\n", "\r\n", " ", "\n  > "}) {
    for (std::size_t at = 1; at < kJoin.size(); ++at) {
      const std::string text = std::string(kJoin.substr(0, at)) + std::string(wrap) + std::string(kJoin.substr(at));
      const auto join = parse_join_string(text);
      if (wrap.ends_with("> ")) {
        EXPECT_FALSE(join) << text;
      } else {
        ASSERT_TRUE(join) << text << ": " << join.error().message();
        EXPECT_EQ(*join, *parse_join_string(kJoin));
      }
    }
  }
  // As chat programs send it: with spaces of no width and those that do not break.
  EXPECT_EQ(*parse_join_string("\ufeff" + std::string(kJoin.substr(0, 30)) + "\u200b" + std::string(kJoin.substr(30)) +
                               "\u00a0"),
            *parse_join_string(kJoin));
}

TEST(JoinString, AWordBehindItIsNeverTakenIn) {
  EXPECT_FALSE(parse_join_string(std::string(kJoin) + " --name laptop"));
  EXPECT_FALSE(parse_join_string("bamgate://hub.example:8443/#token=abc laptop"));
}

TEST(JoinString, TheFirstHalfOfAWrappedLineIsNotWhole) {
  EXPECT_FALSE(may_go_on(kJoin));
  EXPECT_FALSE(may_go_on(""));
  EXPECT_FALSE(may_go_on("https://hub.example"));
  for (std::size_t length = 1; length < kJoin.size(); ++length) {
    EXPECT_TRUE(may_go_on(kJoin.substr(0, length))) << length;
  }
}

TEST(JoinString, AHostThatNobodyCertifiesNeedsAFingerprint) {
  const auto warning = [](const std::string& host) {
    return missing_pin_warning(parse_join_string("bamgate://" + host + ":8443/#token=abc").value());
  };
  for (const char* host :
       {"192.0.2.1", "[2001:db8::1]", "hub", "hub.local", "HUB.LAN", "nas.home.arpa", "hub.local."}) {
    EXPECT_NE(warning(host).find("fingerprint"), std::string::npos) << host;
  }
  for (const char* host : {"hub.example.org", "hub.local.example.org", "lan.org"}) EXPECT_EQ(warning(host), "") << host;
  EXPECT_EQ(missing_pin_warning(
                parse_join_string("bamgate://hub.lan:1/#token=a,fp=" + std::string(kJoin.substr(kJoin.find("fp=") + 3)))
                    .value()),
            "");
}

TEST(JoinString, EveryTruncationIsRefusedOrKeepsTheFingerprintOut) {
  for (std::size_t length = 0; length < kJoin.size(); ++length) {
    const auto join = parse_join_string(kJoin.substr(0, length));
    // Nothing tells a shortened token from a whole one, but a shortened fingerprint is never taken for none.
    EXPECT_TRUE(!join || kJoin.substr(0, length).find("fp=") == std::string_view::npos) << length;
  }
}

TEST(Url, IsReadAsItIsWritten) {
  for (const char* text : {"https://hub.example", "https://hub.example:8443", "http://127.0.0.1:8080/base",
                           "wss://[::1]:8443/x?y=1", "ws://a", "https://h_1.example/a/b"}) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url.has_value()) << text << url.error().message();
    EXPECT_EQ(url->to_string(), text);
    EXPECT_EQ(parse_url(url->to_string()), url);
  }
}

TEST(Url, KnowsItsParts) {
  const auto url = parse_url("WSS://Hub.Example/base/?x=/y");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->scheme, Url::Scheme::kWss);
  EXPECT_TRUE(url->secure());
  EXPECT_EQ(url->host, "hub.example");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->path, "/base/?x=/y");
  EXPECT_EQ(url->path_of("/connect"), "/base/connect");
  EXPECT_EQ(url->authority(), "hub.example");
  EXPECT_EQ(parse_url("https://h:443/")->to_string(), "https://h");
  EXPECT_EQ(parse_url("http://h:443")->authority(), "h:443");
  EXPECT_EQ(parse_url("https://[2001:DB8::1]:1")->authority(), "[2001:db8::1]:1");
  EXPECT_EQ(parse_url("https://h?x")->path, "/?x");
  EXPECT_EQ(parse_url("https://h")->path_of("/auth/register"), "/auth/register");
}

TEST(Url, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "hub",
                           "hub.example:8443",
                           "ftp://h",
                           "https:/h",
                           "https://",
                           "https://:1",
                           "https://h:",
                           "https://h:0",
                           "https://h:65536",
                           "https://h:-1",
                           "https://h:1x",
                           "https://u@h",
                           "https://u:p@h",
                           "https://h/#f",
                           "https://a b",
                           "https://h\n",
                           "https://[::1",
                           "https://[1.2.3.4]",
                           "https://[]",
                           "https://[::1]x",
                           "https://h\xc3\xa9",
                           "https://h,i",
                           "://h"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_FALSE(url.error().what.empty());
    EXPECT_FALSE(url.error().what_to_do.empty());
  }
  EXPECT_EQ(parse_url("https://" + std::string(3'000, 'a')).error().code, Error::kTooLarge);
}

TEST(Url, AndJoinStringSurviveMutations) {
  testing::SeededRandom random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(kJoin);
    for (int change = 0; change < 3; ++change) {
      text[random.below(static_cast<std::uint32_t>(text.size()))] = static_cast<char>(random.number<std::uint8_t>());
    }
    const auto join = parse_join_string(text);
    ASSERT_TRUE(!join || parse_join_string(write_join_string(*join)) == join) << text;
    const auto url = parse_url("https" + text.substr(7, text.find('#') - 7));
    ASSERT_TRUE(!url || parse_url(url->to_string()) == url) << text;
  }
}

}  // namespace
}  // namespace bamgate::config
