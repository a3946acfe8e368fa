// Sign-in by GitHub: whose token is it, and is that the hub's owner? One request, GET /user with the token as bearer;
// nothing else is asked of GitHub, and the token is neither kept nor logged.
//
// The owner is named by login at the start (HubOptions::github_login) and bound to that account's id, a number that
// never changes, when it signs in first. From then on the id decides: neither a renamed account nor whoever takes a
// login that became free changes the owner. Another configured login makes the binding anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include "core/secret_text.h"
#include "core/time.h"
#include "hub/context.h"
#include "hub/host.h"
#include "hub/http.h"

namespace bamgate::hub {

/// How long GitHub may take to answer, and how much it may say.
inline constexpr Duration kGithubTimeout = std::chrono::seconds(10);
inline constexpr std::size_t kMaxGithubReply = 64 * 1024;
/// Characters of the longest token that is asked about; GitHub's have at most a few hundred.
inline constexpr std::size_t kMaxGithubToken = 1024;

struct GithubUser {
  std::int64_t id = 0;
  std::string login;
};

/// A token can stand in a header field: visible ASCII, neither empty nor too long.
bool is_github_token(std::string_view token);

/// Whose token is it?
Fetch ask_github(const HubOptions& options, RequestId request, SecretText token);

/// What GitHub said. Errors, as the reply to give: 401 invalid_github_token (GitHub refuses it); 429 github_unavailable
/// (it was not reached, it refused to answer, or what it said is no user; the reason is in the log).
std::expected<GithubUser, HttpReply> read_github_user(Context& context, const FetchResult& result);

/// The owner's name in the table of devices. Errors: 403 not_the_owner; 500.
std::expected<std::string, HttpReply> check_owner(Context& context, const GithubUser& user);

}  // namespace bamgate::hub
