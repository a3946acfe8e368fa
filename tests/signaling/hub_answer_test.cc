// Whose answer it is: the hub's own words, and everything else that may answer on the way to it.
#include "signaling/hub_answer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bamgate::signaling {
namespace {

constexpr std::string_view kJson = "application/json";

HubFault fault_of(int status, std::string_view type, std::string_view body, bool proven = true) {
  const auto read = read_hub_answer({status, type, body}, proven);
  EXPECT_FALSE(read.has_value()) << body;
  return read ? HubFault{.verdict = Verdict::kBusy, .text = "no fault"} : read.error();
}

TEST(HubAnswer, ASuccessIsAnObjectThatIsSaidToBeJson) {
  const auto read = read_hub_answer({200, "application/json; charset=utf-8", R"({"ok":true})"}, true);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->get_bool("ok"), true);
  EXPECT_TRUE(read_hub_answer({200, "Application/JSON", "{}"}, true));
}

TEST(HubAnswer, TheHubsCodesMeanWhatTheyMean) {
  const struct {
    int status;
    const char* code;
    Verdict verdict;
  } kCases[] = {{401, "device not found or revoked", Verdict::kGone},
                {401, "refresh_token_expired", Verdict::kExpired},
                {401, "refresh_token_invalid", Verdict::kSuperseded},
                {401, "token_expired", Verdict::kTokenRefused},
                {403, "not_an_admin", Verdict::kRefused},
                {409, "name_taken", Verdict::kRefused},
                {429, "too_many_requests", Verdict::kBusy},
                {500, "internal", Verdict::kBusy}};
  for (const auto& entry : kCases) {
    const auto body = R"({"error":")" + std::string(entry.code) + R"(","message":"Do this."})";
    const HubFault fault = fault_of(entry.status, kJson, body);
    EXPECT_EQ(fault.verdict, entry.verdict) << entry.code;
    EXPECT_EQ(fault.code, entry.code);
    EXPECT_EQ(fault.status, entry.status);
    EXPECT_FALSE(fault.text.empty());
  }
}

// A 401 with a page, a 403 with JSON of its own, a portal's 200 or 302, a 5xx, nothing at all: each on the way to the
// hub.
TEST(HubAnswer, WhatProxiesAndPortalsAnswerIsNotTheHubs) {
  const std::string deep(5000, '[');
  const HttpAnswer kCases[] = {
      {401, "text/html", "<html><title>Authorization required</title></html>"},
      {401, kJson, R"({"error":"unauthorised","message":"log in"})"},
      {401, "text/html", R"({"error":"device not found or revoked"})"},
      {401, "", R"({"error":"device not found or revoked"})"},
      {401, "text/plain;application/json", R"({"error":"device not found or revoked"})"},
      {401, "application/jsonx", R"({"error":"device not found or revoked"})"},
      {403, kJson, R"({"error":"device not found or revoked"})"},
      {200, kJson, R"({"error":"device not found or revoked"})"},
      {401, kJson, R"(["device not found or revoked"])"},
      {401, kJson, R"({"error":["device not found or revoked"]})"},
      {401, kJson, R"({"error":{"code":"device not found or revoked"}})"},
      {401, kJson, R"({"error":"device not found or revoked","error":"x"})"},
      {401, kJson, R"({"error":"Device not found or revoked"})"},
      {401, kJson, R"({"message":"no"})"},
      {401, kJson, ""},
      {403, kJson, R"({"error":{"status":403}})"},
      {403, kJson, R"({"code":"forbidden"})"},
      {200, "text/html", "<title>Guest network</title>"},
      {200, kJson, "[]"},
      {200, kJson, "true"},
      {200, kJson, ""},
      {204, "", ""},
      {201, kJson, R"({"ok":true})"},
      {302, "text/html", "<a href=http://portal>Found</a>"},
      {407, "text/html", "proxy"},
      {426, "text/plain", "Upgrade Required"},
      {502, "text/html", "<h1>502 Bad Gateway</h1>"},
      {503, kJson, R"({"error":"internal"})"},
      {401, kJson, deep},
      {0, "", ""},
  };
  for (const HttpAnswer& answer : kCases) {
    const HubFault fault = fault_of(answer.status, answer.content_type, answer.body);
    EXPECT_EQ(fault.verdict, Verdict::kUnreachable) << answer.status << " " << answer.body;
    EXPECT_EQ(fault.code, "") << answer.body;
    EXPECT_NE(fault.text.find("not the hub"), std::string::npos) << fault.text;
    EXPECT_NE(fault.text.find(std::to_string(answer.status)), std::string::npos) << fault.text;
    EXPECT_EQ(read_upgrade_refusal(answer, true).verdict, Verdict::kUnreachable) << answer.body;
  }
}

