#include "config/config.h"
#include "config/turn_url.h"

#include <gtest/gtest.h>

#include "core/encoding.h"
#include "support/seeded_random.h"

namespace bamgate::config {
namespace {

constexpr std::string_view kFingerprint = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

// The example of protocol.md, filled in.
const std::string kExample = R"([network]            # secrets: turn_secret, refresh_token
name = "home"
server_url = "https://hub.example:8443"
device_id = "0b5f"
hub_fingerprint = ")" + std::string(kFingerprint) +
                             R"("
[device]             # secrets: private_key
name = "laptop"
address = "10.100.0.2/16"
address6 = "fd12:3456:789a::2/64"
interface = "bamgate0"
mtu = 1280
routes = []
force_relay = false
[stun]               # the hub's own server stands first
servers = ["stun:hub.example:3478", "stun:stun.cloudflare.com:3478", "stun:stun.l.google.com:19302"]
[turn]               # of one's own, beside the hub's; secrets: credential
servers = [{ url = "turns:turn.example:5349", username = "me" }]
[ice]
exclude = []         # interface names, with * and ?
[webrtc]
ordered = false
max_retransmits = 0
transport = "datachannel"
[peers.home]         # what this device accepts from that peer
routes = ["192.168.1.0/24"]
)";

constexpr std::string_view kSmallest = R"([network]
server_url = "https://hub.example:8443"
device_id = "0b5f"
[device]
name = "laptop"
address = "10.100.0.2/16"
)";

constexpr std::string_view kSecrets = R"([network]
turn_secret = "bg_0123"
refresh_token = "abcdef"
previous_refresh_token = "fedcba"
[device]
private_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)";

