// GET /connect: who may join, who hears what.
#include <gmock/gmock.h>

#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HubSignaling : public HubTest {
 protected:
  std::vector<std::string> names_in(const json::Value& list) {
    std::vector<std::string> names;
    for (const json::Value& peer : *list.get_array("peers")) names.push_back(*peer.get_string("peerId"));
    return names;
  }
  /// Sends `member`'s join with one field changed, on a new connection.
  ConnectionId join_with(const Member& member, std::string_view key, json::Value value) {
    const ConnectionId id = open(member.access_token);
    json::Value join(join_of(member));
    join.set(key, std::move(value));
    send(id, json::write(join));
    return id;
  }
};

TEST_F(HubSignaling, ANewcomerHearsOfTheOthersAndTheyOfIt) {
  const Member a = enroll("a");
  const Member b = enroll("b");
  const Member c = enroll("c");
  const ConnectionId socket_a = connect(a);
  auto list = take(socket_a);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_THAT(names_in(list[0]), IsEmpty());
  connect(b);
  take(socket_a);
  const ConnectionId socket_c = connect(c);
  list = take(socket_c);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_THAT(names_in(list[0]), ElementsAre("a", "b"));
  EXPECT_EQ(list[0].find("more"), nullptr);
  list = take(socket_a);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_THAT(names_in(list[0]), ElementsAre("c"));
}

TEST_F(HubSignaling, AnEntryIsWhatTheDeviceSaidWithItsOwnAddresses) {
  const Member a = enroll("a");
  const Member b = enroll("b");
  const ConnectionId socket_a = connect(a);
  take(socket_a);
  const ConnectionId socket_b = open(b.access_token);
  send(socket_b, R"({"type":"join","peerId":"b","publicKey":")" + b.public_key + R"(","address6":")" + b.address6 +
                     R"(","routes":["192.168.1.0/24"],"metadata":{"dns":"[\"192.168.1.1\"]"},"colour":{"x":[1,2.5]}})");
  const auto list = take(socket_a);
  ASSERT_EQ(list.size(), 1U);
  const json::Value& entry = (*list[0].get_array("peers"))[0];
  EXPECT_EQ(*entry.get_string("publicKey"), b.public_key);
  EXPECT_EQ(*entry.get_string("address"), b.address);
  EXPECT_EQ(*entry.get_string("address6"), b.address6);
  EXPECT_EQ(entry.get_array("routes")->size(), 1U);
  EXPECT_EQ(*entry.get_object("metadata"), (json::Object{{"dns", R"(["192.168.1.1"])"}}));
  ASSERT_NE(entry.find("colour"), nullptr);
  EXPECT_EQ(json::write(*entry.find("colour")), R"({"x":[1,2.5]})");
}

TEST_F(HubSignaling, MessagesAreForwardedWithFromOverwrittenAndUnknownFieldsKept) {
  const Member a = enroll("a");
  const Member b = enroll("b");
  const ConnectionId socket_a = connect(a);
  const ConnectionId socket_b = connect(b);
  take(socket_a);
  take(socket_b);
  send(socket_a, R"({"type":"offer","from":"b","to":"b","sdp":"v=0\r\n","publicKey":")" + a.public_key +
                     R"(","new":[{"deep":1.5}],"n":18446744073709551615})");
  send(socket_a, R"({"type":"answer","to":"b","sdp":"v=0\r\n"})");
  send(socket_a, R"({"type":"ice-candidate","from":"zz","to":"b","candidate":"candidate:1","mid":"0"})");
  const auto got = take(socket_b);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(json::write(got[0]), R"({"type":"offer","from":"a","to":"b","sdp":"v=0\r\n","publicKey":")" + a.public_key +
                                     R"(","new":[{"deep":1.5}],"n":18446744073709551615})");
  EXPECT_EQ(*got[1].get_string("from"), "a");
  EXPECT_EQ(json::write(got[2]), R"({"type":"ice-candidate","from":"a","to":"b","candidate":"candidate:1","mid":"0"})");
  EXPECT_THAT(take(socket_a), IsEmpty());
  EXPECT_EQ(hub->counters().forwarded, 3U);
}

