// Nobody says anything in another's name: joins with another's name, key or address in every form, while the rightful
// peer stays connected and hears nothing of it.
#include <gmock/gmock.h>

#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HubIdentity : public HubTest {
 protected:
  void SetUp() override {
    HubTest::SetUp();
    rightful = enroll("rightful");
    liar = enroll("liar");
    rightful_socket = connect(rightful);
    witness_socket = connect(enroll("witness"));
    take(rightful_socket);
    take(witness_socket);
  }

  /// Joins as the liar with some fields changed.
  ConnectionId join_with(const json::Object& changes) {
    const ConnectionId id = open(liar.access_token);
    json::Value join(join_of(liar));
    for (const auto& [key, value] : changes) join.set(key, value);
    send(id, json::write(join));
    return id;
  }

  void expect_rightful_peer_undisturbed() {
    EXPECT_FALSE(close_code(rightful_socket));
    EXPECT_THAT(take(rightful_socket), IsEmpty());
    EXPECT_THAT(take(witness_socket), IsEmpty());
    send(witness_socket, R"({"type":"offer","to":"rightful","sdp":"v=0"})");
    EXPECT_THAT(take_types(rightful_socket), ElementsAre("offer")) << "the place is still its own";
  }

  Member rightful;
  Member liar;
  ConnectionId rightful_socket{};
  ConnectionId witness_socket{};
};

TEST_F(HubIdentity, AJoinInAnothersNameClosesWith4403AndTheRightfulPeerStays) {
  const std::vector<json::Object> lies{
      {{"peerId", "rightful"}},
      {{"peerId", "unknown"}},
      {{"publicKey", rightful.public_key}},
      {{"publicKey", key_of(77)}},
      {{"address", rightful.address}},
      {{"address", "10.100.0.99/16"}},
      {{"address", "10.100.0.2/24"}},
      {{"address", "10.100.0.2"}},
      {{"address", "0.0.0.0/0"}},
      {{"address", "::ffff:10.100.0.2/16"}},
      {{"address", "nonsense"}},
      {{"address6", rightful.address6}},
      {{"address6", "fd00::2/64"}},
      {{"address6", "::/0"}},
      {{"address6", liar.address}},
      {{"peerId", "rightful"},
       {"publicKey", rightful.public_key},
       {"address", rightful.address},
       {"address6", rightful.address6}},
  };
  for (const json::Object& lie : lies) {
    const ConnectionId socket = join_with(lie);
    EXPECT_EQ(close_code(socket), CloseCode::kForbidden) << json::write(lie);
    expect_rightful_peer_undisturbed();
  }
  EXPECT_EQ(hub->counters().refused_joins, lies.size());
  EXPECT_EQ(logged("join_refused"), static_cast<std::ptrdiff_t>(lies.size()));
  EXPECT_FALSE(close_code(join_with({}))) << "the truth is let in";
}

TEST_F(HubIdentity, APeerThatHasJoinedMayNotBecomeAnotherByJoiningAgain) {
  const ConnectionId socket = join_with({});
  take(rightful_socket);
  take(witness_socket);
  json::Value join(join_of(rightful));
  send(socket, json::write(join));
  EXPECT_EQ(close_code(socket), CloseCode::kForbidden);
  EXPECT_THAT(take_types(rightful_socket), ElementsAre("peer-left"));
  EXPECT_THAT(take_types(witness_socket), ElementsAre("peer-left"));
  expect_rightful_peer_undisturbed();
}

TEST_F(HubIdentity, FromIsAlwaysTheSendersOwnName) {
  const ConnectionId socket = join_with({});
  for (const char* type : {"offer", "answer", "ice-candidate"}) {
    take(witness_socket);
    json::Value message(json::Object{
        {"type", type}, {"from", "rightful"}, {"to", "witness"}, {"sdp", "v=0"}, {"candidate", "candidate:1"}});
    send(socket, json::write(message));
    const auto got = take(witness_socket);
    ASSERT_EQ(got.size(), 1U) << type;
    EXPECT_EQ(*got[0].get_string("from"), "liar");
  }
}

