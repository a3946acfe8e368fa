#include "hub/sign_in.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/encoding.h"
#include "hub/addresses.h"
#include "hub/authentication.h"
#include "hub/client.h"
#include "hub/github.h"
#include "hub/pace.h"
#include "signaling/message.h"

namespace bamgate::hub {
namespace {

constexpr int kWaitWhenFull = 10;  // seconds: then whoever waits now has an answer

bool is_missing(const json::Value* value) {
  return value == nullptr || value->is_null() || (value->as_string() != nullptr && value->as_string()->empty());
}

/// Empty for a device that has no key yet; nullopt for what is no public key. All zeros is a point of low order.
std::optional<std::string> read_public_key(const json::Value& body) {
  const auto* value = body.find("public_key");
  if (is_missing(value)) return std::string();
  const auto key = value->as_string() == nullptr ? std::nullopt : array_from_base64<32>(*value->as_string());
  if (!key || std::ranges::all_of(*key, [](std::byte byte) { return byte == std::byte{0}; })) return std::nullopt;
  return *value->as_string();
}

std::expected<Newcomer, HttpReply> read_newcomer(const json::Value& body) {
  const auto* name = body.get_string("device_name");
  const auto public_key = read_public_key(body);
  if (name == nullptr || !is_device_name(*name)) {
    return std::unexpected(bad_name("device_name"));
  }
  if (!public_key) return std::unexpected(bad_request("public_key must be a WireGuard public key in base64."));
  return Newcomer{*name, *public_key};
}

/// Takes the token out of the body and wipes it there; empty for what is no token.
SecretText take_github_token(json::Value& body) {
  auto* field = body.find("github_token");
  std::string* text = field == nullptr ? nullptr : field->as_string();
  if (text == nullptr) return {};
  SecretText token(is_github_token(*text) ? std::string_view(*text) : std::string_view());
  wipe(std::as_writable_bytes(std::span(*text)));
  return token;
}

std::string_view event_of(Arrival arrival) {
  switch (arrival) {
    case Arrival::kNew:
      return "device_registered";
    case Arrival::kAgain:
      return "device_registered_again";
    case Arrival::kTakenOver:
      return "device_taken_over";
  }
  return "device_registered";
}

}  // namespace

std::optional<HttpReply> SignIn::handle(Instant now, UnixTime unix_now, RequestId request, const IpAddress& client,
                                        std::string_view body) {
  if (auto wait = refuse_after_failures(context_, now, client)) return wait;
  auto reply = start(now, unix_now, request, client, body);
  if (reply && reply->status >= 400 && reply->status < 500 && reply->status != 429) {
    count_failure(context_, now, client);
  }
  return reply;
}

std::optional<HttpReply> SignIn::start(Instant now, UnixTime unix_now, RequestId request, const IpAddress& client,
                                       std::string_view text) {
  auto body = read_body(text);
  if (!body) return body.error();
  const bool by_github = !is_missing(body->find("github_token"));
  SecretText github_token = take_github_token(*body);
  const bool by_join_token = !is_missing(body->find("join_token"));
  if (by_github && by_join_token) return bad_request("Give join_token or github_token, not both.");
  if (by_github && context_.options.github_login.empty()) {
    return error_reply(400, "github_not_enabled", "Sign-in by GitHub is not enabled on this hub; use a join token.");
  }
  const auto* join_token = body->get_string("join_token");
  if (!by_github && (!by_join_token || join_token == nullptr)) return bad_request("join_token is missing.");
  auto newcomer = read_newcomer(*body);
  if (!newcomer) return newcomer.error();
  if (by_github) return ask(now, request, client, std::move(*newcomer), std::move(github_token));
  return answer(now, unix_now, client, *newcomer, register_by_token(context_, unix_now, *join_token, *newcomer));
}

std::optional<HttpReply> SignIn::ask(Instant now, RequestId request, const IpAddress& client, Newcomer newcomer,
                                     SecretText token) {
  if (token.empty()) return bad_request("github_token must be a token of GitHub.");
  const std::string key = client_key(client);
  const auto of_client =
      std::ranges::count_if(waiting_, [&](const auto& entry) { return client_key(entry.second.client) == key; });
  const bool is_full = waiting_.size() >= kMaxSignIns || static_cast<std::size_t>(of_client) >= kMaxSignInsOfClient;
  const int wait = is_full ? kWaitWhenFull : context_.limits.github.take(now, {});
  if (wait > 0) {
    ++context_.counters.limited;
    return too_many("too_many_sign_ins", "Too many devices are signing in; wait.", wait);
  }
  waiting_.insert_or_assign(request, Waiting{std::move(newcomer), client, now + kGithubTimeout});
  context_.effects.emplace_back(ask_github(context_.options, request, std::move(token)));
  return std::nullopt;
}

void SignIn::on_fetched(Instant now, UnixTime unix_now, RequestId request, const FetchResult& result) {
  if (waiting_.contains(request)) finish(now, unix_now, request, result);
}

void SignIn::on_gone(Instant now, RequestId request) {
  const auto gone = waiting_.extract(request);
  if (!gone.empty()) count_failure(context_, now, gone.mapped().client);
}

void SignIn::handle_timeout(Instant now, UnixTime unix_now) {
  const FetchResult late = std::unexpected(std::string("GitHub did not answer within 10 seconds"));
  while (next_timeout() <= now) {
    const auto at = std::ranges::min_element(waiting_, {}, [](const auto& entry) { return entry.second.deadline; });
    finish(now, unix_now, at->first, late);
  }
}

Instant SignIn::next_timeout() const {
  Instant next = kNever;
  for (const auto& [request, waiting] : waiting_) next = std::min(next, waiting.deadline);
  return next;
}

void SignIn::finish(Instant now, UnixTime unix_now, RequestId request, const FetchResult& result) {
  const Waiting waiting = std::move(waiting_.extract(request).mapped());
  HttpReply reply =
      answer(now, unix_now, waiting.client, waiting.newcomer, register_user(unix_now, waiting.newcomer, result));
  if (context_.database.failed()) reply = internal_error();
  // GitHub's silence counts too: asking it again and again is not for strangers.
  if (reply.status >= 400 && reply.status < 500) count_failure(context_, now, waiting.client);
  context_.effects.emplace_back(Reply{request, std::move(reply)});
}

std::expected<Registration, HttpReply> SignIn::register_user(UnixTime unix_now, const Newcomer& newcomer,
                                                             const FetchResult& result) {
  const auto user = read_github_user(context_, result);
  if (!user) return std::unexpected(user.error());
  const auto owner = check_owner(context_, *user);
  if (!owner) return std::unexpected(owner.error());
  return register_by_owner(context_, unix_now, *owner, newcomer);
}

HttpReply SignIn::answer(Instant now, UnixTime unix_now, const IpAddress& client, const Newcomer& newcomer,
                         const std::expected<Registration, HttpReply>& result) {
  if (!result) {
    context_.log(LogLevel::kWarning, "registration_refused",
                 {{"device", newcomer.name}, {"status", result.error().status}, {"client", client_network(client)}});
    return result.error();
  }
  const Device& device = result->device;
  if (result->arrival != Arrival::kNew) {
    connections_.revoke(now, unix_now, device, result->retired, "this device was registered again");
  }
  context_.log(LogLevel::kInfo, event_of(result->arrival),
               {{"device", device.name}, {"client", client_network(client)}});
  const Settings& settings = context_.settings;
  return ok({{"device_id", device.id},
             {"access_token", issue_access_token(context_, unix_now, device, result->refresh.generation)},
             {"refresh_token", result->refresh.token},
             {"address", address_of(settings.subnet, device.host).to_string()},
             {"address6", address6_of(settings.prefix6, device.host).to_string()},
             {"subnet", settings.subnet.to_string()},
             {"turn_secret", turn_secret(context_.crypto, settings.master_secret.bytes(), device)},
             {"server_url", context_.options.server_url},
             {"stun", texts(context_.options.stun)},
             {"turn", texts(context_.options.turn)}});
}

}  // namespace bamgate::hub
