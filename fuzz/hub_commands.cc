// The hub core on an in-memory database, by commands: registrations, refreshes, sockets, joins, forwards, revocations,
// sign-ins by GitHub, restarts, raw requests and texts, time; renewing, renaming and forgetting, join tokens that
// devices make, list and withdraw, by administrators, members and on the hub itself. Oracle: no address and no name
// belongs to two devices; nobody is sent anything on a socket that is not open; a device that was revoked is closed at
// once, gets nothing more and is let in by no token; a token that was withdrawn lets nobody in and is never shown; only
// revoked devices are forgotten; every reply is JSON.
#include "hub/hub.h"

#include <array>
#include <chrono>
#include <map>
#include <set>

#include "core/encoding.h"
#include "json/parse.h"
#include "json/write.h"
#include "os/native_crypto.h"
#include "os/sqlite.h"
#include "signaling/message.h"
#include "support/decoder.h"
#include "support/require.h"
#include "support/seeded_random.h"
#include "support/sqlite_hub_sql.h"

namespace {

using namespace bamgate;
using fuzz::require;
using hub::ConnectionId;
using hub::RequestId;
using std::chrono::seconds;

/// A registration and what came of it.
struct Member {
  std::string id;
  std::string name;
  std::string key;
  std::string address;
  std::string access_token;
  std::string refresh_token;
};

struct Socket {
  std::string device;  // id
  bool open = true;
};

class World {
 public:
  explicit World(fuzz::Decoder& input) : input_(input) {
    options_.server_url = "https://hub.example:8443";
    options_.stun = {"stun:hub.example:3478"};
    options_.github_login = "owner";
    options_.subnet = IpPrefix::parse("10.9.0.0/29");  // six addresses: they run out
    start();
  }

  void run() {
    for (int steps = 0; !input_.at_end() && steps < 300; ++steps) {
      step();
      drain();
    }
  }

 private:
  void start() {
    hub_.reset();
    for (auto& [id, socket] : sockets_) socket.open = false;
    unsent_.clear();
    pending_.clear();
    auto made = hub::Hub::create(options_, sql_, crypto_, random_, now_, unix_now_);
    require(made.has_value(), "a hub starts on its own database");
    hub_ = std::move(*made);
  }

  void step() {
    switch (input_.below(19)) {
      case 0:
        return make_join_token();
      case 1:
      case 2:
        return register_device(input_.flag());
      case 3:
        return refresh();
      case 4:
      case 5:
        return open();
      case 6:
      case 7:
        return join();
      case 8:
        return forward();
      case 9:
        return close();
      case 10:
        return revoke();
      case 11:
        return advance();
      case 12:
        return raw_request();
      case 13:
        return raw_text();
      case 14:
        return fetched();
      case 15:
        if (input_.below(8) == 0) return start();
        return sent();
      case 16:
        return administer();
      case 17:
        return make_token_by_device();
      case 18:
        return list_and_withdraw();
    }
  }

  Member* some_member() { return members_.empty() ? nullptr : &members_[input_.below(members_.size())]; }
  std::string some_name() { return std::string(1, static_cast<char>('a' + input_.below(4))); }
  std::string some_key() {
    const std::size_t which = input_.below(5);
    return which == 0 ? "" : to_base64(std::array<std::byte, 32>{static_cast<std::byte>(which)});
  }
  std::optional<ConnectionId> some_socket() {
    if (sockets_.empty()) return std::nullopt;
    return std::next(sockets_.begin(), static_cast<std::ptrdiff_t>(input_.below(sockets_.size())))->first;
  }

  void make_join_token() {
    const auto token = hub_->create_join_token(now_, unix_now_,
                                               {.uses = 1 + input_.u8() % 3,
                                                .ttl_s = 60 * (1 + input_.u8()),
                                                .admin = input_.below(4) != 0,
                                                .name = input_.below(3) == 0 ? some_name() : ""});
    if (token) join_tokens_.push_back(token->token);
  }

  /// The reply, now or never: one that comes later is looked at in drain().
  std::optional<json::Value> request(std::string_view method, std::string_view target, std::string_view body,
                                     const std::string& access_token, Member asked = {}) {
    const auto id = static_cast<RequestId>(++last_request_);
    const std::string authorization = access_token.empty() ? "" : "Bearer " + access_token;
    const auto reply = hub_->on_http(now_, unix_now_, id, {method, target, authorization, body, client()});
    if (!reply) {
      pending_[id] = std::move(asked);
      return std::nullopt;
    }
    return read(*reply);
  }

