#include "hub/hub.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "hub/client.h"
#include "hub/connections.h"
#include "hub/context.h"
#include "hub/devices.h"
#include "hub/http_api.h"
#include "hub/migrations.h"
#include "hub/pace.h"
#include "hub/sign_in.h"
#include "hub/signing_keys.h"

namespace bamgate::hub {
namespace {

/// Owner of the devices that join with a token made on the hub itself.
constexpr std::string_view kHubOwner = "hub";

}  // namespace

struct Hub::State {
  explicit State(Context from) : context(std::move(from)) {}

  Context context;
  Connections connections{context};
  SignIn sign_in{context, connections};
  HttpApi http{context, connections, sign_in};
};

std::expected<std::unique_ptr<Hub>, Error> Hub::create(HubOptions options, Sql& sql, Crypto& crypto, Random& random,
                                                       UnixTime unix_now) {
  Database database(sql);
  if (const auto migrated = migrate(database); !migrated) return std::unexpected(migrated.error());
  auto settings = load_settings(database, random, unix_now, options.subnet);
  if (!settings) return std::unexpected(settings.error());
  forget_revoked(database, unix_now);
  if (database.failed()) return std::unexpected(Error::kDatabase);
  Context context{std::move(options), database, crypto, random, std::move(*settings), {}, {}, {}};
  return std::unique_ptr<Hub>(new Hub(std::make_unique<State>(std::move(context))));
}

Hub::Hub(std::unique_ptr<State> state) : state_(std::move(state)) {}
Hub::~Hub() = default;

std::optional<HttpReply> Hub::on_http(Instant now, UnixTime unix_now, RequestId id, const HttpRequest& request) {
  state_->context.database.clear_failure();
  auto reply = state_->http.handle(now, unix_now, id, request);
  return reply && state_->context.database.failed() ? internal_error() : reply;
}

void Hub::on_fetched(Instant now, UnixTime unix_now, RequestId id, const FetchResult& result) {
  state_->context.database.clear_failure();
  state_->sign_in.on_fetched(now, unix_now, id, result);
}

void Hub::on_gone(Instant now, RequestId id) { state_->sign_in.on_gone(now, id); }

std::optional<HttpReply> Hub::on_open(Instant now, UnixTime unix_now, ConnectionId connection,
                                      const HttpRequest& request) {
  Context& context = state_->context;
  const std::string client = client_key(request.client);
  if (auto over = refuse_over_pace(context, context.limits.upgrades, now, client)) return over;
  if (request.method != "GET" || path_of(request.target) != "/connect") {
    return error_reply(404, "not_found", "This hub has no such WebSocket.");
  }
  context.database.clear_failure();
  const auto login = authenticate(context, unix_now, request.authorization);
  if (context.database.failed()) return internal_error();
  if (!login) return login.error();
  if (auto over = refuse_over_pace(context, context.limits.devices, now, login->device.id)) return over;
  return state_->connections.open(now, connection, *login, client);
}

void Hub::on_text(Instant now, UnixTime unix_now, ConnectionId connection, std::string_view text) {
  state_->context.database.clear_failure();
  state_->connections.on_text(now, unix_now, connection, text);
}

void Hub::on_binary(Instant now, UnixTime unix_now, ConnectionId connection, Bytes /*data*/) {
  state_->connections.on_binary(now, unix_now, connection);
}

void Hub::on_close(Instant now, UnixTime unix_now, ConnectionId connection) {
  state_->connections.on_close(now, unix_now, connection);
}

void Hub::on_sent(Instant now, UnixTime unix_now, ConnectionId connection) {
  state_->connections.on_sent(now, unix_now, connection);
}

void Hub::on_timer(Instant now, UnixTime unix_now) {
  state_->context.database.clear_failure();
  state_->connections.handle_timeout(now, unix_now);
  state_->sign_in.handle_timeout(now, unix_now);
}

std::optional<Effect> Hub::poll_effect() {
  auto& effects = state_->context.effects;
  if (effects.empty()) return std::nullopt;
  Effect effect = std::move(effects.front());
  effects.pop_front();
  return effect;
}

Instant Hub::next_timeout() const {
  return std::min(state_->connections.next_timeout(), state_->sign_in.next_timeout());
}

std::expected<JoinToken, Error> Hub::create_join_token(UnixTime unix_now, std::int64_t uses, std::int64_t ttl_s) {
  state_->context.database.clear_failure();
  return hub::create_join_token(state_->context.database, state_->context.crypto, state_->context.random, unix_now,
                                kHubOwner, uses, ttl_s);
}

std::expected<std::string, Error> Hub::rotate_signing_key(UnixTime unix_now) {
  Database& database = state_->context.database;
  database.clear_failure();
  std::string kid;
  const bool committed = database.transaction([&] {
    kid = add_signing_key(database, state_->context.random, unix_now);
    // Removes those that end now.
    return !signing_keys(database, unix_now).empty();
  });
  if (!committed) return std::unexpected(Error::kDatabase);
  return kid;
}

IpPrefix Hub::subnet() const { return state_->context.settings.subnet; }
IpPrefix Hub::prefix6() const { return state_->context.settings.prefix6; }
HubCounters Hub::counters() const { return state_->context.counters; }

}  // namespace bamgate::hub
