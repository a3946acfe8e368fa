// TURN servers of one's own, by UDP and in streams, against our relay as if it were one with an account.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "agent/relays.h"
#include "os/native_crypto.h"
#include "support/seeded_random.h"
#include "turn/server.h"

namespace bamgate::agent::own_relays_test {
namespace {

using namespace std::chrono_literals;

constexpr UnixTime kUnix{1'800'000'000};
constexpr Endpoint kServer{IpAddress::v4(203, 0, 113, 20), 3478};
constexpr Endpoint kOther{IpAddress::v4(203, 0, 113, 21), 3478};

class Account final : public turn::Accounts {
 public:
  std::optional<turn::Accounts::Account> find_account(UnixTime, std::string_view username) override {
    ++asked;
    if (username != "me") return std::nullopt;
    return turn::Accounts::Account{.owner = "me", .password = SecretText("secret")};
  }
  int asked = 0;
};

OwnRelay relay(std::string_view uri, std::string_view password = "secret") {
  return {.uri = stun::Uri::parse(uri).value(), .credentials = {.username = "me", .password = SecretText(password)}};
}

class OwnRelays : public ::testing::Test {
 protected:
  OwnRelays() { relays.set_sockets(now, {{SocketId{1}, Family::kV4}}); }

  /// Carries messages until nobody says anything. Servers that are `silent` get none; lines open at once, unless they
  /// are refused.
  void carry() {
    for (bool busy = true; busy;) {
      busy = false;
      std::array<std::byte, 2048> buffer{};
      while (const auto sent = relays.poll_transmit(now, buffer)) {
        busy = true;
        deliver(sent->path, MutableBytes(buffer).first(sent->size));
      }
      while (auto effect = relays.poll_effect()) {
        busy = true;
        take(*effect);
      }
      while (const auto event = relays.poll_event()) {
        if (const auto* one = std::get_if<RelayFound>(&*event)) found.push_back(*one);
        if (std::holds_alternative<RelayGone>(*event)) ++gone;
      }
    }
  }
  void take(const Effect& effect) {
    if (const auto* notice = std::get_if<Notice>(&effect)) notices.push_back(notice->text);
    if (std::holds_alternative<ResolveServers>(effect)) ++resolve;
    if (const auto* leave = std::get_if<DisconnectRelay>(&effect)) left.push_back(leave->line);
    const auto* connect = std::get_if<ConnectRelay>(&effect);
    if (connect == nullptr) return;
    connects.push_back(*connect);
    if (refuses) return relays.on_closed(now, connect->line, "connection refused");
    relays.on_open(now, connect->line, kServer);
  }
  void deliver(const Path& path, MutableBytes message) {
    if (path.remote == silent) return;
    // Each line is a stream of its own; by UDP the server tells clients apart by their address.
    const bool line = agent::Relays::is_line(path);
    const turn::FiveTuple from{line ? std::to_underlying(path.relay) : 0U, kClient, {}};
    const auto output = server->handle(now, kUnix, {from, {}, message}, room);
    if (!output) return;
    std::vector<std::byte> copy(output->message.begin(), output->message.end());
    EXPECT_TRUE(line || relays.is_from_relay(path, copy));
    (void)relays.receive(now, path, copy);
  }
  void pass(Duration time) {
    const Instant end = now + time;
    while (relays.next_timeout() <= end) {
      now = std::max(now, relays.next_timeout());
      relays.handle_timeout(now);
      carry();
    }
    now = end;
  }
  void start_server() { server = std::make_unique<turn::Server>(turn::Server::Options{}, account, crypto, random); }

  static constexpr Endpoint kClient{IpAddress::v4(198, 51, 100, 1), 4000};
  Instant now = Instant(1h);
  bamgate::testing::SeededRandom random{5};
  os::NativeCrypto crypto;
  BufferPool pool;
  Account account;
  std::unique_ptr<turn::Server> server =
      std::make_unique<turn::Server>(turn::Server::Options{}, account, crypto, random);
  std::vector<std::byte> room = std::vector<std::byte>(4096);
  agent::Relays relays{"anna", SecretText(), {.unix = kUnix, .at = Instant(1h)}, random, crypto, pool};
  Endpoint silent{};
  bool refuses = false;
  std::vector<RelayFound> found;
  std::vector<ConnectRelay> connects;
  std::vector<RelayId> left;
  std::vector<std::string> notices;
  int gone = 0;
  int resolve = 0;
};

TEST_F(OwnRelays, ServeByUdpAndInStreamsWithoutTheHubs) {
  relays.set_own(
      now, {relay("turn:203.0.113.20"), relay("turn:turn.example?transport=tcp"), relay("turns:turn.example:443")});
  carry();
  ASSERT_EQ(found.size(), 3U);
  ASSERT_EQ(connects.size(), 2U);
  const auto& tls = std::get<StreamRelay>(connects[1].way);
  EXPECT_TRUE(tls.tls);
  EXPECT_EQ(tls.host, "turn.example");
  EXPECT_EQ(tls.port, 443);
  std::vector<std::string> uses;
  for (const RelayFound& one : found) {
    const auto use = relays.use_of({one.socket, kOther, one.relay});
    ASSERT_TRUE(use);
    uses.push_back(use->server + " " + std::string(use->transport));
  }
  EXPECT_EQ(uses, (std::vector<std::string>{"turn:203.0.113.20:3478 udp", "turn:turn.example:3478?transport=tcp tcp",
                                            "turns:turn.example:443 tls"}));
  EXPECT_TRUE(notices.empty());
}

TEST_F(OwnRelays, AWrongCredentialIsToldOnceAndNotTriedUntilThereIsAnother) {
  relays.set_own(now, {relay("turn:203.0.113.20", "wrong"), relay("turns:turn.example", "wrong")});
  carry();
  ASSERT_EQ(notices.size(), 2U);
  EXPECT_EQ(notices[0],
            "TURN server turn:203.0.113.20:3478 is not used: it refuses the username or the credential (401); mend "
            "[turn] in config.toml and secrets.toml, then reload");
  EXPECT_EQ(left, std::vector{connects[0].line}) << "a stream that serves nothing is not kept open";
  const int asked = account.asked;
  pass(24h);
  relays.look_again(now);
  carry();
  EXPECT_EQ(account.asked, asked);
  EXPECT_EQ(notices.size(), 2U);
  EXPECT_EQ(connects.size(), 1U);

  relays.set_own(now, {relay("turn:203.0.113.20"), relay("turns:turn.example")});
  carry();
  EXPECT_EQ(found.size(), 2U);
  EXPECT_EQ(notices.size(), 2U);
}

TEST_F(OwnRelays, AServerThatIsTakenOutGivesItsAllocationBackAndItsLine) {
  relays.set_own(now, {relay("turn:203.0.113.20"), relay("turns:turn.example")});
  carry();
  EXPECT_EQ(server->allocations().size(), 2U);
  relays.set_own(now, {});
  carry();
  EXPECT_EQ(server->allocations().size(), 0U);
  EXPECT_EQ(gone, 2);
  EXPECT_EQ(left, std::vector{connects[0].line});
  EXPECT_FALSE(relays.has(found[0].socket));
  relays.set_own(now, {relay("turn:203.0.113.20")});
  carry();
  EXPECT_EQ(server->allocations().size(), 1U) << "and may come back";
}

TEST_F(OwnRelays, AServerThatCannotBeReachedIsToldOnceAndTriedEverMoreSlowly) {
  refuses = true;
  relays.set_own(now, {relay("turns:turn.example")});
  carry();
  EXPECT_EQ(notices,
            std::vector<std::string>{"TURN server turns:turn.example:5349: connection refused; it is tried again"});
  pass(1h);
  EXPECT_LT(connects.size(), 30U);
  EXPECT_EQ(notices.size(), 1U);
  const std::size_t tried = connects.size();
  refuses = false;
  relays.look_again(now);  // the network is another one
  carry();
  EXPECT_EQ(connects.size(), tried + 1);
  EXPECT_EQ(found.size(), 1U);
  EXPECT_EQ(notices.back(), "TURN server turns:turn.example:5349 is used again");
}

TEST_F(OwnRelays, ASilentServerMakesRoomForWhereItsNameLeadsNow) {
  const OwnRelay own = relay("turn:turn.example");
  const auto kOwn = agent::Relays::Whose::kOwn;
  silent = kOther;
  relays.set_own(now, {own});
  carry();
  EXPECT_TRUE(found.empty()) << "a name waits for its addresses";
  relays.resolved(now, kOwn, own.uri, {kOther});
  pass(1min);
  EXPECT_TRUE(found.empty());
  EXPECT_GE(resolve, 1) << "the host is asked to look the name up again";
  relays.resolved(now, kOwn, own.uri, {kServer});
  carry();
  ASSERT_EQ(found.size(), 1U);
  relays.resolved(now, kOwn, own.uri, {kOther});
  pass(10min);
  EXPECT_EQ(gone, 0) << "one that serves is kept";
  EXPECT_EQ(found.size(), 1U);
  relays.resolved(now, kOwn, relay("turn:stranger.example").uri, {kServer});
  carry();
  EXPECT_EQ(found.size(), 1U) << "a name that is not configured any more";
}

TEST_F(OwnRelays, OneThatWasStartedAgainIsNoticedByItsSilence) {
  relays.set_own(now, {relay("turn:203.0.113.20")});
  carry();
  ASSERT_EQ(found.size(), 1U);
  const Endpoint peer{IpAddress::v4(10, 255, 0, 99), 50000};
  const auto send = [&] {
    std::array<std::byte, 2048> buffer{};
    const Path path{found[0].socket, peer, found[0].relay};
    const auto sealed = relays.seal(now, {.path = path, .size = 10}, buffer);
    if (sealed) deliver(sealed->path, MutableBytes(buffer).first(sealed->size));
    carry();
  };
  send();
  start_server();
  for (int i = 0; i < 30 && gone == 0; ++i) {
    pass(100ms);
    send();
  }
  EXPECT_EQ(gone, 1) << "within three seconds";
  ASSERT_EQ(found.size(), 2U) << "and costs one new allocation";
  pass(1min);
  EXPECT_EQ(server->allocations().size(), 1U);
  EXPECT_TRUE(notices.empty());
}

TEST_F(OwnRelays, APortThatIsForgottenLeavesThePermissionToTheOthersOfItsAddress) {
  relays.set_own(now, {relay("turn:203.0.113.20")});
  carry();
  const auto send = [&](std::uint16_t port) {
    std::array<std::byte, 2048> buffer{};
    const Path path{found[0].socket, {IpAddress::v4(10, 255, 0, 99), port}, found[0].relay};
    const auto sealed = relays.seal(now, {.path = path, .size = 10}, buffer);
    carry();
    return sealed.has_value();
  };
  EXPECT_FALSE(send(1000)) << "the first waits for the permission";
  EXPECT_TRUE(send(50000));
  for (int minute = 0; minute < 30; ++minute) {
    pass(1min);
    EXPECT_TRUE(send(50000)) << minute;
  }
}

}  // namespace
}  // namespace bamgate::agent::own_relays_test
