// A hub on an in-memory database with virtual time, and devices that talk to it by hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/encoding.h"
#include "hub/hub.h"
#include "json/parse.h"
#include "json/write.h"
#include "os/native_crypto.h"
#include "os/sqlite.h"
#include "support/seeded_random.h"
#include "support/sqlite_hub_sql.h"

namespace bamgate::hub {

using namespace std::chrono_literals;

/// A port that fails when it is told to.
class BreakableSql : public Sql {
 public:
  explicit BreakableSql(Sql& inner) : inner_(inner) {}
  std::optional<std::vector<SqlRow>> execute(std::string_view statement,
                                             std::span<const SqlValue> parameters) override {
    ++executed;
    if (broken || (!broken_statement.empty() && statement.find(broken_statement) != std::string_view::npos)) {
      return std::nullopt;
    }
    return inner_.execute(statement, parameters);
  }
  bool transaction(const std::function<bool()>& body) override { return !broken && inner_.transaction(body); }

  bool broken = false;
  std::string broken_statement;  // fails whatever contains this text
  std::size_t executed = 0;

 private:
  Sql& inner_;
};

/// Counts what is asked of it.
class CountingCrypto : public os::NativeCrypto {
 public:
  Sha256Digest sha256(Pieces message) override {
    ++digests;
    return os::NativeCrypto::sha256(message);
  }
  Sha256Digest hmac_sha256(Bytes key, Pieces message) override {
    ++digests;
    return os::NativeCrypto::hmac_sha256(key, message);
  }
  std::size_t digests = 0;
};

struct Answer {
  int status = 0;
  int retry_after_s = 0;
  json::Value body;