TEST_F(HubIdentity, AnothersKeyInAnOfferOrAnswerClosesWith4403) {
  for (const char* type : {"offer", "answer"}) {
    const ConnectionId socket = join_with({});
    take(witness_socket);
    send(socket, json::write(json::Object{
                     {"type", type}, {"to", "witness"}, {"sdp", "v=0"}, {"publicKey", rightful.public_key}}));
    EXPECT_EQ(close_code(socket), CloseCode::kForbidden);
    EXPECT_THAT(take_types(witness_socket), ElementsAre("peer-left"));
  }
}

TEST_F(HubIdentity, TheTokenOfOneDeviceDoesNotOpenAConnectionOfAnother) {
  const ConnectionId socket = open(liar.access_token);
  send(socket, json::write(join_of(rightful)));
  EXPECT_EQ(close_code(socket), CloseCode::kForbidden);
  expect_rightful_peer_undisturbed();
}

TEST_F(HubIdentity, ManyLiesInARowNeverDisturbTheRightfulPeer) {
  for (int i = 0; i < 500; ++i) {
    advance(std::chrono::milliseconds(100));
    EXPECT_EQ(close_code(join_with({{"peerId", "rightful"}})), CloseCode::kForbidden);
  }
  expect_rightful_peer_undisturbed();
}

TEST_F(HubIdentity, TheLogTellsOfEverythingWithoutSecretsKeysAndAddresses) {
  const std::string token = join_token(2);
  Member late;
  late.name = "late";
  late.public_key = key_of(5);
  const Answer first = try_register(token, "late", late.public_key);
  const Answer again = try_register(token, "late", late.public_key);
  const Answer refreshed = refresh(again.text("device_id"), again.text("refresh_token"));
  refresh(again.text("device_id"), first.text("refresh_token"));
  try_register("00112233445566778899aabbccddeeff", "nobody", key_of(6));
  request("POST", "/auth/tokens", "{}", rightful.access_token);
  join_with({{"peerId", "rightful"}});
  join_with({{"publicKey", rightful.public_key}});
  send(open(liar.access_token), "nonsense");
  const Member keyless = enroll("keyless", "");
  const ConnectionId bound = open(keyless.access_token);
  send(bound, json::write(json::Object{{"type", "join"}, {"peerId", "keyless"}, {"publicKey", key_of(7)}}));
  hub->on_close(now, unix_now, bound);
  const ConnectionId flooding = connect(liar);
  for (int i = 0; i < 2100; ++i) send(flooding, R"({"type":"offer","to":"x","sdp":"v=0"})");
  request("DELETE", "/auth/devices/" + rightful.id, {}, liar.access_token);

  for (const char* event : {"device_registered", "device_registered_again", "refresh_refused", "registration_refused",
                            "join_token_made", "join_refused", "message_refused", "key_bound", "peer_joined",
                            "peer_left", "connection_flooding", "device_revoked", "connection_revoked"}) {
    EXPECT_GE(logged(event), 1) << event;
  }
  std::vector<std::string> secrets{token,
                                   rightful.public_key,
                                   liar.public_key,
                                   key_of(5),
                                   key_of(7),
                                   rightful.address,
                                   rightful.address6,
                                   "10.100.",
                                   client.to_string(),
                                   rightful.id,
                                   refreshed.text("access_token")};
  for (const Answer* answer : {&first, &again, &refreshed}) {
    secrets.push_back(answer->text("refresh_token"));
    secrets.push_back(answer->text("access_token"));
    if (!answer->text("turn_secret").empty()) secrets.push_back(answer->text("turn_secret"));
  }
  for (const Log& log : logs) {
    const std::string line = std::string(log.event) + json::write(log.fields);
    for (const std::string& secret : secrets) EXPECT_EQ(line.find(secret), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace bamgate::hub