  /// The body of a reply with status 200.
  static std::optional<json::Value> read(const hub::HttpReply& reply) {
    auto value = json::parse(reply.body, {.max_bytes = 1 << 22});
    require(value.has_value(), "a reply is JSON");
    require(reply.status == 200 || value->get_string("error") != nullptr, "an error has a code");
    require(reply.status != 500, "no request makes the database fail");
    if (reply.status != 200) return std::nullopt;
    return std::move(*value);
  }

  IpAddress client() { return IpAddress::v4(192, 0, 2, static_cast<std::uint8_t>(last_request_ % 200)); }

  void register_device(bool by_github) {
    Member asked;
    asked.name = some_name();
    asked.key = some_key();
    bool withdrawn = false;
    json::Object body{{"device_name", asked.name}};
    if (!asked.key.empty()) body.emplace_back("public_key", asked.key);
    if (by_github) {
      body.emplace_back("github_token", "gho_token");
    } else {
      if (join_tokens_.empty()) return;
      const std::string& token = join_tokens_[input_.below(join_tokens_.size())];
      withdrawn = withdrawn_.contains(token);
      body.emplace_back("join_token", token);
    }
    const auto reply = request("POST", "/auth/register", json::write(body), {}, asked);
    require(!reply || !withdrawn, "a token that was withdrawn lets nobody in");
    if (reply) registered(asked, *reply);
  }

  void registered(Member member, const json::Value& reply) {
    const auto text = [&](std::string_view key) {
      const auto* value = reply.get_string(key);
      return value == nullptr ? std::string() : *value;
    };
    member.id = text("device_id");
    member.address = text("address");
    member.access_token = text("access_token");
    member.refresh_token = text("refresh_token");
    require(!member.id.empty() && !member.address.empty(), "a registration gives id and address");
    require(!revoked_.contains(member.id), "a revoked device's id does not come back");
    std::erase_if(members_, [&](const Member& other) { return other.id == member.id; });
    for (const Member& other : members_) {
      if (revoked_.contains(other.id)) continue;
      require(other.address != member.address, "no address belongs to two devices");
      require(other.name != member.name, "no name belongs to two devices");
      require(other.key.empty() || other.key != member.key, "no key belongs to two devices");
    }
    members_.push_back(std::move(member));
  }

  void refresh() {
    Member* member = some_member();
    if (member == nullptr) return;
    const json::Object body{{"device_id", member->id}, {"refresh_token", member->refresh_token}};
    const auto reply = request("POST", "/auth/refresh", json::write(body), {});
    if (!reply) return;
    require(!revoked_.contains(member->id), "a revoked device gets no token");
    member->access_token = *reply->get_string("access_token");
    if (input_.below(4) != 0) member->refresh_token = *reply->get_string("refresh_token");  // or the reply was lost
  }

  void open() {
    const Member* member = some_member();
    if (member == nullptr) return;
    const auto id = static_cast<ConnectionId>(++last_connection_);
    const std::string authorization = "Bearer " + member->access_token;
    const auto refused = hub_->on_open(now_, unix_now_, id, {"GET", "/connect", authorization, {}, client()});
    if (refused) {
      (void)read(*refused);
      return;
    }
    require(!revoked_.contains(member->id), "a revoked device opens no socket");
    sockets_[id] = {member->id, true};
  }