  std::string text(std::string_view key) const {
    const auto* value = body.get_string(key);
    return value == nullptr ? "" : *value;
  }
  std::int64_t number(std::string_view key) const { return body.get_int(key).value_or(-1); }
  std::string error() const { return text("error"); }
};

/// What a registration gave, and the key that it was made with.
struct Member {
  std::string name = {};
  std::string public_key = {};
  std::string id = {};
  std::string access_token = {};
  std::string refresh_token = {};
  std::string address = {};
  std::string address6 = {};
  std::string turn_secret = {};
};

/// A WireGuard public key that `seed` decides.
inline std::string key_of(std::uint64_t seed) {
  testing::SeededRandom random(seed);
  std::array<std::byte, 32> bytes{};
  random.fill(bytes);
  return to_base64(bytes);
}

class HubTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = os::Sqlite::open(":memory:");
    ASSERT_TRUE(opened);
    sqlite = std::make_unique<os::Sqlite>(std::move(*opened));
    inner_sql = std::make_unique<testing::SqliteHubSql>(*sqlite);
    sql = std::make_unique<BreakableSql>(*inner_sql);
    options.stun = {"stun:hub.example:3478"};
    options.turn = {"turn:hub.example:3478?transport=udp", "wss://hub.example:8443/turn"};
    options.server_url = "https://hub.example:8443";
    options.version = "1.2.3";
    start();
  }

  /// Ends the hub that runs, and starts one on the same database.
  void start() {
    hub.reset();
    inbox.clear();
    closed.clear();
    unsent.clear();
    auto made = Hub::create(options, *sql, crypto, random, now, unix_now);
    ASSERT_TRUE(made) << to_string(made.error());
    hub = std::move(*made);
  }

  void advance(Duration by) {
    now += by;
    unix_now.seconds += std::chrono::duration_cast<std::chrono::seconds>(by).count();
  }

  Answer request(std::string_view method, std::string_view target, std::string_view body = {},
                 const std::string& access_token = {}) {
    const std::string authorization = access_token.empty() ? "" : "Bearer " + access_token;
    const HttpReply reply = on_http({method, target, authorization, body, client});
    drain();
    return answer(reply);
  }

  /// A request that is answered at once.
  HttpReply on_http(const HttpRequest& request) {
    auto reply = hub->on_http(now, unix_now, static_cast<RequestId>(++last_request), request);
    EXPECT_TRUE(reply) << request.target << " is not answered at once";
    return reply.value_or(HttpReply{});
  }

  static Answer answer(const HttpReply& reply) {
    auto value = json::parse(reply.body, {.max_bytes = 1 << 22});
    EXPECT_TRUE(value) << reply.body;
    return {reply.status, reply.retry_after_s, value ? std::move(*value) : json::Value()};
  }

  std::string join_token(std::int64_t uses = 1, std::int64_t ttl_s = 86400) {
    return join_token(JoinGrant{.uses = uses, .ttl_s = ttl_s});
  }
  std::string join_token(const JoinGrant& grant) {
    const auto token = hub->create_join_token(now, unix_now, grant);
    EXPECT_TRUE(token);
    return token ? token->token : "";
  }

  /// A request of whoever holds the hub.
  Answer local(std::string_view method, std::string_view target, std::string_view body = {}) {
    const HttpReply reply = hub->on_local(now, unix_now, {method, target, {}, body, {}});
    drain();
    return answer(reply);
  }
  Answer revoke(const Member& device, const Member& by) {
    return request("DELETE", "/auth/devices/" + device.id, {}, by.access_token);
  }

  Answer try_register(const std::string& token, const std::string& name, const std::string& public_key = {}) {
    json::Object body{{"join_token", token}, {"device_name", name}};
    if (!public_key.empty()) body.emplace_back("public_key", public_key);
    return request("POST", "/auth/register", json::write(body));
  }

  /// Who a registration was answered as.
  static Member member_of(const std::string& name, const std::string& public_key, const Answer& reply) {
    EXPECT_EQ(reply.status, 200) << json::write(reply.body);
    return {name,
            public_key,
            reply.text("device_id"),
            reply.text("access_token"),
            reply.text("refresh_token"),
            reply.text("address"),
            reply.text("address6"),
            reply.text("turn_secret")};
  }

  /// Registers an administrator with a fresh token; the key comes from the name unless given.
  Member enroll(const std::string& name, std::optional<std::string> public_key = {}) {
    return enroll_by(JoinGrant{.admin = true}, name, std::move(public_key));
  }
  Member enroll_member(const std::string& name) { return enroll_by({}, name); }
  Member enroll_by(const JoinGrant& grant, const std::string& name, std::optional<std::string> public_key = {}) {
    const std::string key = public_key.value_or(key_of(std::hash<std::string>{}(name)));
    const Answer reply = try_register(join_token(grant), name, key);
    return member_of(name, key, reply);
  }

  Answer refresh(const std::string& id, const std::string& token) {
    return request("POST", "/auth/refresh", json::write(json::Object{{"device_id", id}, {"refresh_token", token}}));
  }

  std::optional<HttpReply> try_open(ConnectionId id, const std::string& access_token) {
    const std::string authorization = "Bearer " + access_token;
    auto refused = hub->on_open(now, unix_now, id, {"GET", "/connect", authorization, {}, client});
    drain();
    return refused;
  }

  ConnectionId open(const std::string& access_token) {
    const auto id = static_cast<ConnectionId>(++last_connection);
    EXPECT_FALSE(try_open(id, access_token));
    return id;
  }

  /// What the database holds of devices and tokens, as one text.
  std::string state() {
    std::string text;
    for (const char* table :
         {"devices", "refresh_tokens", "join_tokens", "join_token_uses", "retired_keys", "addresses", "former_names"}) {
      const auto rows = sqlite->execute(std::string("SELECT * FROM ") + table + " ORDER BY 1");
      EXPECT_TRUE(rows);
      for (const auto& row : rows.value_or(std::vector<os::SqlRow>{})) {
        for (const auto& value : row) {
          if (const auto* number = std::get_if<std::int64_t>(&value)) text += std::to_string(*number) + ",";
          if (const auto* string = std::get_if<std::string>(&value)) text += *string + ",";
          if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value)) text += to_hex(*bytes) + ",";
        }
        text += "\n";
      }
    }
    return text;
  }

  void send(ConnectionId id, std::string_view text) {
    hub->on_text(now, unix_now, id, text);
    drain();
  }

  static json::Object join_of(const Member& member) {
    return {{"type", "join"},
            {"peerId", member.name},
            {"publicKey", member.public_key},
            {"address", member.address},
            {"address6", member.address6},
            {"routes", json::Array{}},
            {"metadata", json::Object{}}};
  }

  /// Opens and joins.
  ConnectionId connect(const Member& member) {
    const ConnectionId id = open(member.access_token);
    send(id, json::write(join_of(member)));
    return id;
  }

  void drain() {
    while (auto effect = hub->poll_effect()) {
      if (const auto* text = std::get_if<SendText>(&*effect)) {
        deliver(text->connection, text->text);
      } else if (const auto* broadcast = std::get_if<Broadcast>(&*effect)) {
        EXPECT_FALSE(broadcast->connections.empty());
        for (const ConnectionId id : broadcast->connections) deliver(id, broadcast->text);
      } else if (const auto* asked = std::get_if<WhenSent>(&*effect)) {
        EXPECT_FALSE(closed.contains(asked->connection));
        EXPECT_TRUE(unsent.insert(asked->connection).second) << "asked twice";
        if (!slow) sent(asked->connection);
      } else if (auto* binary = std::get_if<SendBinary>(&*effect)) {
        EXPECT_FALSE(closed.contains(binary->connection)) << "a message after close";
        binaries[binary->connection].emplace_back(std::move(binary->data));
      } else if (auto* datagram = std::get_if<SendDatagram>(&*effect)) {
        datagrams.emplace_back(std::move(*datagram));
      } else if (auto* close = std::get_if<Close>(&*effect)) {
        EXPECT_LE(close->reason.size(), 123U);
        EXPECT_FALSE(closed.contains(close->connection));
        closed[close->connection] = close->code;
      } else if (auto* fetch = std::get_if<Fetch>(&*effect)) {
        fetches.emplace_back(std::move(*fetch));
      } else if (auto* reply = std::get_if<Reply>(&*effect)) {
        EXPECT_FALSE(replies.contains(reply->request)) << "a second reply";
        replies.emplace(reply->request, answer(reply->reply));
      } else if (auto* log = std::get_if<Log>(&*effect)) {
        logs.emplace_back(std::move(*log));
      }
    }
  }

  void deliver(ConnectionId id, const std::string& text) {
    EXPECT_LE(text.size(), 64U * 1024);
    EXPECT_FALSE(closed.contains(id)) << "text after close: " << text;
    told_bytes[id] += text.size();
    if (deaf) return;
    auto value = json::parse(text);
    EXPECT_TRUE(value) << text;
    if (value) inbox[id].push_back(std::move(*value));
  }
  /// All that `id` was sent has left, if the hub wants to know.
  void sent(ConnectionId id) {
    if (unsent.erase(id) != 0) hub->on_sent(now, unix_now, id);
  }

  /// How often an event was logged.
  std::ptrdiff_t logged(std::string_view event) const { return std::ranges::count(logs, event, &Log::event); }

  /// What `id` was sent since the last call, by type; empty when nothing.
  std::vector<json::Value> take(ConnectionId id) { return std::exchange(inbox[id], {}); }
  std::vector<std::string> take_types(ConnectionId id) {
    std::vector<std::string> types;
    for (const auto& message : take(id)) types.push_back(*message.get_string("type"));
    return types;
  }
  std::optional<CloseCode> close_code(ConnectionId id) const {
    const auto found = closed.find(id);
    if (found == closed.end()) return std::nullopt;
    return found->second;
  }

  CountingCrypto crypto;
  testing::SeededRandom random{1};
  std::unique_ptr<os::Sqlite> sqlite;
  std::unique_ptr<testing::SqliteHubSql> inner_sql;
  std::unique_ptr<BreakableSql> sql;
  HubOptions options;
  std::unique_ptr<Hub> hub;
  Instant now = Instant(1h);
  UnixTime unix_now{1'800'000'000};
  IpAddress client = IpAddress::v4(192, 0, 2, 7);
  std::uint64_t last_connection = 0;
  std::uint64_t last_request = 0;
  std::map<ConnectionId, std::vector<json::Value>> inbox;
  std::map<ConnectionId, CloseCode> closed;
  std::set<ConnectionId> unsent;  // of which the hub waits to hear that all has been sent
  std::map<ConnectionId, std::size_t> told_bytes;
  std::map<ConnectionId, std::vector<std::vector<std::byte>>> binaries;
  std::vector<SendDatagram> datagrams;
  std::vector<Fetch> fetches;
  std::map<RequestId, Answer> replies;  // those that came later
  std::vector<Log> logs;
  bool deaf = false;  // devices do not look at what they are sent
  bool slow = false;  // nothing is reported as sent until sent()
};

}  // namespace bamgate::hub