TEST_F(HubSignaling, AMessageToNobodyIsDroppedAndCounted) {
  const Member a = enroll("a");
  const ConnectionId socket = connect(a);
  send(socket, R"({"type":"offer","to":"gone","sdp":"v=0"})");
  EXPECT_FALSE(close_code(socket));
  EXPECT_EQ(hub->counters().without_target, 1U);
}

TEST_F(HubSignaling, UnknownTypesAreIgnored) {
  const Member a = enroll("a");
  const ConnectionId socket = open(a.access_token);
  send(socket, R"({"type":"weather","to":"b"})");
  send(socket, json::write(join_of(a)));
  send(socket, R"({"type":"weather","to":"b"})");
  EXPECT_FALSE(close_code(socket));
  EXPECT_EQ(hub->counters().ignored, 2U);
}

TEST_F(HubSignaling, AForeignIdentityIsRefusedWhileTheRightfulPeerStays) {
  const Member a = enroll("a");
  const Member b = enroll("b");
  const ConnectionId rightful = connect(a);
  const ConnectionId witness = connect(enroll("witness"));
  take(rightful);
  take(witness);
  const std::vector<std::pair<std::string, std::string>> lies{
      {"peerId", "a"},          {"publicKey", a.public_key},  {"publicKey", key_of(77)}, {"address", a.address},
      {"address", "0.0.0.0/0"}, {"address", "10.100.0.2/24"}, {"address", "nonsense"},   {"address6", a.address6}};
  for (const auto& [key, value] : lies) {
    const ConnectionId liar = join_with(b, key, value);
    EXPECT_EQ(close_code(liar), CloseCode::kForbidden) << key << " " << value;
  }
  EXPECT_EQ(hub->counters().refused_joins, lies.size());
  EXPECT_FALSE(close_code(rightful));
  EXPECT_THAT(take(rightful), IsEmpty());
  EXPECT_THAT(take(witness), IsEmpty());
  const ConnectionId socket_b = connect(b);
  EXPECT_FALSE(close_code(socket_b));
}

TEST_F(HubSignaling, AnAddressThatIsLeftOutIsNoLie) {
  const Member a = enroll("a");
  EXPECT_FALSE(close_code(join_with(a, "address", "")));
  EXPECT_FALSE(close_code(join_with(a, "address6", nullptr)));
}

TEST_F(HubSignaling, ADeviceWithoutIPv6IsAnnouncedWithoutIt) {
  const ConnectionId witness = connect(enroll("witness"));
  take(witness);
  const Member a = enroll("a");
  const ConnectionId socket = open(a.access_token);
  send(socket, R"({"type":"join","peerId":"a","publicKey":")" + a.public_key + R"("})");
  const auto list = take(witness);
  ASSERT_EQ(list.size(), 1U);
  const json::Value& entry = (*list[0].get_array("peers"))[0];
  EXPECT_EQ(*entry.get_string("address"), a.address);
  EXPECT_EQ(entry.find("address6"), nullptr) << json::write(entry);
}

TEST_F(HubSignaling, AnOfferWithAnothersKeyIsRefused) {
  const Member a = enroll("a");
  const Member b = enroll("b");
  const ConnectionId socket_a = connect(a);
  const ConnectionId socket_b = connect(b);
  take(socket_b);
  send(socket_a, R"({"type":"offer","to":"b","sdp":"v=0","publicKey":")" + b.public_key + "\"}");
  EXPECT_EQ(close_code(socket_a), CloseCode::kForbidden);
  EXPECT_THAT(take_types(socket_b), ElementsAre("peer-left"));
}