/// `text` with its first `from` replaced by `to`.
std::string changed(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

ConfigError error_of(std::string_view text) {
  const auto config = parse_config(text);
  EXPECT_FALSE(config.has_value()) << text;
  return config ? ConfigError{} : config.error();
}

TEST(Config, ReadsTheExampleOfTheProtocol) {
  std::vector<Warning> warnings;
  const auto config = parse_config(kExample, &warnings);
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(config->network.name, "home");
  EXPECT_EQ(config->network.server_url.to_string(), "https://hub.example:8443");
  EXPECT_EQ(config->network.device_id, "0b5f");
  ASSERT_TRUE(config->network.hub_fingerprint.has_value());
  EXPECT_EQ(to_base64url(*config->network.hub_fingerprint), kFingerprint);
  EXPECT_EQ(config->device.name, "laptop");
  EXPECT_EQ(config->device.address.to_string(), "10.100.0.2/16");
  EXPECT_EQ(config->device.address6.value().to_string(), "fd12:3456:789a::2/64");
  EXPECT_EQ(config->device.mtu, 1280U);
  EXPECT_EQ(config->stun.servers.size(), 3U);
  EXPECT_EQ(config->turn.servers, (std::vector{TurnServer{"turns:turn.example:5349", "me"}}));
  ASSERT_EQ(config->peers.size(), 1U);
  EXPECT_EQ(config->peers.at("home").routes, std::vector{IpPrefix::parse("192.168.1.0/24").value()});
}

TEST(Config, FillsInWhatIsLeftOut) {
  const auto config = parse_config(kSmallest);
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_EQ(config->device.interface, "bamgate0");
  EXPECT_EQ(config->device.mtu, 1280U);
  EXPECT_FALSE(config->device.address6);
  EXPECT_FALSE(config->network.hub_fingerprint);
  EXPECT_EQ(config->stun.servers.size(), 2U);
  EXPECT_EQ(config->webrtc, WebrtcConfig{});
  EXPECT_TRUE(parse_config(std::string(kSmallest) + "[stun]\nservers = []\n")->stun.servers.empty());
}

TEST(Config, ReadsWhatItWrites) {
  for (const std::string& text : {kExample, std::string(kSmallest)}) {
    auto config = parse_config(text);
    ASSERT_TRUE(config.has_value());
    config->network.name = "caf\u00e9 \"quoted\" \\ #x";
    config->device.routes = {*IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("2001:db8::/32")};
    config->peers["a-1"] = {};
    std::vector<Warning> warnings;
    const auto again = parse_config(write_config(*config), &warnings);
    ASSERT_TRUE(again.has_value()) << again.error().message();
    EXPECT_EQ(*again, *config);
    EXPECT_TRUE(warnings.empty());
    EXPECT_EQ(write_config(*again), write_config(*config));
  }
}

TEST(Config, WarnsOfUnknownKeysAndReadsOn) {
  std::vector<Warning> warnings;
  const auto config = parse_config("later = 1\n" + kExample + "color = \"red\"\n[extra]\nx = 1\n", &warnings);
  ASSERT_TRUE(config.has_value());
  ASSERT_EQ(warnings.size(), 3U);
  EXPECT_EQ(warnings[0].key, "peers.home.color");
  EXPECT_EQ(warnings[0].line, 27U);
  EXPECT_EQ(warnings[1].key, "extra");
  EXPECT_EQ(warnings[2].key, "later");
}

TEST(Config, NamesLineKeyFaultAndRemedy) {
  const ConfigError error = error_of(changed(kExample, "mtu = 1280", "mtu = 900"));
  EXPECT_EQ(error.code, Error::kBadValue);
  EXPECT_EQ(error.line, 11U);
  EXPECT_EQ(error.key, "device.mtu");
  EXPECT_EQ(error.message(),
            "line 11, device.mtu: 900 is not between 1280 and 1500; set it to 1280, or take the line out");
}

TEST(Config, RefusesBadValues) {
  const struct {
    const char* from;
    const char* to;
    const char* key;
  } kCases[] = {
      {"\"https://hub.example:8443\"", "\"hub.example\"", "network.server_url"},
      {"\"https://hub.example:8443\"", "\"https://hub.example:0\"", "network.server_url"},
      {"device_id = \"0b5f\"", "device_id = \"a\\nb\"", "network.device_id"},
      {"hub_fingerprint = \"AA", "hub_fingerprint = \"A", "network.hub_fingerprint"},
      {"hub_fingerprint = \"AA", "hub_fingerprint = \"+/", "network.hub_fingerprint"},
      {"\"laptop\"", "\"Laptop\"", "device.name"},
      {"\"laptop\"", "\"a_b\"", "device.name"},
      {"\"10.100.0.2/16\"", "\"10.100.0.2/33\"", "device.address"},
      {"\"10.100.0.2/16\"", "\"fd12::2/64\"", "device.address"},
      {"\"fd12:3456:789a::2/64\"", "\"10.0.0.1/8\"", "device.address6"},
      {"\"bamgate0\"", "\"../bamgate0\"", "device.interface"},
      {"\"bamgate0\"", "\"sixteen-letters1\"", "device.interface"},
      {"\"bamgate0\"", "\"\"", "device.interface"},
      {"mtu = 1280", "mtu = 1501", "device.mtu"},
      {"mtu = 1280", "mtu = -1", "device.mtu"},
      {"mtu = 1280", "mtu = 9223372036854775807", "device.mtu"},
      {"routes = []", "routes = [\"10.0.0.0/40\"]", "device.routes"},
      {"\"stun:hub.example:3478\"", "\"turn:hub.example\"", "stun.servers"},
      {"\"stun:hub.example:3478\"", "\"stun:\"", "stun.servers"},
      {"\"stun:hub.example:3478\"", "\"stun:a b\"", "stun.servers"},
      {"turns:turn.example:5349", "stun:turn.example", "turn.servers.url"},
      {"turns:turn.example:5349", "wss://turn.example/turn", "turn.servers.url"},
      {"turns:turn.example:5349", "turns:turn.example?transport=udp", "turn.servers.url"},
      {"turns:turn.example:5349", "turn:turn.example?transport=sctp", "turn.servers.url"},
      {"turns:turn.example:5349", "turn://turn.example", "turn.servers.url"},
      {"turns:turn.example:5349", "turn:turn.example:0", "turn.servers.url"},
      {"turns:turn.example:5349", "turn:[fd12::1", "turn.servers.url"},
      {"turns:turn.example:5349", "turn:a b", "turn.servers.url"},
      {"turns:turn.example:5349", "turn:", "turn.servers.url"},
      {"turns:turn.example:5349", "", "turn.servers.url"},
      {"\"me\"", "\"\"", "turn.servers.username"},
      {"\"me\"", "\"a\\nb\"", "turn.servers.username"},
      {"username = \"me\"", "username = \"me\", credential = \"x\"", "turn.servers.credential"},
      {" }]\n[ice]", " }]\ncredential = \"x\"\n[ice]", "turn.credential"},
      {" }]\n[ice]", " }, { url = \"TURNS:Turn.Example\", username = \"you\" }]\n[ice]", "turn.servers.url"},
      {"url = \"turns:turn.example:5349\", ", "", "turn.servers.url"},
      {", username = \"me\"", "", "turn.servers.username"},
      {"exclude = []", "exclude = [\"\"]", "ice.exclude"},
      {"exclude = []", "exclude = [\"eth 0\"]", "ice.exclude"},
      {"exclude = []", "exclude = [\"a/b\"]", "ice.exclude"},
      {"exclude = []", "exclude = [\"docker*\", \"sixteen-letters1\"]", "ice.exclude"},
      {"exclude = []", "exclude = [\"fifteen-letters????\"]", "ice.exclude"},
      {"exclude = []", "exclude = [\"*******************************\"]", "ice.exclude"},
      {"max_retransmits = 0", "max_retransmits = 65536", "webrtc.max_retransmits"},
      {"\"datachannel\"", "\"pigeon\"", "webrtc.transport"},
      {"[peers.home]", "[peers.Home]", "peers.Home"},
      {"[\"192.168.1.0/24\"]", "[\"lan\"]", "peers.home.routes"},
  };
  for (const auto& entry : kCases) {
    const ConfigError error = error_of(changed(kExample, entry.from, entry.to));
    EXPECT_EQ(error.key, entry.key) << entry.to;
    EXPECT_NE(error.line, 0U) << entry.to;
    EXPECT_FALSE(error.what.empty()) << entry.to;
    EXPECT_FALSE(error.what_to_do.empty()) << entry.to;
  }
}

TEST(Config, RefusesEveryKeyOfAWrongType) {
  int checked = 0;
  std::string section;
  for (std::size_t begin = 0; begin < kExample.size();) {
    const std::size_t end = kExample.find('\n', begin);
    const std::string line = kExample.substr(begin, end - begin);
    if (line.starts_with('[')) section = line.substr(1, line.find(']') - 1);
    const std::size_t equals = line.find(" = ");
    if (!line.starts_with('[') && equals != std::string::npos) {
      const std::string key = line.substr(0, equals);
      for (const char* value : {"1.5", "{}", "[[]]", "1979-05-27", "[1]"}) {
        const ConfigError error = error_of(changed(kExample, line, key + " = " + value));
        EXPECT_EQ(error.code, Error::kWrongType) << line << value;
        EXPECT_EQ(error.key, section + "." + key);
        ++checked;
      }
    }
    begin = end + 1;
  }
  EXPECT_EQ(checked, 5 * 18);
  EXPECT_EQ(error_of("network = 1\n").code, Error::kWrongType);
  EXPECT_EQ(error_of(changed(kExample, "[peers.home]         # what this device accepts from that peer\nroutes",
                             "[peers]\nhome"))
                .code,
            Error::kWrongType);
}

TEST(Config, TakesEightTurnServersAndSaysThatNineAreTooMany) {
  const auto with = [](int count) {
    std::string servers;
    for (int i = 0; i < count; ++i) {
      servers += (i > 0 ? ", " : "") + std::string("{ url = \"turn:t") + std::to_string(i) + "\", username = \"me\" }";
    }
    return std::string(kSmallest) + "[turn]\nservers = [" + servers + "]\n";
  };
  EXPECT_EQ(parse_config(with(8)).value().turn.servers.size(), 8U);
  EXPECT_EQ(error_of(with(9)).message(), "line 8, turn.servers: 9 are too many; keep at most 8 of them");
}

TEST(Config, TakesPatternsOfInterfaceNames) {
  const std::string text = std::string(kSmallest) + "[ice]\nexclude = [\"tailscale0\", \"docker*\", \"*\", \"eth?\"]\n";
  EXPECT_EQ(parse_config(text).value().ice.exclude, (std::vector<std::string>{"tailscale0", "docker*", "*", "eth?"}));
  std::string many = "[ice]\nexclude = [\"a\"";
  for (int i = 0; i < 64; ++i) many += ", \"a\"";
  EXPECT_EQ(error_of(std::string(kSmallest) + many + "]\n").key, "ice.exclude");
}

TEST(Config, KnowsATurnServerInEachForm) {
  EXPECT_EQ(parse_turn_url("turn:t.example").value(), (TurnUrl{false, false, "t.example", 3478}));
  EXPECT_EQ(parse_turn_url("turn:t.example:443?transport=tcp").value(), (TurnUrl{false, true, "t.example", 443}));
  EXPECT_EQ(parse_turn_url("turns:t.example").value(), (TurnUrl{true, true, "t.example", 5349}));
  EXPECT_EQ(parse_turn_url("turn:[2001:db8::1]").value(), (TurnUrl{false, false, "2001:db8::1", 3478}));
  EXPECT_TRUE(is_same_turn_url("turn:T.example:3478?transport=udp", "TURN:t.example"));
  EXPECT_FALSE(is_same_turn_url("turn:t.example", "turn:t.example?transport=tcp"));
}

TEST(Config, NamesWhatIsMissing) {
  for (const char* line : {"server_url = \"https://hub.example:8443\"\n", "device_id = \"0b5f\"\n",
                           "name = \"laptop\"\n", "address = \"10.100.0.2/16\"\n"}) {
    const ConfigError error = error_of(changed(std::string(kSmallest), line, ""));
    EXPECT_EQ(error.code, Error::kMissing) << line;
    EXPECT_TRUE(error.key.ends_with(std::string(line).substr(0, std::string(line).find(' ')))) << error.key;
  }
  EXPECT_EQ(error_of("").code, Error::kMissing);
}

TEST(Config, RefusesASecretInThePublicFile) {
  const ConfigError error = error_of(changed(kExample, "mtu = 1280", "private_key = \"x\""));
  EXPECT_EQ(error.key, "device.private_key");
  EXPECT_NE(error.what_to_do.find("secrets.toml"), std::string::npos);
}

TEST(Config, ReadsAFileWithAByteOrderMarkAndEndsOfLinesOfAnotherSystem) {
  std::string text = "\xef\xbb\xbf" + std::string(kSmallest);
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 2))
    text.insert(at, 1, '\r');
  const auto config = parse_config(text);
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_EQ(*config, *parse_config(kSmallest));
}

