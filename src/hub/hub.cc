#include "hub/hub.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "hub/admin_api.h"
#include "hub/client.h"
#include "hub/connections.h"
#include "hub/context.h"
#include "hub/devices.h"
#include "hub/http_api.h"
#include "hub/hub_clock.h"
#include "hub/join_tokens.h"
#include "hub/migrations.h"
#include "hub/pace.h"
#include "hub/relay.h"
#include "hub/sign_in.h"
#include "hub/signing_keys.h"

namespace bamgate::hub {
namespace {

/// Says in the log that the clock is not what it was, and that nobody suffers by it.
void say_jump(Context& context, std::string_view event, std::int64_t seconds) {
  context.log(LogLevel::kWarning, event,
              {{"seconds", seconds},
               {"hint", "nothing expires because of it; check this machine's clock if it is not right now"}});
}

}  // namespace

struct Hub::State {
  explicit State(Context from) : context(std::move(from)) {}

  Context context;
  Relay relay{context};
  Connections connections{context, relay};
  SignIn sign_in{context, connections};
  AdminApi admin{context, connections};
  HttpApi http{context, connections, relay, sign_in, admin};

  /// Comes before everything that is done with an input.
  void begin(Instant now, UnixTime unix_now) {
    if (const auto jump = context.clock.observe(context.database, now, unix_now)) {
      say_jump(context, "clock_jumped", *jump);
    }
    context.database.clear_failure();
  }
};

std::expected<std::unique_ptr<Hub>, Error> Hub::create(HubOptions options, Sql& sql, Crypto& crypto, Random& random,
                                                       Instant now, UnixTime unix_now) {
  Database database(sql);
  if (const auto migrated = migrate(database); !migrated) return std::unexpected(migrated.error());
  HubClock clock(database, now, unix_now);
  auto settings = load_settings(database, random, clock.lived(), options.subnet, options.device_lifetime);
  if (!settings) return std::unexpected(settings.error());
  if (database.failed()) return std::unexpected(Error::kDatabase);
  Context context{std::move(options), database, crypto, random, std::move(*settings), clock, {}, {}, {}};
  if (clock.gap() < -kClockJump) say_jump(context, "clock_went_back", clock.gap());
  if (clock.gap() > kClockGap) say_jump(context, "clock_is_ahead", clock.gap());
  return std::unique_ptr<Hub>(new Hub(std::make_unique<State>(std::move(context))));
}

Hub::Hub(std::unique_ptr<State> state) : state_(std::move(state)) {}
Hub::~Hub() = default;

std::optional<HttpReply> Hub::on_http(Instant now, UnixTime unix_now, RequestId id, const HttpRequest& request) {
  state_->begin(now, unix_now);
  auto reply = state_->http.handle(now, unix_now, id, request);
  return reply && state_->context.database.failed() ? internal_error() : reply;
}

void Hub::on_fetched(Instant now, UnixTime unix_now, RequestId id, const FetchResult& result) {
  state_->begin(now, unix_now);
  state_->sign_in.on_fetched(now, unix_now, id, result);
}

void Hub::on_gone(Instant now, RequestId id) { state_->sign_in.on_gone(now, id); }

std::optional<HttpReply> Hub::on_open(Instant now, UnixTime unix_now, ConnectionId connection,
                                      const HttpRequest& request) {
  Context& context = state_->context;
  const std::string client = client_key(request.client);
  if (auto over = refuse_over_pace(context, context.limits.upgrades, now, client)) return over;
  const bool relays = path_of(request.target) == "/turn";
  if (request.method != "GET" || (!relays && path_of(request.target) != "/connect")) {
    return error_reply(404, "not_found", "This hub has no such WebSocket.");
  }
  state_->begin(now, unix_now);
  const auto login = authenticate(context, unix_now, request.authorization);
  if (context.database.failed()) return internal_error();
  if (!login) return login.error();
  if (auto over = refuse_over_pace(context, context.limits.devices, now, login->device.id)) return over;
  if (relays) return state_->relay.open(connection, *login, request);
  return state_->connections.open(now, connection, *login, client);
}

void Hub::on_text(Instant now, UnixTime unix_now, ConnectionId connection, std::string_view text) {
  state_->begin(now, unix_now);
  if (state_->relay.holds(connection)) return state_->relay.on_text(connection);
  state_->connections.on_text(now, unix_now, connection, text);
}

void Hub::on_binary(Instant now, UnixTime unix_now, ConnectionId connection, Bytes data) {
  if (state_->relay.holds(connection)) {
    state_->begin(now, unix_now);
    return state_->relay.on_binary(now, unix_now, connection, data);
  }
  state_->connections.on_binary(now, unix_now, connection);
}

std::optional<turn::Server::Output> Hub::on_datagram(Instant now, UnixTime unix_now, const turn::FiveTuple& from,
                                                     MutableBytes data, MutableBytes out) {
  state_->begin(now, unix_now);
  return state_->relay.on_datagram(now, unix_now, from, data, out);
}

void Hub::on_close(Instant now, UnixTime unix_now, ConnectionId connection) {
  if (state_->relay.holds(connection)) return state_->relay.on_close(connection);
  state_->connections.on_close(now, unix_now, connection);
}

void Hub::on_sent(Instant now, UnixTime unix_now, ConnectionId connection) {
  if (state_->relay.holds(connection)) return state_->relay.on_sent(now, connection);
  state_->connections.on_sent(now, unix_now, connection);
}

void Hub::on_timer(Instant now, UnixTime unix_now) {
  state_->begin(now, unix_now);
  state_->connections.handle_timeout(now, unix_now);
  state_->sign_in.handle_timeout(now, unix_now);
  state_->relay.handle_timeout(now);
}

std::optional<Effect> Hub::poll_effect() {
  auto& effects = state_->context.effects;
  // What was relayed since the last time leaves together, behind the signaling of that time.
  if (effects.empty()) state_->relay.flush();
  if (effects.empty()) return std::nullopt;
  Effect effect = std::move(effects.front());
  effects.pop_front();
  return effect;
}

Instant Hub::next_timeout() const {
  return std::min({state_->connections.next_timeout(), state_->sign_in.next_timeout(), state_->relay.next_timeout()});
}

HttpReply Hub::on_local(Instant now, UnixTime unix_now, const HttpRequest& request) {
  state_->begin(now, unix_now);
  if (!AdminApi::knows(request.method, path_of(request.target))) {
    return error_reply(404, "not_found", "Only devices and join tokens are asked about here.");
  }
  HttpReply reply = state_->admin.handle(now, unix_now, request, nullptr);
  return state_->context.database.failed() ? internal_error() : reply;
}

std::expected<JoinToken, Error> Hub::create_join_token(Instant now, UnixTime unix_now, const JoinGrant& grant) {
  state_->begin(now, unix_now);
  return hub::create_join_token(state_->context, grant, kHubOwner, kMadeByHub);
}

std::expected<std::string, Error> Hub::rotate_signing_key(Instant now, UnixTime unix_now) {
  state_->begin(now, unix_now);
  Database& database = state_->context.database;
  std::string kid;
  const bool committed = database.transaction([&] {
    kid = add_signing_key(database, state_->context.random, state_->context.clock.lived());
    remove_ended_signing_keys(database, state_->context.clock.lived());
    return true;
  });
  if (!committed) return std::unexpected(Error::kDatabase);
  return kid;
}

const std::string& Hub::network_id() const { return state_->context.settings.network_id; }

IpPrefix Hub::subnet() const { return state_->context.settings.subnet; }
IpPrefix Hub::prefix6() const { return state_->context.settings.prefix6; }
HubCounters Hub::counters() const { return state_->context.counters; }

}  // namespace bamgate::hub
