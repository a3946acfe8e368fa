// What a person meant by a word that is no command.
#include "cli/command_words.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace bamgate::cli {
namespace {

const std::vector<std::string> kWords = {"hub", "setup", "up", "down", "restart", "logs", "status", "devices", "lab"};

TEST(CommandWords, ASlipOfTheFingersIsNearItsWord) {
  EXPECT_EQ(letters_between("status", "status"), 0U);
  EXPECT_EQ(letters_between("sttaus", "status"), 1U) << "two letters swapped";
  EXPECT_EQ(letters_between("stats", "status"), 1U);
  EXPECT_EQ(letters_between("", "hub"), 3U);
  EXPECT_EQ(nearest("stauts", kWords), "status");
  EXPECT_EQ(nearest("device", kWords), "devices");
  EXPECT_EQ(nearest("dwon", kWords), "down");
  EXPECT_EQ(nearest("log", kWords), "logs");
  EXPECT_EQ(nearest("reboot", kWords), std::nullopt);
  EXPECT_EQ(nearest("", kWords), std::nullopt);
  EXPECT_EQ(nearest(std::string(1000, 's'), kWords), std::nullopt);
}

TEST(CommandWords, OfTwoThatAreEquallyNearNoneIsProposed) {
  EXPECT_EQ(nearest("aub", {"hub", "sub"}), std::nullopt);
  EXPECT_EQ(nearest("re", {"restart", "revoke"}), std::nullopt);
}

/// A program with the commands `up [--config DIR]` and `hub`, `hub token [--data DIR]`.
class Program : public ::testing::Test {
 protected:
  Program() {
    app.add_subcommand("up")->add_option("--config", text);
    app.add_subcommand("help")->add_option("command", all);
    CLI::App* hub = app.add_subcommand("hub");
    hub->add_subcommand("token")->add_option("--data", text);
    for (CLI::App* one : {hub, &app}) one->require_subcommand(-1);
  }
  std::string message(std::vector<std::string> words) {
    const std::vector<std::string> given = words;
    std::ranges::reverse(words);
    try {
      app.parse(words);
    } catch (const CLI::Error& error) {
      return usage_message(app, error, given);
    }
    return "";
  }
  CLI::App app{"", "bamgate"};
  std::string text;
  std::vector<std::string> all;
};

using Words = std::vector<std::string>;

TEST_F(Program, HelpOfACommandIsThatCommandWithAnOption) {
  EXPECT_EQ(help_as_option(app, {"help"}), Words{"--help"});
  EXPECT_EQ(help_as_option(app, {"help", "hub", "token"}), (Words{"hub", "token", "--help"}));
  EXPECT_EQ(help_as_option(app, {"hub", "help"}), (Words{"hub", "help"}));
  EXPECT_EQ(help_as_option(app, {}), Words{});
}

TEST_F(Program, HelpRunsNothing) {
  EXPECT_NE(help_as_option(app, {"help", "hbu"}).error().find("did you mean 'hub'?"), std::string::npos);
  // The last word would be the command's argument.
  EXPECT_FALSE(help_as_option(app, {"help", "hub", "token", "file"}));
  EXPECT_FALSE(help_as_option(app, {"help", "up", "hub"}));
}

TEST_F(Program, TwoCommandsAreRefused) {
  EXPECT_NE(message({"up", "hub"}).find("'up' and 'hub' are two commands"), std::string::npos)
      << message({"up", "hub"});
  EXPECT_NE(message({"hub", "up"}).find("'hub' and 'up' are two commands"), std::string::npos)
      << message({"hub", "up"});
  EXPECT_NE(message({"hub", "token", "up"}).find("'hub token' and 'up' are two"), std::string::npos);
}

TEST_F(Program, WhatWasMeantIsProposed) {
  EXPECT_NE(message({"hbu"}).find("there is no command 'hbu'; did you mean 'hub'?"), std::string::npos)
      << message({"hbu"});
  EXPECT_NE(message({"hub", "tokne"}).find("did you mean 'hub token'?"), std::string::npos)
      << message({"hub", "tokne"});
  EXPECT_NE(message({"up", "--cofnig", "x"}).find("'bamgate up' has no option '--cofnig'; did you mean --config?"),
            std::string::npos)
      << message({"up", "--cofnig", "x"});
  EXPECT_NE(message({"up", "elsewhere"}).find("'bamgate up' takes no 'elsewhere'"), std::string::npos)
      << message({"up", "elsewhere"});
  EXPECT_EQ(message({"up", "--config", "x"}), "");
}

}  // namespace
}  // namespace bamgate::cli
