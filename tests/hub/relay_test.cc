// The hub's relay: who may use it, by WebSocket and by datagrams, and what slow readers and revoked devices get.
#include <array>
#include <functional>

#include "hub/relay.h"
#include "hub_fixture.h"
#include "stun/long_term_client.h"
#include "turn/channel_data.h"
#include "turn/credentials.h"

namespace bamgate::hub {
namespace {

using stun::Attribute;
using stun::Method;

/// One device at the relay: on a WebSocket, or by datagrams from an address of its own.
struct Caller {
  std::optional<ConnectionId> socket;
  turn::FiveTuple path;
  std::string username;
  stun::LongTermClient credentials;
  Endpoint relayed;
};

class HubRelay : public HubTest {
 protected:
  using Fill = std::function<void(stun::Builder&)>;

  std::optional<HttpReply> try_open_turn(ConnectionId id, const Member& member, std::string_view target = "/turn") {
    const std::string authorization = "Bearer " + member.access_token;
    auto refused = hub->on_open(now, unix_now, id, {"GET", target, authorization, {}, client});
    drain();
    return refused;
  }
  ConnectionId open_turn(const Member& member, std::string_view target = "/turn") {
    const auto id = static_cast<ConnectionId>(++last_connection);
    EXPECT_FALSE(try_open_turn(id, member, target));
    return id;
  }

