#include "cli/hub_github.h"

#include <gtest/gtest.h>

#include <string>

namespace bamgate::cli {
namespace {

TEST(HubGithubOptions, AnAddressIsKeptWithoutItsLastSlash) {
  EXPECT_EQ(check_github_api("https://api.github.com").value_or(""), "https://api.github.com");
  EXPECT_EQ(check_github_api("https://api.github.com/").value_or(""), "https://api.github.com");
  EXPECT_EQ(check_github_api("https://github.example:8443/api/v3/").value_or(""), "https://github.example:8443/api/v3");
  EXPECT_EQ(check_github_api("http://127.0.0.1:8088").value_or(""), "http://127.0.0.1:8088");
  EXPECT_EQ(check_github_api("http://[::1]:8088/api").value_or(""), "http://[::1]:8088/api");
}

TEST(HubGithubOptions, TokensNeverLeaveTheMachineInTheClear) {
  for (const char* text : {"http://api.github.com", "http://192.0.2.1", "http://10.0.0.1:80", "http://localhost:8088",
                           "http://127.0.0.1.example", "http://0.0.0.0:80", "ws://127.0.0.1", "wss://api.github.com",
                           "", "api.github.com", "https://", "https://a b", "https://github.example/?q=1",
                           "https://user@github.example", "https://github.example/#x"}) {
    EXPECT_FALSE(check_github_api(text)) << text;
  }
}

TEST(HubGithubOptions, ALoginIsLettersDigitsAndHyphens) {
  EXPECT_TRUE(is_github_login("octocat"));
  EXPECT_TRUE(is_github_login("Octo-Cat2_corp"));
  for (const char* text : {"", "octo cat", "@octocat", "octo/cat", "öcto"}) EXPECT_FALSE(is_github_login(text)) << text;
  EXPECT_FALSE(is_github_login(std::string(101, 'a')));
}

}  // namespace
}  // namespace bamgate::cli
