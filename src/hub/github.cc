#include "hub/github.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "hub/settings.h"
#include "json/parse.h"

namespace bamgate::hub {
namespace {

constexpr std::string_view kOwnerLogin = "github_owner_login";
constexpr std::string_view kOwnerId = "github_owner_id";
constexpr int kRetryAfter = 30;  // seconds

/// GitHub's logins are the same in upper and lower case.
std::string lower(std::string_view text) {
  std::string result(text);
  for (char& character : result) {
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character + ('a' - 'A'));
  }
  return result;
}

HttpReply unavailable(Context& context, std::string_view reason) {
  context.log(LogLevel::kWarning, "github_failed", {{"reason", reason}});
  return too_many("github_unavailable", "The hub cannot ask GitHub now; try again later, or use a join token.",
                  kRetryAfter);
}

std::optional<GithubUser> read_user(std::string_view body) {
  const auto value = json::parse(body, {.max_bytes = kMaxGithubReply});
  if (!value) return std::nullopt;
  const auto id = value->get_int("id");
  const auto* login = value->get_string("login");
  if (!id || *id <= 0 || login == nullptr || login->empty()) return std::nullopt;
  return GithubUser{*id, *login};
}

}  // namespace

bool is_github_token(std::string_view token) {
  return !token.empty() && token.size() <= kMaxGithubToken &&
         std::ranges::all_of(token, [](char character) { return character > ' ' && character < 0x7f; });
}

Fetch ask_github(const HubOptions& options, RequestId request, SecretText token) {
  return {.request = request,
          .url = options.github_api + "/user",
          .headers = {{"Accept", "application/vnd.github+json"}, {"User-Agent", "bamgate-hub/" + options.version}},
          .bearer = std::move(token),
          .timeout = kGithubTimeout,
          .max_body = kMaxGithubReply};
}

std::expected<GithubUser, HttpReply> read_github_user(Context& context, const FetchResult& result) {
  if (!result) return std::unexpected(unavailable(context, result.error()));
  if (result->status == 401) {
    return std::unexpected(
        error_reply(401, "invalid_github_token", "GitHub does not know this token; sign in to GitHub again."));
  }
  // 403 and 429 too: with them GitHub says that it has been asked too often, by this token or from this address.
  if (result->status != 200) {
    return std::unexpected(unavailable(context, "GitHub answered with status " + std::to_string(result->status)));
  }
  auto user = read_user(result->body);
  if (!user) return std::unexpected(unavailable(context, "GitHub's reply is no user"));
  return std::move(*user);
}

std::expected<std::string, HttpReply> check_owner(Context& context, const GithubUser& user) {
  const std::string configured = lower(context.options.github_login);
  const std::string id = std::to_string(user.id);
  bool is_owner = false;
  bool is_first = false;
  const bool committed = context.database.transaction([&] {
    const auto bound_id = read_setting(context.database, kOwnerId);
    const bool is_bound = bound_id && read_setting(context.database, kOwnerLogin) == configured;
    is_owner = is_bound ? id == *bound_id : lower(user.login) == configured;
    is_first = is_owner && !is_bound;
    if (is_first) {
      write_setting(context.database, kOwnerId, id);
      write_setting(context.database, kOwnerLogin, configured);
    }
    return true;
  });
  if (!committed) return std::unexpected(internal_error());
  if (!is_owner) {
    return std::unexpected(
        error_reply(403, "not_the_owner", "This GitHub account is not the owner of this hub; use a join token."));
  }
  if (is_first) context.log(LogLevel::kInfo, "github_owner_bound", {{"login", configured}, {"id", user.id}});
  return "github:" + id;
}

}  // namespace bamgate::hub