TEST_F(HubSignaling, ADeviceWithoutKeyIsBoundToTheKeyOfItsFirstJoin) {
  Member a = enroll("a", "");
  const Member b = enroll("b");
  a.public_key = b.public_key;
  EXPECT_EQ(close_code(connect(a)), CloseCode::kForbidden) << "another device's key";
  a.public_key = key_of(41);
  const ConnectionId socket = connect(a);
  EXPECT_FALSE(close_code(socket));
  hub->on_close(now, unix_now, socket);
  a.public_key = key_of(42);
  EXPECT_EQ(close_code(connect(a)), CloseCode::kForbidden);
  a.public_key = key_of(41);
  EXPECT_FALSE(close_code(connect(a)));
}

TEST_F(HubSignaling, MalformedMessagesCloseWith4400) {
  const Member a = enroll("a");
  const std::string key = a.public_key;
  for (const std::string& text :
       {std::string(), std::string("nonsense"), std::string("[]"), std::string("{}"), std::string(R"({"type":1})"),
        std::string(R"({"type":"join"})"), std::string(R"({"type":"join","peerId":"a","publicKey":"short"})"),
        std::string(R"({"type":"join","peerId":"a"})"),
        R"({"type":"join","peerId":"a","publicKey":")" + key + R"(","routes":"all"})",
        R"({"type":"join","peerId":"a","publicKey":")" + key + R"(","routes":[1]})",
        R"({"type":"join","peerId":"a","publicKey":")" + key + R"(","metadata":{"x":1}})",
        R"({"type":"join","peerId":"a","publicKey":")" + key + R"(","metadata":{"x":")" + std::string(24 * 1024, 'x') +
            R"("}})",
        std::string(R"({"type":"offer","to":"b","sdp":"v=0"})"), std::string(R"({"type":"peer-left","peerId":"b"})"),
        std::string(40, '[') + std::string(40, ']'), std::string("{\"type\":\"join\",\"peerId\":\"\xff\"}")}) {
    const ConnectionId socket = open(a.access_token);
    send(socket, text);
    EXPECT_EQ(close_code(socket), CloseCode::kMalformed) << text.substr(0, 100);
  }
  EXPECT_EQ(request("GET", "/status").number("peers"), 0);
}

TEST_F(HubSignaling, WhatOnlyTheHubSaysIsRefusedFromAPeer) {
  const Member a = enroll("a");
  const Member b = enroll("b");
  const ConnectionId witness = connect(b);
  for (const std::string& text :
       {std::string(R"({"type":"peers","peers":[]})"), std::string(R"({"type":"peer-left","peerId":"b"})"),
        R"({"type":"peer-revoked","peerId":"b","publicKey":")" + b.public_key + "\"}"}) {
    const ConnectionId socket = connect(a);
    take(witness);
    send(socket, text);
    EXPECT_EQ(close_code(socket), CloseCode::kMalformed) << text;
    EXPECT_THAT(take_types(witness), ElementsAre("peer-left"));
  }
}

TEST_F(HubSignaling, BinaryAndOversizedMessagesCloseWith4400) {
  const Member a = enroll("a");
  ConnectionId socket = connect(a);
  hub->on_binary(now, unix_now, socket, as_bytes("x"));
  drain();
  EXPECT_EQ(close_code(socket), CloseCode::kMalformed);
  socket = connect(a);
  send(socket, std::string(kMaxMessage + 1, ' '));
  EXPECT_EQ(close_code(socket), CloseCode::kMalformed);
}

TEST_F(HubSignaling, AMessageThatFromWouldMakeTooLongIsRefused) {
  const Member a = enroll(std::string(63, 'a'));
  const Member b = enroll("b");
  const ConnectionId socket_a = connect(a);
  const ConnectionId socket_b = connect(b);
  take(socket_b);
  const std::string head = R"({"type":"offer","to":"b","sdp":")";
  send(socket_a, head + std::string(kMaxMessage - head.size() - 2, 'x') + "\"}");
  EXPECT_EQ(close_code(socket_a), CloseCode::kMalformed);
  EXPECT_THAT(take_types(socket_b), ElementsAre("peer-left"));
}

