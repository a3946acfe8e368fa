// `bamgate lab` on the command line: what is refused before a tool runs, and in which words.
#include "cli/command_lab.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

namespace bamgate::cli {
namespace {

using Words = std::vector<std::string>;

const Words kTurn{"lab", "turn", "--server", "turn:turn.example.org", "--user", "me"};
const Words kWg{"lab", "wg", "--private-key-file", "key", "--peer", "AAAA", "--address", "10.9.0.1/24"};

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// What is said about the arguments; empty when a tool is chosen.
std::string refusal(Words words) {
  CLI::App app;
  std::function<ExitCode()> run;
  add_lab(app, run);
  std::ranges::reverse(words);  // as CLI11 takes them
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return run ? "" : "no tool was chosen";
}

TEST(CommandLab, EachToolIsChosenByItsLeastArguments) {
  EXPECT_EQ(refusal({"lab", "stun", "stun.example.org"}), "");
  EXPECT_EQ(refusal(kWg), "");
  EXPECT_EQ(refusal(kTurn), "");
  for (const char* role : {"connect", "listen"}) EXPECT_EQ(refusal({"lab", "dtls", role, "192.0.2.1:4433"}), "");
  for (const char* tool : {"ice", "datachannel"}) {
    for (const char* role : {"offer", "answer"}) EXPECT_EQ(refusal({"lab", tool, role}), "") << tool << " " << role;
  }
}

TEST(CommandLab, AToolAndItsRoleMustBeNamed) {
  EXPECT_NE(refusal({"lab"}), "");
  EXPECT_NE(refusal({"lab", "nothing"}), "");
  for (const char* tool : {"dtls", "ice", "datachannel"}) {
    EXPECT_NE(refusal({"lab", tool}), "") << tool;
    EXPECT_NE(refusal({"lab", tool, "both"}), "") << tool;
  }
}

TEST(CommandLab, WhatIsMissingIsNamed) {
  EXPECT_NE(refusal({"lab", "stun"}).find("server"), std::string::npos);
  EXPECT_NE(refusal({"lab", "dtls", "connect"}).find("endpoint"), std::string::npos);
  EXPECT_NE(refusal({"lab", "turn", "--user", "me"}).find("--server"), std::string::npos);
  EXPECT_NE(refusal({"lab", "turn", "--server", "turn:x"}).find("--user"), std::string::npos);
  for (std::size_t at = 2; at < kWg.size(); at += 2) {
    Words words = kWg;
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(at), words.begin() + static_cast<std::ptrdiff_t>(at) + 2);
    EXPECT_NE(refusal(words).find(kWg[at]), std::string::npos) << refusal(words);
  }
}

TEST(CommandLab, AnAddressThatIsNoneIsSaidWithItsForm) {
  Words wg = kWg;
  wg.back() = "10.9.0.256/24";
  EXPECT_NE(refusal(wg).find("'10.9.0.256/24' is no ADDR/LENGTH"), std::string::npos) << refusal(wg);
  EXPECT_NE(refusal(with(kWg, {"--allowed-ips", "10.9.0.0/24,x"})).find("'x' is no PREFIX"), std::string::npos);
  EXPECT_NE(refusal(with(kWg, {"--ping", "10.9.0"})).find("'10.9.0' is no ADDR"), std::string::npos);
  for (const char* tool : {"ice", "datachannel"}) {
    EXPECT_NE(refusal({"lab", tool, "offer", "--address", "localhost"}).find("'localhost' is no ADDR"),
              std::string::npos);
  }
}

TEST(CommandLab, NumbersOutOfRangeAreRefused) {
  for (const char* factor : {"0", "101", "fast"}) EXPECT_NE(refusal(with(kWg, {"--time-lapse", factor})), "") << factor;
  for (const char* mtu : {"255", "1473", "-1", "much"}) {
    EXPECT_NE(refusal({"lab", "dtls", "listen", "0.0.0.0:4433", "--mtu", mtu}), "") << mtu;
  }
  EXPECT_NE(refusal(with(kWg, {"--keepalive", "65536"})), "");
}

TEST(CommandLab, OptionsThatNeedOrExcludeOthersSaySo) {
  for (const char* option : {"--stay", "--count=3"}) {
    EXPECT_NE(refusal(with(kWg, {option})).find("--ping"), std::string::npos) << option;
    EXPECT_EQ(refusal(with(kWg, {option, "--ping", "10.9.0.2"})), "") << option;
  }
  EXPECT_NE(refusal(with(kWg, {"--tun", "wg9", "--ping", "10.9.0.2"})), "") << "who answers is the machine itself";
  EXPECT_NE(refusal({"lab", "ice", "offer", "--label", "x"}), "") << "ICE has no channel";
  EXPECT_EQ(refusal({"lab", "datachannel", "offer", "--label", "x"}), "");
}

}  // namespace
}  // namespace bamgate::cli