TEST(HubAnswer, NobodyIsGoneByAWordOverPlainHttp) {
  const HubFault fault = fault_of(401, kJson, R"({"error":"device not found or revoked"})", false);
  EXPECT_EQ(fault.verdict, Verdict::kRefused);
  EXPECT_NE(fault.text.find("plain HTTP"), std::string::npos);
}

TEST(HubAnswer, SaysWhatAnsweredInItsFirstWords) {
  EXPECT_EQ(not_the_hub({401, "text/html; charset=utf-8", "<html><head><TITLE>\n Log in\n to  X </TITLE></head>"}).text,
            "something that is not the hub answered with status 401, text/html, \"Log in to X\"");
  EXPECT_EQ(not_the_hub({502, "", ""}).text, "something that is not the hub answered with status 502, without a word");
  EXPECT_EQ(first_words("<style>p{}</style><script>alert(1)</script><h1>502 Bad</h1> Gateway"), "502 Bad Gateway");
  EXPECT_EQ(first_words(R"({"code":7})"), R"({"code":7})");
  EXPECT_EQ(first_words(std::string(500, 'x')), std::string(80, 'x') + "...");
  EXPECT_EQ(first_words("<title>Größe</title>"), "Größe");
  EXPECT_EQ(first_words("<title"), "");
  EXPECT_EQ(first_words("<script>never closed"), "");
}

TEST(HubAnswer, ShowsNothingThatATerminalWouldObey) {
  EXPECT_EQ(first_words("<title>a\x1b[31mred\x07\x7f</title>"), "a [31mred");
  EXPECT_EQ(first_words("a\xc2\x9b"
                        "31mb"),
            "a 31mb")
      << "the control sequence introducer in one character";
  EXPECT_EQ(first_words("a\xe2\x80\xae"
                        "b"),
            "a b")
      << "right-to-left override";
  EXPECT_EQ(first_words("\xef\xbb\xbf"
                        "page"),
            "page")
      << "byte order mark";
  EXPECT_EQ(first_words("\xff\xfe"
                        "a\x80"),
            "a")
      << "no UTF-8";
  // Cut in the middle of a character, far behind what is shown.
  EXPECT_EQ(first_words("a" + std::string(9000, ' ') + "\xc3\xa4"), "a");
  const HubFault fault = fault_of(404, kJson, R"({"error":"not_found","message":"a\u001b[2Jb"})");
  EXPECT_EQ(fault.text, "the hub refused: not_found: a [2Jb");
  EXPECT_EQ(not_the_hub({500, "text/\x1b[2Jhtml", ""}).text.find('\x1b'), std::string::npos);
}

TEST(HubAnswer, AnUpgradeThatArrivedWithoutItsFieldPassesAndSaysSo) {
  const HubFault fault = read_upgrade_refusal(
      {400, kJson, R"({"error":"bad_request","message":"/connect is a WebSocket; ask for an upgrade."})"}, true);
  EXPECT_EQ(fault.verdict, Verdict::kUnreachable);
  EXPECT_NE(fault.text.find("Upgrade field"), std::string::npos) << fault.text;
  EXPECT_EQ(read_upgrade_refusal({401, kJson, R"({"error":"invalid_token"})"}, true).verdict, Verdict::kTokenRefused);
  EXPECT_EQ(read_upgrade_refusal({200, kJson, R"({"status":"ok"})"}, true).verdict, Verdict::kUnreachable);
}

}  // namespace
}  // namespace bamgate::signaling