TEST_F(HubSignaling, LeavingIsAnnouncedOnce) {
  const Member a = enroll("a");
  const Member b = enroll("b");
  const ConnectionId socket_a = connect(a);
  const ConnectionId socket_b = connect(b);
  take(socket_a);
  hub->on_close(now, unix_now, socket_b);
  hub->on_close(now, unix_now, socket_b);
  drain();
  const auto got = take(socket_a);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(json::write(got[0]), R"({"type":"peer-left","peerId":"b"})");
}

TEST_F(HubSignaling, ANewerConnectionReplacesTheOldOneAndItsCloseAnnouncesNothing) {
  const Member a = enroll("a");
  const Member b = enroll("b");
  const ConnectionId socket_b = connect(b);
  const ConnectionId old_socket = connect(a);
  take(socket_b);
  const ConnectionId new_socket = connect(a);
  EXPECT_EQ(close_code(old_socket), CloseCode::kReplaced);
  EXPECT_THAT(take_types(socket_b), ElementsAre("peers"));
  hub->on_close(now, unix_now, old_socket);
  send(old_socket, R"({"type":"offer","to":"b","sdp":"stale"})");
  drain();
  EXPECT_THAT(take(socket_b), IsEmpty());
  take(new_socket);
  send(socket_b, R"({"type":"offer","to":"a","sdp":"v=0"})");
  EXPECT_THAT(take_types(new_socket), ElementsAre("offer"));
  EXPECT_EQ(request("GET", "/status").number("peers"), 2);
}

TEST_F(HubSignaling, AnOldConnectionStaysUntilTheNewerOneHasJoined) {
  const Member a = enroll("a");
  const ConnectionId old_socket = connect(a);
  const ConnectionId waiting = open(a.access_token);
  EXPECT_FALSE(close_code(old_socket));
  const ConnectionId newest = open(a.access_token);
  EXPECT_EQ(close_code(waiting), CloseCode::kReplaced);
  EXPECT_FALSE(close_code(old_socket));
  send(newest, json::write(join_of(a)));
  EXPECT_EQ(close_code(old_socket), CloseCode::kReplaced);
}

TEST_F(HubSignaling, JoiningAgainOnTheSameConnectionTellsTheOthersAnew) {
  const Member a = enroll("a");
  const Member b = enroll("b");
  const ConnectionId socket_a = connect(a);
  const ConnectionId socket_b = connect(b);
  take(socket_a);
  take(socket_b);
  json::Value join(join_of(b));
  join.set("routes", json::Array{"10.9.0.0/24"});
  send(socket_b, json::write(join));
  EXPECT_FALSE(close_code(socket_b));
  const auto got = take(socket_a);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ((*got[0].get_array("peers"))[0].get_array("routes")->size(), 1U);
  EXPECT_THAT(take_types(socket_b), ElementsAre("peers"));
}

TEST_F(HubSignaling, ARevocationIsToldAtOnceAndToLaterNewcomers) {
  const Member a = enroll("a");
  const Member b = enroll("b");
  const Member lost = enroll("lost");
  const ConnectionId socket_a = connect(a);
  connect(lost);
  take(socket_a);
  request("DELETE", "/auth/devices/" + lost.id, {}, a.access_token);
  const auto got = take(socket_a);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(json::write(got[0]), R"({"type":"peer-revoked","peerId":"lost","publicKey":")" + lost.public_key + "\"}");
  EXPECT_EQ(*got[1].get_string("type"), "peer-left");

  const auto list = take(connect(b));
  ASSERT_EQ(list.size(), 1U);
  const auto* revoked = list[0].get_array("revoked");
  ASSERT_TRUE(revoked != nullptr && revoked->size() == 1);
  EXPECT_EQ(*(*revoked)[0].get_string("peerId"), "lost");
  EXPECT_EQ(*(*revoked)[0].get_string("publicKey"), lost.public_key);
}

