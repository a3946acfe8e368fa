// POST /auth/register with a GitHub token: who is let in, and every way in which GitHub may answer or not answer.
#include "hub/github.h"
#include "github_fixture.h"
#include "hub/sign_in.h"

namespace bamgate::hub {
namespace {

class HubGithub : public GithubTest {};

TEST_F(HubGithub, TheHubAsksGithubWhoseTokenItIsAndNothingElse) {
  sign_in("home", key_of(1));
  ASSERT_EQ(fetches.size(), 1U);
  const Fetch& fetch = fetches.front();
  EXPECT_EQ(fetch.request, last_sign_in);
  EXPECT_EQ(fetch.url, "https://api.github.com/user");
  EXPECT_EQ(fetch.bearer.view(), "gho_1");
  EXPECT_EQ(fetch.timeout, 10s);
  EXPECT_EQ(fetch.max_body, 64U * 1024);
  const std::vector<std::pair<std::string, std::string>> headers{{"Accept", "application/vnd.github+json"},
                                                                 {"User-Agent", "bamgate-hub/1.2.3"}};
  EXPECT_EQ(fetch.headers, headers);
}

TEST_F(HubGithub, TheOwnerRegistersADeviceLikeAnyOther) {
  const Answer reply = come_in("home", key_of(1));
  ASSERT_EQ(reply.status, 200);
  EXPECT_EQ(reply.text("address"), "10.100.0.1/16");
  EXPECT_EQ(reply.text("refresh_token").size(), 64U);
  EXPECT_EQ(reply.text("turn_secret").size(), 64U);
  EXPECT_EQ(reply.text("server_url"), "https://hub.example:8443");
  EXPECT_EQ(request("GET", "/auth/devices", {}, reply.text("access_token")).status, 200);
  EXPECT_EQ(logged("device_registered"), 1);
  EXPECT_EQ(logged("github_owner_bound"), 1);
}

TEST_F(HubGithub, EveryOtherAnswerOfGithubLetsNobodyIn) {
  const auto ok = [](std::string body) { return FetchResult(FetchReply{200, std::move(body)}); };
  const std::string deep = R"({"login":"octocat","id":583231,"x":)" + std::string(40, '[') + std::string(40, ']') + "}";
  const struct {
    FetchResult result;
    int status;
    std::string_view error;
  } cases[] = {
      {FetchReply{401, R"({"message":"Bad credentials"})"}, 401, "invalid_github_token"},
      {ok(user(99, "mallory")), 403, "not_the_owner"},
      {ok(R"({"login":"octocat2","id":583231})"), 403, "not_the_owner"},
      {FetchReply{403, "rate limit"}, 429, "github_unavailable"},
      {FetchReply{429, ""}, 429, "github_unavailable"},
      {FetchReply{500, ""}, 429, "github_unavailable"},
      {FetchReply{301, user(kOwnerId, "octocat")}, 429, "github_unavailable"},
      {FetchReply{404, user(kOwnerId, "octocat")}, 429, "github_unavailable"},
      {FetchReply{201, user(kOwnerId, "octocat")}, 429, "github_unavailable"},
      {FetchReply{0, ""}, 429, "github_unavailable"},
      {std::unexpected(std::string("connect to 192.0.2.1:443: refused")), 429, "github_unavailable"},
      {ok(""), 429, "github_unavailable"},
      {ok("<html>"), 429, "github_unavailable"},
      {ok("[]"), 429, "github_unavailable"},
      {ok("null"), 429, "github_unavailable"},
      {ok("{}"), 429, "github_unavailable"},
      {ok(R"({"login":"octocat"})"), 429, "github_unavailable"},
      {ok(R"({"id":583231})"), 429, "github_unavailable"},
      {ok(R"({"login":"","id":583231})"), 429, "github_unavailable"},
      {ok(R"({"login":null,"id":583231})"), 429, "github_unavailable"},
      {ok(R"({"login":["octocat"],"id":583231})"), 429, "github_unavailable"},
      {ok(R"({"login":"octocat","id":"583231"})"), 429, "github_unavailable"},
      {ok(R"({"login":"octocat","id":583231.0})"), 429, "github_unavailable"},
      {ok(R"({"login":"octocat","id":0})"), 429, "github_unavailable"},
      {ok(R"({"login":"octocat","id":-5})"), 429, "github_unavailable"},
      {ok(R"({"login":"octocat","id":18446744073709551615})"), 429, "github_unavailable"},
      {ok(R"({"login":"octocat","id":true})"), 429, "github_unavailable"},
      {ok(R"({"login":"mallory","id":99,"login":"octocat"})"), 429, "github_unavailable"},
      {ok(R"({"user":{"login":"octocat","id":583231}})"), 429, "github_unavailable"},
      {ok(deep), 429, "github_unavailable"},
      {ok(user(kOwnerId, "octocat") + std::string(64 * 1024, ' ')), 429, "github_unavailable"},
      {ok(R"({"login":"octocat","id":583231,"x":")" + std::string(70'000, 'x') + "\"}"), 429, "github_unavailable"},
      {ok("{\"login\":\"octocat\",\"id\":583231,\"x\":\"\xff\"}"), 429, "github_unavailable"},
  };
  const std::string before = state();
  for (const auto& [result, status, error] : cases) {
    const std::string said = result ? result->body.substr(0, 60) : result.error();
    next_client();
    advance(1s);
    const Answer reply = fetched(sign_in("home", key_of(1)), result);
    EXPECT_EQ(reply.status, status) << said;
    EXPECT_EQ(reply.error(), error) << said;
    EXPECT_EQ(reply.retry_after_s > 0, status == 429) << said;
    EXPECT_FALSE(reply.text("message").empty()) << said;
  }
  EXPECT_EQ(state(), before);
  EXPECT_EQ(logged("github_owner_bound"), 0);
}

TEST_F(HubGithub, TheOwnerIsTheAccountThatSignedInFirstWhateverItIsCalledLater) {
  member("one", key_of(1));
  EXPECT_EQ(come_in("two", key_of(2), kOwnerId, "renamed").status, 200);
  EXPECT_EQ(come_in("three", key_of(3), 99, "octocat").error(), "not_the_owner");
  start();
  EXPECT_EQ(come_in("three", key_of(3), 99, "octocat").error(), "not_the_owner");
  EXPECT_EQ(come_in("three", key_of(3), kOwnerId, "renamed-again").status, 200);
  EXPECT_EQ(logged("github_owner_bound"), 1);
}

TEST_F(HubGithub, UpperAndLowerCaseOfTheLoginAreTheSame) {
  options.github_login = "OctoCat";
  start();
  EXPECT_EQ(come_in("one", key_of(1), kOwnerId, "oCTOcAT").status, 200);
  options.github_login = "octocat";
  start();
  EXPECT_EQ(come_in("two", key_of(2), 99, "octocat").error(), "not_the_owner");
}

TEST_F(HubGithub, AnotherConfiguredLoginMakesAnotherOwner) {
  member("one", key_of(1));
  options.github_login = "hubber";
  start();
  EXPECT_EQ(come_in("two", key_of(2)).error(), "not_the_owner");
  EXPECT_EQ(come_in("two", key_of(2), 7, "hubber").status, 200);
  // What belongs to the first one is not the second one's to take.
  EXPECT_EQ(come_in("one", key_of(3), 7, "hubber").error(), "name_taken");
  options.github_login = "";
  start();
  EXPECT_EQ(post(registration("three", key_of(4)))->error(), "github_not_enabled");
}

TEST_F(HubGithub, WhatIsNoRegistrationIsRefusedBeforeGithubIsAsked) {
  const std::string join = join_token();
  const std::string key = key_of(1);
  const struct {
    std::string body;
    std::string_view error;
  } cases[] = {
      {json::write(json::Object{{"github_token", "gho_1"}, {"join_token", join}, {"device_name", "home"}}),
       "bad_request"},
      {R"({"github_token":7,"device_name":"home"})", "bad_request"},
      {R"({"github_token":["gho_1"],"device_name":"home"})", "bad_request"},
      {R"({"github_token":true,"device_name":"home"})", "bad_request"},
      {R"({"github_token":"gho 1","device_name":"home"})", "bad_request"},
      {R"({"github_token":"gho_1\r\nX: y","device_name":"home"})", "bad_request"},
      {R"({"github_token":"gho_1\u0000","device_name":"home"})", "bad_request"},
      {R"({"github_token":"gho_ü","device_name":"home"})", "bad_request"},
      {registration("home", key, std::string(kMaxGithubToken + 1, 'g')), "bad_request"},
      {R"({"github_token":"","device_name":"home"})", "bad_request"},
      {R"({"github_token":null,"device_name":"home"})", "bad_request"},
      {registration("Home", key), "bad_name"},
      {registration("home", "short"), "bad_request"},
  };
  for (const auto& [body, error] : cases) {
    next_client();
    const auto reply = post(body);
    ASSERT_TRUE(reply) << body.substr(0, 60);
    EXPECT_EQ(reply->status, 400) << body.substr(0, 60);
    EXPECT_EQ(reply->error(), error) << body.substr(0, 60);
  }
  EXPECT_TRUE(fetches.empty());
  next_client();
  EXPECT_FALSE(post(registration("home", key, std::string(kMaxGithubToken, 'g'))));
  // An empty one beside a join token is none.
  next_client();
  const auto joined = post(json::write(
      json::Object{{"github_token", ""}, {"join_token", join}, {"device_name", "home"}, {"public_key", key}}));
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->status, 200);
}