  std::unique_ptr<Caller> caller(const Member& member, std::optional<ConnectionId> socket, int host = 1) {
    const std::string name = turn::hub_username({unix_now.seconds + 86'400}, member.name);
    const SecretText password = turn::hub_password(crypto, member.turn_secret, name);
    const turn::FiveTuple path{
        0, {IpAddress::v4(198, 51, 100, static_cast<std::uint8_t>(host)), 4000}, IpAddress::v4(203, 0, 113, 9)};
    return std::unique_ptr<Caller>(new Caller{socket, path, name, {name, password.view()}, {}});
  }

  /// What the sender itself gets for its message; empty: nothing.
  std::vector<std::byte> send_turn(const Caller& from, std::vector<std::byte> message) {
    if (!from.socket) {
      std::vector<std::byte> out(70'000);
      const auto output = hub->on_datagram(now, unix_now, from.path, message, out);
      if (output)
        datagrams.push_back({output->to.remote, output->to.local, {output->message.begin(), output->message.end()}});
      drain();
      if (datagrams.empty() || datagrams.back().to != from.path.remote) return {};
      EXPECT_EQ(datagrams.back().from, from.path.local) << "from the address that was asked";
      return std::exchange(datagrams.back().data, {});
    }
    hub->on_binary(now, unix_now, *from.socket, message);
    drain();
    auto& got = binaries[*from.socket];
    return got.empty() ? std::vector<std::byte>() : std::exchange(got, {}).back();
  }

  std::vector<std::byte> write(stun::Class message_class, Method method, const Fill& fill) {
    std::vector<std::byte> room(66'000);
    stun::Builder builder(room, message_class, method, stun::make_transaction_id(random));
    fill(builder);
    room.resize(builder.finish().value());
    return room;
  }

  /// 0: success; the code of the error; -1: no answer.
  int ask(Caller& from, Method method, const Fill& fill) {
    stun::LongTermClient::Attempt attempt;
    for (int tries = 0; tries < 6; ++tries) {
      answer_ = send_turn(from, write(stun::Class::kRequest, method, [&](stun::Builder& builder) {
                            fill(builder);
                            from.credentials.sign(builder, crypto, attempt);
                          }));
      const auto message = stun::Message::parse(answer_);
      if (!message) continue;
      const auto verdict = from.credentials.handle_response(*message, crypto, attempt);
      if (verdict == stun::Verdict::kRetry) continue;
      return message->message_class() == stun::Class::kSuccess ? 0 : message->error_code()->code;
    }
    return -1;
  }
  int allocate(Caller& from) {
    const int code = ask(from, Method::kAllocate, [](auto& b) { b.requested_transport(turn::kTransportUdp); });
    if (code == 0) from.relayed = *stun::Message::parse(answer_)->xor_address(Attribute::kXorRelayedAddress);
    return code;
  }
  int bind(Caller& from, const Caller& to, std::uint16_t channel = 0x4000) {
    return ask(from, Method::kChannelBind, [&](stun::Builder& b) {
      b.channel_number(channel).xor_address(Attribute::kXorPeerAddress, to.relayed);
    });
  }
  static std::vector<std::byte> frame(std::string_view data, std::uint16_t channel = 0x4000) {
    const std::string message = std::string{static_cast<char>(channel >> 8), static_cast<char>(channel),
                                            static_cast<char>(data.size() >> 8), static_cast<char>(data.size())} +
                                std::string(data);
    return {as_bytes(message).begin(), as_bytes(message).end()};
  }
  /// Both allocate and bind a channel to each other.
  void join(Caller& a, Caller& b) {
    EXPECT_EQ(allocate(a), 0);
    EXPECT_EQ(allocate(b), 0);
    EXPECT_EQ(bind(a, b), 0);
    EXPECT_EQ(bind(b, a), 0);
    binaries.clear();
    datagrams.clear();
  }

  std::vector<std::byte> answer_;
};

TEST_F(HubRelay, RepliesNameIt) {
  const Answer registered = try_register(join_token(), "a");
  const auto* turn = registered.body.get_array("turn");
  ASSERT_TRUE(turn);
  EXPECT_EQ(*(*turn)[0].as_string(), "turn:hub.example:3478?transport=udp");
  EXPECT_EQ(*(*turn)[1].as_string(), "wss://hub.example:8443/turn");
  EXPECT_EQ(*refresh(registered.text("device_id"), registered.text("refresh_token")).body.get_array("turn"), *turn);
}

TEST_F(HubRelay, CarriesPacketsBetweenEveryPairOfTransports) {
  const Member a = enroll("a");
  const Member b = enroll_member("b");
  for (const bool a_streams : {true, false}) {
    for (const bool b_streams : {true, false}) {
      const auto from = caller(a, a_streams ? std::optional(open_turn(a)) : std::nullopt, 1);
      const auto to = caller(b, b_streams ? std::optional(open_turn(b)) : std::nullopt, 2);
      join(*from, *to);
      send_turn(*from, frame("hello"));
      const std::vector<std::byte> got = b_streams
                                             ? binaries[*to->socket].at(0)
                                             : (datagrams.empty() ? std::vector<std::byte>() : datagrams.at(0).data);
      EXPECT_EQ(got, frame("hello")) << a_streams << b_streams;
      EXPECT_EQ(ask(*from, Method::kRefresh, [](auto& builder) { builder.lifetime(0s); }), 0);
      EXPECT_EQ(ask(*to, Method::kRefresh, [](auto& builder) { builder.lifetime(0s); }), 0);
      binaries.clear();
      datagrams.clear();
    }
  }
}

TEST_F(HubRelay, BatchesAreTakenApartAndMade) {
  const Member a = enroll("a");
  const Member b = enroll_member("b");
  const auto from = caller(a, open_turn(a, "/turn?batch=1"));
  const auto to = caller(b, open_turn(b, "/turn?x=1&batch=1"));
  const auto plain = caller(b, open_turn(b, "/turn?batch=11"));
  join(*from, *to);
  std::vector<std::byte> batch;
  for (const std::string_view text : {"one", "fourth", "12345678"}) {
    const auto framed = frame(text);
    batch.insert(batch.end(), framed.begin(), framed.end());
    batch.resize((batch.size() + 3) / 4 * 4);
  }
  hub->on_binary(now, unix_now, *from->socket, batch);
  drain();
  ASSERT_EQ(binaries[*to->socket].size(), 1U);
  EXPECT_EQ(binaries[*to->socket][0], batch);

  EXPECT_EQ(allocate(*plain), 0);
  EXPECT_EQ(bind(*plain, *from, 0x4007), 0);
  EXPECT_EQ(bind(*from, *plain, 0x4001), 0);
  hub->on_binary(now, unix_now, *from->socket, frame("one", 0x4001));
  hub->on_binary(now, unix_now, *from->socket, frame("two", 0x4001));
  drain();
  EXPECT_EQ(binaries[*plain->socket], (std::vector{frame("one", 0x4007), frame("two", 0x4007)}));
}

TEST_F(HubRelay, UpgradesNeedAToken) {
  const Member a = enroll("a");
  EXPECT_EQ(hub->on_open(now, unix_now, ConnectionId{1}, {"GET", "/turn", "", {}, client})->status, 401);
  EXPECT_EQ(hub->on_open(now, unix_now, ConnectionId{1}, {"GET", "/turn", "Bearer x", {}, client})->status, 401);
  const ConnectionId socket = open_turn(a);
  send(socket, "{}");
  EXPECT_EQ(close_code(socket), CloseCode::kMalformed);
  const ConnectionId other = open_turn(a);
  hub->on_binary(now, unix_now, other, as_bytes("\xffnonsense"));
  drain();
  EXPECT_EQ(close_code(other), CloseCode::kMalformed);
}

TEST_F(HubRelay, StreamSpeaksForItsDeviceAlone) {
  const Member a = enroll("a");
  const Member b = enroll_member("b");
  EXPECT_EQ(allocate(*caller(b, open_turn(a))), 401);
  EXPECT_EQ(allocate(*caller(a, open_turn(a))), 0);
}

TEST_F(HubRelay, CredentialsOfBeforeAndOfNobodyAreRefused) {
  const Member a = enroll("a");
  Member forged = a;
  forged.turn_secret = enroll_member("b").turn_secret;
  EXPECT_EQ(allocate(*caller(forged, {}, 1)), 401);
  Member unknown = a;
  unknown.name = "nobody";
  EXPECT_EQ(allocate(*caller(unknown, {}, 2)), 401);
  const auto late = caller(a, {}, 3);
  advance(25h);
  EXPECT_EQ(allocate(*late), 401) << "the name has expired";
}

TEST_F(HubRelay, RevokedAndRenamedDevicesLoseEverythingAtOnce) {
  const Member a = enroll("a");
  const Member b = enroll_member("b");
  const Member c = enroll_member("c");
  const auto at_a = caller(a, open_turn(a), 1);
  const auto streams = caller(b, open_turn(b), 2);
  const auto datagram = caller(b, {}, 3);
  join(*at_a, *streams);
  EXPECT_EQ(allocate(*datagram), 0);
  EXPECT_EQ(revoke(b, a).status, 200);
  EXPECT_EQ(close_code(*streams->socket), CloseCode::kRevoked);
  send_turn(*at_a, frame("late"));
  EXPECT_TRUE(binaries[*streams->socket].empty());
  EXPECT_EQ(ask(*datagram, Method::kRefresh, [](auto& builder) { builder.lifetime(600s); }), 401);
  EXPECT_EQ(request("GET", "/status", {}, a.access_token).body.get_array("relay")->size(), 1U) << "a alone";

  const auto at_c = caller(c, open_turn(c), 4);
  EXPECT_EQ(allocate(*at_c), 0);
  EXPECT_EQ(request("POST", "/auth/devices/" + c.id + "/rename", R"({"device_name":"d"})", a.access_token).status, 200);
  EXPECT_EQ(close_code(*at_c->socket), CloseCode::kUnauthorized);
}

TEST_F(HubRelay, DeviceHasFewStreamsAndTheOldestMakesRoom) {
  const Member a = enroll("a");
  std::vector<ConnectionId> sockets;
  for (std::size_t i = 0; i <= kMaxRelayStreamsOfDevice; ++i) sockets.push_back(open_turn(a));
  EXPECT_EQ(close_code(sockets[0]), CloseCode::kReplaced);
  EXPECT_FALSE(close_code(sockets[1]));
  hub->on_close(now, unix_now, sockets[1]);
  sockets.push_back(open_turn(a));
  EXPECT_FALSE(close_code(sockets[2]));
}

TEST_F(HubRelay, ReaderThatNeverReadsCostsLittleAndNobodyElse) {
  const Member a = enroll("a");
  const Member b = enroll_member("b");
  const Member c = enroll_member("c");
  const auto from = caller(a, open_turn(a, "/turn?batch=1"), 1);
  const auto still = caller(b, open_turn(b, "/turn?batch=1"), 2);
  const auto other = caller(c, open_turn(c, "/turn?batch=1"), 3);
  join(*from, *still);
  EXPECT_EQ(allocate(*other), 0);
  EXPECT_EQ(bind(*other, *from), 0);
  EXPECT_EQ(bind(*from, *other, 0x4001), 0);
  binaries.clear();
  slow = true;
  for (int i = 0; i < 5000; ++i) {
    hub->on_binary(now, unix_now, *from->socket, frame(std::string(1200, 'x')));
    advance(1ms);
    drain();
  }
  std::size_t sent_bytes = 0;
  for (const auto& message : binaries[*still->socket]) sent_bytes += message.size();
  EXPECT_LE(sent_bytes, RelayStream::kMaxAhead + RelayStream::kMaxBatch);
  hub->on_binary(now, unix_now, *from->socket, frame("alive", 0x4001));
  drain();
  EXPECT_EQ(binaries[*other->socket].size(), 1U);

  // Read again after minutes: what waited is too old to be worth anything.
  advance(2min);
  binaries.clear();
  sent(*still->socket);
  drain();
  EXPECT_TRUE(binaries[*still->socket].empty());
  hub->on_binary(now, unix_now, *from->socket, frame("fresh"));
  drain();
  ASSERT_EQ(binaries[*still->socket].size(), 1U);
  hub->on_close(now, unix_now, *still->socket);
  drain();
  EXPECT_EQ(logged("relay_reader_was_slow"), 1);
}

TEST_F(HubRelay, RequestsArePacedByClientAndPacketsAreNot) {
  const Member a = enroll("a");
  const Member b = enroll_member("b");
  const auto from = caller(a, open_turn(a), 1);
  const auto to = caller(b, open_turn(b), 2);
  join(*from, *to);
  const auto stranger = caller(a, {}, 66);
  for (int i = 0; i < 3000; ++i) send_turn(*stranger, write(stun::Class::kRequest, Method::kAllocate, [](auto&) {}));
  EXPECT_GE(hub->counters().limited, 1900U);
  for (int i = 0; i < 3000; ++i) {
    hub->on_binary(now, unix_now, *from->socket, frame("x"));
    drain();
  }
  EXPECT_EQ(binaries[*to->socket].size(), 3000U);
}

TEST_F(HubRelay, OwnerSeesWhatWasRelayedAndMembersDoNot) {
  const Member a = enroll("a");
  const Member b = enroll_member("b");
  const auto from = caller(a, open_turn(a), 1);
  const auto to = caller(b, {}, 2);
  join(*from, *to);
  send_turn(*from, frame("hello"));
  const auto status = request("GET", "/status", {}, a.access_token);
  const auto* relay = status.body.get_array("relay");
  ASSERT_TRUE(relay);
  ASSERT_EQ(relay->size(), 2U);
  for (const auto& one : *relay) {
    const bool sender = *one.get_string("device_name") == "a";
    EXPECT_EQ(one.get_int("relay_sent_bytes"), sender ? 5 : 0);
    EXPECT_EQ(one.get_int("relay_received_bytes"), sender ? 0 : 5);
  }
  const auto* totals = status.body.find("turn");
  ASSERT_TRUE(totals);
  EXPECT_GT(totals->get_int("turn_requests").value_or(0), 0);
  EXPECT_EQ(totals->get_int("turn_malformed"), 0);
  EXPECT_FALSE(request("GET", "/status", {}, b.access_token).body.find("turn"));
  EXPECT_FALSE(request("GET", "/status", {}, b.access_token).body.find("relay"));
  EXPECT_FALSE(request("GET", "/status").body.find("relay"));
  EXPECT_EQ(request("GET", "/status", {}, "nonsense").status, 200);
}

TEST_F(HubRelay, SignalingGoesFirst) {
  const Member a = enroll("a");
  const Member b = enroll_member("b");
  const auto from = caller(a, open_turn(a), 1);
  const auto to = caller(b, open_turn(b), 2);
  join(*from, *to);
  hub->on_binary(now, unix_now, *from->socket, frame("packet"));
  const ConnectionId signaling{77};
  EXPECT_FALSE(hub->on_open(now, unix_now, signaling, {"GET", "/connect", "Bearer " + a.access_token, {}, client}));
  hub->on_text(now, unix_now, signaling, json::write(join_of(a)));
  bool listed = false;
  while (auto effect = hub->poll_effect()) {
    listed = listed || std::holds_alternative<SendText>(*effect);
    if (std::holds_alternative<SendBinary>(*effect)) {
      EXPECT_TRUE(listed) << "the packet came earlier, and leaves later";
      return;
    }
  }
  FAIL() << "the packet is lost";
}

}  // namespace
}  // namespace bamgate::hub