TEST(Config, SaysOfUtf16WhatToDo) {
  for (const char* mark : {"\xff\xfe", "\xfe\xff"}) {
    const auto config = parse_config(std::string(mark) + "[");
    ASSERT_FALSE(config);
    EXPECT_NE(config.error().message().find("UTF-16; save it as UTF-8"), std::string::npos) << config.error().message();
  }
}

TEST(Config, RefusesWhatIsNoToml) {
  for (const char* text : {"[network",
                           "a = ",
                           "a = 1\na = 2",
                           "\xff",
                           "a = \"\xc3\x28\"",
                           "= 1",
                           "[a]\n[a]",
                           "a = 'x\n",
                           "[[[1]]]",
                           "[=",
                           "[,a]",
                           "¡ = 1",
                           "a = 0'¡",
                           "a = \"b\" 'ﻟ'",
                           "a = \"\"\"b\\¡\"\"\"",
                           "a = \"\"\"b\\\n \xef\xbb\xbd\"\"\"",
                           "a = 5_[\"ϗ\"",
                           "a = 5=\"ϗ\"",
                           "a = [1=\"ϗ\"]",
                           "a = 5{\"ϗ\"",
                           "a = 5.\"ϗ\"",
                           "a = [5.\"ϗ\"]",
                           "a = {b = 5=\"ϗ\"}"}) {
    const ConfigError error = error_of(text);
    EXPECT_EQ(error.code, Error::kSyntax) << text;
    EXPECT_NE(error.line, 0U) << text;
  }
  EXPECT_EQ(error_of("a = " + std::string(100'000, '[')).code, Error::kSyntax);
  EXPECT_EQ(error_of(std::string(2'000'000, '#')).code, Error::kTooLarge);
}

TEST(Config, TakesTextThatIsNotAsciiWhereTomlDoes) {
  const std::string text = kExample + R"(
[other]  # Größe
a = [ "ä", 1,
  'ö', ["ü"], { k = "ß" } ]
b = { k = "é", "ñ" = ["ç", """à
è"""] }
"ì".c = 'ò'
[other."ù"]
[[others."ÿ"]]
d = "Köln"
)";
  const auto config = parse_config(text);
  EXPECT_TRUE(config.has_value()) << config.error().message();
}

TEST(Config, SurvivesMutatedFiles) {
  testing::SeededRandom random(1);
  for (int i = 0; i < 3'000; ++i) {
    std::string text = kExample;
    for (std::uint32_t change = 0; change < 4; ++change) {
      text[random.below(static_cast<std::uint32_t>(text.size()))] = static_cast<char>(random.number<std::uint8_t>());
    }
    const auto config = parse_config(text);
    if (!config) continue;
    const auto again = parse_config(write_config(*config));
    ASSERT_TRUE(again.has_value()) << text << again.error().message();
    ASSERT_EQ(*again, *config) << text;
  }
}

TEST(Secrets, AreReadAsTheyAreWritten) {
  const auto secrets = parse_secrets(kSecrets);
  ASSERT_TRUE(secrets.has_value()) << secrets.error().message();
  EXPECT_EQ(secrets->turn_secret.view(), "bg_0123");
  EXPECT_EQ(secrets->refresh_token.view(), "abcdef");
  EXPECT_EQ(secrets->previous_refresh_token.view(), "fedcba");
  EXPECT_EQ(secrets->private_key.bytes()[31], std::byte{31});
  const auto again = parse_secrets(write_secrets(*secrets).view());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->turn_secret, secrets->turn_secret);
  EXPECT_EQ(again->refresh_token, secrets->refresh_token);
  EXPECT_EQ(again->previous_refresh_token, secrets->previous_refresh_token);
  EXPECT_TRUE(constant_time_equal(again->private_key.bytes(), secrets->private_key.bytes()));
}

TEST(Secrets, KeepEveryCharacterOfAToken) {
  auto secrets = parse_secrets(kSecrets);
  ASSERT_TRUE(secrets);
  secrets->refresh_token = SecretText("a\tb\"c\\d\x7f\x01");
  const auto again = parse_secrets(write_secrets(*secrets).view());
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->refresh_token.view(), secrets->refresh_token.view());
}

TEST(Secrets, MayLackTokensButNotTheKey) {
  const auto secrets = parse_secrets("[device]\nprivate_key = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"\n");
  ASSERT_TRUE(secrets.has_value());
  EXPECT_TRUE(secrets->refresh_token.empty());
  EXPECT_TRUE(secrets->previous_refresh_token.empty());
  EXPECT_EQ(write_secrets(*secrets).view().find("previous"), std::string_view::npos) << "nothing to say of it";
  EXPECT_EQ(parse_secrets("").error().code, Error::kMissing);
  for (const char* key : {"", "AAEC", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "!"}) {
    const auto refused = parse_secrets("[device]\nprivate_key = \"" + std::string(key) + "\"\n");
    ASSERT_FALSE(refused.has_value()) << key;
    EXPECT_EQ(refused.error().key, "device.private_key");
  }
}

TEST(Secrets, OfTurnServersAreFoundByTheirUrl) {
  const std::string text = std::string(kSecrets) +
                           "[turn]\ncredential = \"for all\"\n"
                           "servers = [{ url = \"turns:One.example:5349\", credential = \"for one\" }]\n";
  const auto secrets = parse_secrets(text);
  ASSERT_TRUE(secrets.has_value()) << secrets.error().message();
  EXPECT_EQ(credential_of({"turns:one.example", "me"}, secrets->turn)->view(), "for one");
  EXPECT_EQ(credential_of({"turn:two.example", "me"}, secrets->turn)->view(), "for all");
  const auto again = parse_secrets(write_secrets(*secrets).view());
  ASSERT_TRUE(again.has_value()) << again.error().message();
  EXPECT_EQ(again->turn.credential.view(), "for all");
  EXPECT_EQ(credential_of({"turns:one.example", "me"}, again->turn)->view(), "for one");

  const TurnConfig turn{{{"turn:two.example", "me"}}};
  EXPECT_TRUE(check_credentials(turn, secrets->turn));
  const auto missing = check_credentials(turn, parse_secrets(kSecrets)->turn);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message().find("turn:two.example"), std::string::npos);
  EXPECT_NE(missing.error().message().find("secrets.toml"), std::string::npos);
}

TEST(Secrets, OfTurnServersThatAreWrongAreNamedAndNotRepeated) {
  for (const char* servers : {R"([{ url = "hidden", credential = "hidden" }])", R"([{ url = "turn:hidden" }])",
                              R"([{ credential = "hidden" }])", R"("hidden")", R"([[ "hidden" ]])",
                              R"([{ url = "turn:hidden", credential = ["hidden"] }])"}) {
    const auto secrets = parse_secrets(std::string(kSecrets) + "[turn]\nservers = " + servers + "\n");
    ASSERT_FALSE(secrets.has_value()) << servers;
    EXPECT_TRUE(secrets.error().key.starts_with("turn.servers")) << secrets.error().message();
    EXPECT_EQ(secrets.error().message().find("hidden"), std::string::npos) << secrets.error().message();
    EXPECT_NE(secrets.error().line, 0U) << servers;
  }
}

TEST(Secrets, StandInNoError) {
  const std::string secret = "c0ffee";
  for (const std::string& text :
       {"[device]\nprivate_key = \"" + secret + "\"\n", "[device]\nprivate_key = " + secret + "\n",
        "[network]\nrefresh_token = [\"" + secret + "\"]\n", secret + " = 1\n" + secret + " = 2",
        "[network]\nrefresh_token = \"" + secret + "\n"}) {
    const auto refused = parse_secrets(text);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message().find("c0ff"), std::string::npos) << refused.error().message();
  }
}

TEST(SecretText, GrowsAndMovesLikeAText) {
  SecretText text("ab");
  for (int i = 0; i < 100; ++i) text.append("cd");
  EXPECT_EQ(text.view().size(), 202U);
  SecretText other = std::move(text);
  EXPECT_TRUE(text.empty());  // NOLINT(bugprone-use-after-move): an empty text is what is promised
  SecretText copy;
  copy = other;
  EXPECT_EQ(copy, other);
  other.clear();
  EXPECT_TRUE(other.empty());
  EXPECT_FALSE(copy == other);
}

}  // namespace
}  // namespace bamgate::config