TEST_F(HubGithub, BothTokensAreRefusedAlsoWhereGithubIsOff) {
  options.github_login = "";
  start();
  const auto reply =
      post(json::write(json::Object{{"github_token", "gho_1"}, {"join_token", join_token()}, {"device_name", "home"}}));
  EXPECT_EQ(reply->error(), "bad_request");
}

TEST_F(HubGithub, AGithubThatDoesNotAnswerIsGivenUpAfterTenSeconds) {
  const RequestId id = sign_in("home", key_of(1));
  EXPECT_EQ(hub->next_timeout(), now + 10s);
  advance(10s);
  hub->on_timer(now, unix_now);
  drain();
  ASSERT_TRUE(replies.contains(id));
  EXPECT_EQ(replies[id].status, 429);
  EXPECT_EQ(replies[id].error(), "github_unavailable");
  EXPECT_EQ(hub->next_timeout(), kNever);
  // Its late answer changes nothing.
  EXPECT_EQ(fetched(id, FetchReply{200, user(kOwnerId, "octocat")}).status, 0);
  EXPECT_EQ(request("GET", "/status").number("devices"), 0);
}

TEST_F(HubGithub, AnAnswerThatComesTwiceOrForNobodyCountsOnce) {
  const RequestId id = sign_in("home", key_of(1));
  const Answer first = fetched(id, FetchReply{200, user(kOwnerId, "octocat")});
  EXPECT_EQ(first.status, 200);
  const std::string after = state();
  EXPECT_EQ(fetched(id, FetchReply{200, user(kOwnerId, "octocat")}).status, 0);
  EXPECT_EQ(fetched(static_cast<RequestId>(9999), FetchReply{200, user(kOwnerId, "octocat")}).status, 0);
  EXPECT_EQ(state(), after);
}