TEST_F(HubSignaling, ADeviceThatIsOfflineIsRevokedForAllTheSame) {
  const Member a = enroll("a");
  const Member lost = enroll("lost");
  const ConnectionId socket_a = connect(a);
  take(socket_a);
  request("DELETE", "/auth/devices/" + lost.id, {}, a.access_token);
  EXPECT_THAT(take_types(socket_a), ElementsAre("peer-revoked"));
}

TEST_F(HubSignaling, RevocationsAreForgottenAfterNinetyDaysAndWhenTheKeyIsRegisteredAgain) {
  Member a = enroll("a");
  const Member lost = enroll("lost");
  const Member other = enroll("other");
  request("DELETE", "/auth/devices/" + lost.id, {}, a.access_token);
  request("DELETE", "/auth/devices/" + other.id, {}, a.access_token);
  enroll("back", other.public_key);
  auto list = take(connect(a));
  ASSERT_EQ(list[0].get_array("revoked")->size(), 1U);
  advance(90 * 24h + 1s);
  a.access_token = try_register(join_token(), "a", a.public_key).text("access_token");
  list = take(connect(a));
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].find("revoked"), nullptr);
}

TEST_F(HubSignaling, AConnectionMustJoinWithinTenSeconds) {
  const Member a = enroll("a");
  const ConnectionId socket = open(a.access_token);
  EXPECT_EQ(hub->next_timeout(), now + 10s);
  advance(9s);
  hub->on_timer(now, unix_now);
  drain();
  EXPECT_FALSE(close_code(socket));
  advance(1s);
  hub->on_timer(now, unix_now);
  drain();
  EXPECT_EQ(close_code(socket), CloseCode::kMalformed);
  EXPECT_EQ(hub->next_timeout(), kNever);
}

TEST_F(HubSignaling, TheAccessTokensExpiryClosesNothingButANewConnectionNeedsAFreshOne) {
  const Member a = enroll("a");
  const ConnectionId socket = connect(a);
  EXPECT_EQ(hub->next_timeout(), kNever);
  advance(2h);
  hub->on_timer(now, unix_now);
  send(socket, R"({"type":"offer","to":"b","sdp":"v=0"})");
  EXPECT_FALSE(close_code(socket));
  const auto refused = try_open(static_cast<ConnectionId>(50), a.access_token);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 401);
}

TEST_F(HubSignaling, ATokenThatExpiresBeforeTheJoinCloses) {
  const Member a = enroll("a");
  advance(3595s);
  const ConnectionId socket = open(a.access_token);
  advance(6s);
  send(socket, json::write(join_of(a)));
  EXPECT_EQ(close_code(socket), CloseCode::kUnauthorized);
}

TEST_F(HubSignaling, AnUpgradeElsewhereOrWithoutTokenIsRefused) {
  const Member a = enroll("a");
  EXPECT_EQ(hub->on_open(now, unix_now, ConnectionId{1}, {"GET", "/connect", "", {}, client})->status, 401);
  const std::string bearer = "Bearer " + a.access_token;
  EXPECT_EQ(hub->on_open(now, unix_now, ConnectionId{1}, {"GET", "/turns", bearer, {}, client})->status, 404);
  EXPECT_EQ(hub->on_open(now, unix_now, ConnectionId{1}, {"POST", "/connect", bearer, {}, client})->status, 404);
  EXPECT_FALSE(hub->on_open(now, unix_now, ConnectionId{1}, {"GET", "/connect?v=2", bearer, {}, client}));
}

TEST_F(HubSignaling, AJoinDuringADatabaseFailureClosesWith1011AndRevokesNobody) {
  const Member a = enroll("a");
  const ConnectionId socket = open(a.access_token);
  sql->broken = true;
  send(socket, json::write(join_of(a)));
  EXPECT_EQ(close_code(socket), CloseCode::kInternal);
  sql->broken = false;
  EXPECT_FALSE(close_code(connect(a)));
}

}  // namespace
}  // namespace bamgate::hub