  /// As itself, or now and then in another's name.
  void join() {
    const auto id = some_socket();
    const Member* member = some_member();
    if (!id || member == nullptr) return;
    if (input_.below(8) != 0) {
      for (const Member& other : members_) {
        if (other.id == sockets_[*id].device) member = &other;
      }
    }
    signaling::PeerInfo self;
    self.peer_id = member->name;
    self.public_key = member->key.empty() ? some_key() : member->key;
    self.address = member->address;
    self.routes.resize(input_.below(3), "192.168.0.0/16");
    // So large that a few of them are more than may be on their way to one reader; and another one each time.
    if (self.routes.size() == 2) self.metadata["note"] = std::string(23'000, static_cast<char>('a' + ++notes_ % 26));
    hub_->on_text(now_, unix_now_, *id, signaling::write(signaling::Join{self}));
  }

  void forward() {
    const auto id = some_socket();
    if (!id) return;
    const std::string from = input_.flag() ? some_name() : "";
    const std::string text(input_.text());
    if (input_.flag()) {
      hub_->on_text(now_, unix_now_, *id,
                    signaling::write(signaling::Offer{
                        .from = from, .to = some_name(), .sdp = text, .public_key = some_key(), .extra = {}}));
    } else {
      hub_->on_text(
          now_, unix_now_, *id,
          signaling::write(signaling::IceCandidate{.from = from, .to = some_name(), .candidate = text, .extra = {}}));
    }
  }

  void sent() {
    if (unsent_.empty()) return;
    const auto id = unsent_.extract(unsent_.begin()).value();
    hub_->on_sent(now_, unix_now_, id);
  }

  void close() {
    const auto id = some_socket();
    if (!id) return;
    hub_->on_close(now_, unix_now_, *id);
    sockets_[*id].open = false;
  }

  void revoke() {
    const Member* by = some_member();
    const Member* whom = some_member();
    if (by == nullptr) return;
    const std::string id = whom->id;
    if (!request("DELETE", "/auth/devices/" + id, {}, by->access_token)) return;
    require(!revoked_.contains(by->id), "a revoked device revokes nobody");
    revoked_.insert(id);
    drain();
    for (const auto& [number, socket] : sockets_) {
      require(!socket.open || socket.device != id, "a revoked device's sockets are closed at once");
    }
  }

  /// By a device, or whoever holds the hub.
  std::optional<json::Value> ask_admin(std::string_view method, const std::string& target, const std::string& body) {
    const Member* by = some_member();
    if (by != nullptr && input_.flag()) {
      const auto reply = request(method, target, body, by->access_token);
      require(!reply || !revoked_.contains(by->id), "a revoked device administers nothing");
      return reply;
    }
    return read(hub_->on_local(now_, unix_now_, {method, target, {}, body, {}}));
  }

  void administer() {
    Member* whom = some_member();
    if (whom == nullptr) return;
    const std::string device = "/auth/devices/" + whom->id;
    const std::string name = some_name();
    switch (input_.below(3)) {
      case 0:
        require(!ask_admin("POST", device + "/renew", "") || !revoked_.contains(whom->id), "no revoked one is renewed");
        return;
      case 1:
        if (!ask_admin("POST", device + "/rename", json::write(json::Object{{"device_name", name}}))) return;
        require(!revoked_.contains(whom->id), "no revoked one is renamed");
        for (const Member& other : members_) {
          if (&other == whom || revoked_.contains(other.id)) continue;
          require(other.name != name, "no name belongs to two devices");
        }
        whom->name = name;
        return;
      case 2:
        if (!ask_admin("POST", device + "/forget", "")) return;
        require(revoked_.contains(whom->id), "only a revoked one is forgotten");
        return;
    }
  }

  void make_token_by_device() {
    const Member* by = some_member();
    if (by == nullptr) return;
    const json::Object body{{"uses", std::int64_t{1 + input_.u8() % 3}}, {"role", input_.flag() ? "admin" : "member"}};
    const auto reply = request("POST", "/auth/tokens", json::write(body), by->access_token);
    if (!reply) return;
    require(!revoked_.contains(by->id), "a revoked device makes no join token");
    join_tokens_.push_back(*reply->get_string("join_token"));
    token_ids_[*reply->get_string("token_id")] = join_tokens_.back();
  }

  void list_and_withdraw() {
    const auto reply = ask_admin("GET", "/auth/tokens", "");
    if (!reply) return;
    const std::string shown = json::write(*reply);
    for (const std::string& token : join_tokens_) require(!shown.contains(token), "a list shows no token");
    const auto* tokens = reply->get_array("tokens");
    require(tokens != nullptr, "a list of tokens is one");
    for (const json::Value& token : *tokens) {
      const auto known = token_ids_.find(*token.get_string("token_id"));
      require(known == token_ids_.end() || !withdrawn_.contains(known->second), "what was withdrawn is not listed");
    }
    if (tokens->empty() || input_.flag()) return;
    const std::string id = *(*tokens)[input_.below(tokens->size())].get_string("token_id");
    if (!ask_admin("DELETE", "/auth/tokens/" + id, "")) return;
    if (const auto known = token_ids_.find(id); known != token_ids_.end()) withdrawn_.insert(known->second);
  }

  void advance() {
    const std::size_t unit = input_.below(4);
    constexpr std::array kUnits = {1, 60, 3600, 86400};
    const seconds by{kUnits[unit] * (1 + input_.u8() % 40)};
    now_ += by;
    unix_now_.seconds += by.count();
    if (hub_->next_timeout() <= now_) hub_->on_timer(now_, unix_now_);
    require(hub_->next_timeout() > now_, "no timer stays due");
  }

  void raw_request() {
    constexpr std::array<std::string_view, 4> kMethods = {"GET", "POST", "DELETE", "PUT"};
    constexpr std::array<std::string_view, 6> kTargets = {"/status",       "/auth/register", "/auth/refresh",
                                                          "/auth/devices", "/auth/tokens",   "/connect"};
    const std::string_view method = kMethods[input_.below(kMethods.size())];
    const std::size_t target = input_.below(kTargets.size() + 1);
    const std::string_view raw = input_.text();
    const Member* member = some_member();
    const std::string token = member != nullptr && input_.flag() ? member->access_token : "";
    const auto reply =
        target == kTargets.size() ? request(method, raw, {}, token) : request(method, kTargets[target], raw, token);
    if (!reply || kTargets[std::min(target, kTargets.size() - 1)] != "/auth/devices") return;
    std::set<std::string> addresses;
    const auto* devices = reply->get_array("devices");
    if (devices == nullptr) return;
    for (const json::Value& device : *devices) {
      if (device.get_bool("revoked").value_or(true)) continue;
      require(addresses.insert(*device.get_string("address")).second, "no address belongs to two devices");
    }
  }

  void raw_text() {
    const auto id = some_socket();
    if (!id) return;
    if (input_.below(8) == 0) {
      hub_->on_binary(now_, unix_now_, *id, input_.bytes());
    } else {
      hub_->on_text(now_, unix_now_, *id, input_.text());
    }
  }

  /// GitHub answers what was asked, or somebody else's number.
  void fetched() {
    const auto id = static_cast<RequestId>(last_request_ - input_.below(3));
    const std::size_t what = input_.below(4);
    if (what == 0) return hub_->on_fetched(now_, unix_now_, id, std::unexpected("not reached"));
    if (what == 1) return hub_->on_gone(now_, id);
    const std::string body = what == 2 ? R"({"id":7,"login":"owner"})" : std::string(input_.text());
    hub_->on_fetched(now_, unix_now_, id, hub::FetchReply{input_.flag() ? 401 : 200, body});
  }

  void drain() {
    for (int count = 0; auto effect = hub_->poll_effect();) {
      require(++count < 10'000, "effects come to an end");
      if (const auto* text = std::get_if<hub::SendText>(&*effect)) said(text->connection, text->text);
      if (const auto* broadcast = std::get_if<hub::Broadcast>(&*effect)) {
        for (const ConnectionId id : broadcast->connections) said(id, broadcast->text);
      }
      if (const auto* asked = std::get_if<hub::WhenSent>(&*effect)) {
        require(is_open(asked->connection), "only an open socket is asked about");
        require(unsent_.insert(asked->connection).second, "a socket is asked about once");
      }
      if (const auto* closed = std::get_if<hub::Close>(&*effect)) {
        require(is_open(closed->connection), "only an open socket is closed");
        require(closed->reason.size() <= 123, "a reason fits into a close frame");
        sockets_[closed->connection].open = false;
      }
      if (const auto* reply = std::get_if<hub::Reply>(&*effect)) {
        const auto node = pending_.extract(reply->request);
        require(!node.empty(), "a late reply has a request that waits");
        if (const auto value = read(reply->reply)) registered(node.mapped(), *value);
      }
    }
  }

  bool is_open(ConnectionId id) const {
    const auto found = sockets_.find(id);
    return found != sockets_.end() && found->second.open;
  }

  void said(ConnectionId id, const std::string& text) {
    require(is_open(id), "nothing is sent on a socket that is not open");
    require(!revoked_.contains(sockets_[id].device), "a revoked device gets nothing");
    require(text.size() <= hub::kMaxMessage, "no message is larger than its limit");
    require(signaling::parse(text).has_value(), "the hub sends messages");
  }

  fuzz::Decoder& input_;
  os::NativeCrypto crypto_;
  testing::SeededRandom random_{1};
  os::Sqlite sqlite_ = std::move(*os::Sqlite::open(":memory:"));
  testing::SqliteHubSql sql_{sqlite_};
  hub::HubOptions options_;
  std::unique_ptr<hub::Hub> hub_;
  Instant now_{std::chrono::hours(1)};
  UnixTime unix_now_{1'800'000'000};
  std::uint64_t last_connection_ = 0;
  std::uint64_t last_request_ = 0;
  int notes_ = 0;
  std::vector<std::string> join_tokens_;
  std::map<std::string, std::string> token_ids_;  // of those that devices made, to the token
  std::set<std::string> withdrawn_;
  std::vector<Member> members_;
  std::set<std::string> revoked_;
  std::map<ConnectionId, Socket> sockets_;
  std::set<ConnectionId> unsent_;  // of which the hub wants to hear that all was sent
  std::map<RequestId, Member> pending_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  World(input).run();
  return 0;
}