TEST_F(HubGithub, AClientThatLeavesRegistersNothingAndCountsAsAFailure) {
  const std::string before = state();
  for (int i = 0; i < kFailurePace.burst; ++i) {
    const RequestId id = sign_in("home", key_of(1));
    hub->on_gone(now, id);
    hub->on_gone(now, id);
    EXPECT_EQ(fetched(id, FetchReply{200, user(kOwnerId, "octocat")}).status, 0);
  }
  EXPECT_EQ(state(), before);
  EXPECT_EQ(hub->next_timeout(), kNever);
  EXPECT_EQ(post(registration("home", key_of(1)))->error(), "too_many_failures");
}

TEST_F(HubGithub, FailuresOfAClientAreLimitedAndGithubIsNotAskedAnyMore) {
  const FetchResult results[] = {FetchReply{401, ""}, FetchReply{200, user(99, "mallory")}, FetchReply{503, ""},
                                 std::unexpected(std::string("no route"))};
  for (int i = 0; i < kFailurePace.burst; ++i) {
    fetched(sign_in("home", key_of(1)), results[static_cast<std::size_t>(i) % std::size(results)]);
  }
  const auto asked = fetches.size();
  const auto refused = post(registration("home", key_of(1)));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error(), "too_many_failures");
  EXPECT_GT(refused->retry_after_s, 0);
  // The same limit as that of join tokens.
  EXPECT_EQ(try_register(join_token(), "home", key_of(1)).error(), "too_many_failures");
  EXPECT_EQ(fetches.size(), asked);
  next_client();
  EXPECT_EQ(come_in("home", key_of(1)).status, 200);
}

