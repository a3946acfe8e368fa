// A hub whose owner signs in by GitHub, and a GitHub that says what a test wants.
#pragma once

#include "hub_fixture.h"

namespace bamgate::hub {

inline constexpr std::int64_t kOwnerId = 583'231;

class GithubTest : public HubTest {
 protected:
  void SetUp() override {
    options.github_login = "octocat";
    HubTest::SetUp();
  }

  static std::string registration(const std::string& name, const std::string& public_key,
                                  const std::string& token = "gho_1") {
    return json::write(json::Object{{"github_token", token}, {"device_name", name}, {"public_key", public_key}});
  }
  static std::string user(std::int64_t id, std::string_view login) {
    return json::write(json::Object{{"login", login}, {"id", id}, {"plan", json::Object{{"name", "free"}}}});
  }

  /// Sends the registration; what comes at once, or nullopt: it waits for GitHub.
  std::optional<Answer> post(const std::string& body) {
    last_sign_in = static_cast<RequestId>(++last_request);
    const auto reply = hub->on_http(now, unix_now, last_sign_in, {"POST", "/auth/register", {}, body, client});
    drain();
    if (!reply) return std::nullopt;
    return answer(*reply);
  }
  RequestId sign_in(const std::string& name, const std::string& public_key) {
    const auto refused = post(registration(name, public_key));
    EXPECT_FALSE(refused) << refused->error();
    return last_sign_in;
  }
  /// The reply that follows; an Answer with status 0 for none.
  Answer fetched(RequestId id, const FetchResult& result) {
    replies.erase(id);
    hub->on_fetched(now, unix_now, id, result);
    drain();
    const auto found = replies.find(id);
    return found == replies.end() ? Answer{} : found->second;
  }
  Answer come_in(const std::string& name, const std::string& public_key, std::int64_t id = kOwnerId,
                 std::string_view login = "octocat") {
    return fetched(sign_in(name, public_key), FetchReply{200, user(id, login)});
  }
  Member member(const std::string& name, const std::string& public_key) {
    return member_of(name, public_key, come_in(name, public_key));
  }

  void next_client() { client = IpAddress::v4(client.v4_value() + 1); }

  RequestId last_sign_in{};
};

}  // namespace bamgate::hub