TEST_F(HubGithub, WhoeverWaitsForGithubIsCountedPerClientAndInAll) {
  std::vector<RequestId> waiting;
  while (waiting.size() < kMaxSignIns) {
    for (std::size_t i = 0; i < kMaxSignInsOfClient; ++i) waiting.push_back(sign_in("home", key_of(1)));
    if (waiting.size() == kMaxSignInsOfClient) {
      EXPECT_EQ(post(registration("home", key_of(1)))->error(), "too_many_sign_ins");
    }
    next_client();
  }
  const auto over = post(registration("home", key_of(1)));
  ASSERT_TRUE(over);
  EXPECT_EQ(over->error(), "too_many_sign_ins");
  EXPECT_GT(over->retry_after_s, 0);
  EXPECT_EQ(fetches.size(), kMaxSignIns);
  fetched(waiting.front(), FetchReply{401, ""});
  EXPECT_EQ(come_in("home", key_of(1)).status, 200);
  advance(10s);
  hub->on_timer(now, unix_now);
  drain();
  for (const RequestId id : waiting) EXPECT_TRUE(replies.contains(id));
}

TEST_F(HubGithub, GithubIsAskedAtAPaceHoweverManyClientsAsk) {
  for (int i = 0; i < kGithubPace.burst; ++i) {
    next_client();
    fetched(sign_in("home", key_of(1)), FetchReply{401, ""});
  }
  next_client();
  const auto over = post(registration("home", key_of(1)));
  ASSERT_TRUE(over);
  EXPECT_EQ(over->error(), "too_many_sign_ins");
  EXPECT_EQ(over->retry_after_s, 1);
  advance(1s);
  EXPECT_EQ(come_in("home", key_of(1)).status, 200);
}

TEST_F(HubGithub, NeitherTheLogNorAReplyHoldsTheToken) {
  const std::string secret = "gho_verysecret0123456789";
  const FetchResult results[] = {FetchReply{401, secret}, FetchReply{200, user(99, "mallory")}, FetchReply{503, secret},
                                 FetchReply{200, secret}, FetchReply{200, user(kOwnerId, "octocat")}};
  for (const FetchResult& result : results) {
    ASSERT_FALSE(post(registration("home", key_of(1), secret)));
    const Answer reply = fetched(last_sign_in, result);
    EXPECT_EQ(json::write(reply.body).find(secret), std::string::npos);
  }
  for (const Log& log : logs) EXPECT_EQ(json::write(log.fields).find(secret), std::string::npos) << log.event;
}

TEST_F(HubGithub, ADatabaseThatFailsBindsAndRegistersNothing) {
  const std::string before = state();
  for (const char* statement : {"SELECT value FROM settings", "INSERT INTO settings", "INSERT INTO devices",
                                "INSERT OR REPLACE INTO refresh_tokens", "FROM signing_keys"}) {
    next_client();
    const RequestId id = sign_in("home", key_of(1));
    sql->broken_statement = statement;
    const Answer reply = fetched(id, FetchReply{200, user(kOwnerId, "octocat")});
    sql->broken_statement.clear();
    EXPECT_EQ(reply.status, 500) << statement;
    // Only when the reply alone failed the device is there: then it asks again.
    const bool only_the_reply = std::string_view(statement) == "FROM signing_keys";
    EXPECT_EQ(state() == before, !only_the_reply) << statement;
  }
  EXPECT_EQ(come_in("home", key_of(1)).status, 200);
}

}  // namespace
}  // namespace bamgate::hub
