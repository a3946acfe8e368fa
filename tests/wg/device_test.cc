// Many peers on one transport: who a message belongs to, endpoints that move, indices, timers.
#include "wg/device.h"

#include <gtest/gtest.h>

#include <set>

#include "wg/net.h"

namespace bamgate::wg {
namespace {

using namespace wg::testing;

static_assert(SansIo<Device>);

/// A device in the middle that knows no address of its peers, and peers that know its.
struct Star {
  explicit Star(int count) {
    for (int i = 0; i < count; ++i) {
      Net::Node& spoke = net.add("192.0.2." + std::to_string(i + 10) + ":51820");
      spokes.push_back(&spoke);
      in_hub.push_back(net.introduce(hub, spoke, true));
      in_spoke.push_back(net.introduce(spoke, hub));
    }
  }
  void connect() {
    for (std::size_t i = 0; i < spokes.size(); ++i) spokes[i]->device.initiate(net.now, in_spoke[i]);
    net.run(seconds(1));
  }

  Net net;
  Net::Node& hub = net.add("192.0.2.1:51820");
  std::vector<Net::Node*> spokes;
  std::vector<PeerId> in_hub;
  std::vector<PeerId> in_spoke;
};

TEST(WgDevice, EachOfManyPeersHasItsOwnSession) {
  Star star(20);
  star.connect();
  for (std::size_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(star.net.send(star.hub, star.in_hub[i], ipv4_packet(60, static_cast<std::uint8_t>(i))));
    ASSERT_TRUE(star.net.send(*star.spokes[i], star.in_spoke[i], ipv4_packet(60, static_cast<std::uint8_t>(100 + i))));
  }
  star.net.run(seconds(1));
  for (std::size_t i = 0; i < 20; ++i) {
    const std::vector<Message> one{ipv4_packet(60, static_cast<std::uint8_t>(i))};
    EXPECT_EQ(star.spokes[i]->received[star.in_spoke[i]], one);
    const std::vector<Message> other{ipv4_packet(60, static_cast<std::uint8_t>(100 + i))};
    EXPECT_EQ(star.hub.received[star.in_hub[i]], other);
  }
  EXPECT_EQ(star.hub.device.drops(), 0U);
  EXPECT_EQ(star.hub.device.indices().size(), 20U);
  EXPECT_EQ(star.hub.events.size(), 20U);
}

TEST(WgDevice, SealingWithoutASessionStartsAHandshakeAndWithoutAnEndpointNothing) {
  Star star(1);
  EXPECT_FALSE(star.net.send(star.hub, star.in_hub[0], ipv4_packet(40)));
  EXPECT_EQ(star.hub.device.drops(Error::kNoEndpoint), 1U);
  EXPECT_FALSE(star.net.send(*star.spokes[0], star.in_spoke[0], ipv4_packet(40)));
  star.net.run(seconds(1));
  EXPECT_TRUE(star.net.send(*star.spokes[0], star.in_spoke[0], ipv4_packet(40)));
  EXPECT_TRUE(star.net.send(star.hub, star.in_hub[0], ipv4_packet(40)));
  EXPECT_FALSE(star.net.send(star.hub, PeerId{77}, ipv4_packet(40)));
  EXPECT_EQ(star.hub.device.drops(Error::kUnknownPeer), 1U);
}

TEST(WgDevice, EndpointThatIsSetLaterLetsAWaitingHandshakeGo) {
  Star star(1);
  star.hub.device.initiate(star.net.now, star.in_hub[0]);
  star.net.run(seconds(60));
  EXPECT_TRUE(star.net.sent(star.hub.address, MessageType::kInitiation).empty());
  star.hub.device.set_endpoint(star.in_hub[0], path_to(star.spokes[0]->address));
  star.net.run(seconds(1));
  EXPECT_TRUE(star.net.send(star.hub, star.in_hub[0], ipv4_packet(40)));
}

TEST(WgDevice, StrangerIsMetWithSilence) {
  Star star(1);
  Net::Node& stranger = star.net.add("198.51.100.9:1000");
  const PeerId hub = star.net.introduce(stranger, star.hub);
  stranger.device.initiate(star.net.now, hub);
  star.net.run(seconds(60));
  EXPECT_GE(star.hub.device.drops(Error::kUnknownPeer), 10U);
  for (const MessageType type : {MessageType::kInitiation, MessageType::kResponse, MessageType::kCookieReply}) {
    EXPECT_TRUE(star.net.sent(star.hub.address, type).empty());
  }
  EXPECT_EQ(star.hub.device.indices().size(), 0U);
}

TEST(WgDevice, ClaimOfAnotherPeersKeyIsNotEnough) {
  Star star(1);
  // Whoever knows both public keys can make an initiation up to the timestamp, which needs the private key.
  bamgate::testing::SeededRandom random(3);
  auto liar = Identity::create(PrivateKey::generate(random), star.hub.key.public_key(), {}).value();
  liar.local_public = star.spokes[0]->key.public_key();
  const auto forged = create_initiation(liar, ReceiverIndex{5}, Tai64n::from_unix(1'900'000'000, 0), random);
  Message message(kInitiationSize);
  forged->message.write(std::span<std::byte, kInitiationSize>(message.data(), kInitiationSize));
  Macs(liar.local_public, star.hub.key.public_key()).write(star.net.now, ReceiverIndex{5}, message);
  star.net.inject(endpoint("203.0.113.66:6"), star.hub, message);
  star.net.run(seconds(1));
  EXPECT_EQ(star.hub.device.drops(Error::kBadTag), 1U);
  EXPECT_FALSE(star.hub.device.endpoint(star.in_hub[0]));
  star.connect();
  EXPECT_TRUE(star.net.send(star.hub, star.in_hub[0], ipv4_packet(40))) << "its timestamp was not believed";
}

TEST(WgDevice, EndpointFollowsTheMessagesOfThePeerAndOnlyThose) {
  Star star(1);
  star.connect();
  Net::Node& spoke = *star.spokes[0];
  const PeerId peer = star.in_hub[0];
  EXPECT_EQ(star.hub.device.endpoint(peer)->remote, spoke.address);

  spoke.address = endpoint("203.0.113.5:4000");
  ASSERT_TRUE(star.net.send(spoke, star.in_spoke[0], ipv4_packet(40)));
  star.net.run(milliseconds(100));
  EXPECT_EQ(star.hub.device.endpoint(peer)->remote, spoke.address);
  ASSERT_TRUE(star.net.send(star.hub, peer, ipv4_packet(50)));
  star.net.run(milliseconds(100));
  EXPECT_EQ(spoke.received[star.in_spoke[0]].size(), 1U) << "the answer goes to the new address";

  const Endpoint attacker = endpoint("198.51.100.1:1");
  const Message data = star.net.sent(spoke.address, MessageType::kData).back().message;
  star.net.inject(attacker, star.hub, data);  // replayed
  Message forged = data;
  forged[8] ^= std::byte{1};
  star.net.inject(attacker, star.hub, forged);
  star.net.inject(attacker, star.hub, Message(kCookieReplySize, std::byte{3}));
  const auto initiations = star.net.sent(endpoint("192.0.2.10:51820"), MessageType::kInitiation);
  ASSERT_EQ(initiations.size(), 1U);
  star.net.inject(attacker, star.hub, initiations[0].message);  // replayed
  star.net.run(milliseconds(100));
  EXPECT_EQ(star.hub.device.endpoint(peer)->remote, spoke.address);
  EXPECT_EQ(star.hub.device.drops(), 4U);
}

TEST(WgDevice, EndpointFollowsAHandshakeOfEitherSide) {
  Star star(1);
  star.connect();
  Net::Node& spoke = *star.spokes[0];
  star.net.lose = [](const Net::Datagram& datagram) {
    return message_type(datagram.message) == MessageType::kResponse;
  };
  spoke.address = endpoint("203.0.113.5:4000");
  spoke.device.initiate(star.net.now, star.in_spoke[0]);
  star.net.run(milliseconds(15));
  EXPECT_EQ(star.hub.device.endpoint(star.in_hub[0])->remote, spoke.address) << "after the initiation alone";

  star.hub.device.initiate(star.net.now, star.in_hub[0]);
  star.net.run(milliseconds(15));
  const auto responses = star.net.sent(spoke.address, MessageType::kResponse);
  ASSERT_EQ(responses.size(), 1U);
  star.net.inject(endpoint("203.0.113.6:4000"), star.hub, responses[0].message);
  star.net.run(milliseconds(15));
  EXPECT_EQ(star.hub.device.endpoint(star.in_hub[0])->remote, endpoint("203.0.113.6:4000"));
}

TEST(WgDevice, CookieReplyDoesNotMoveTheEndpoint) {
  Star star(1);
  star.hub.device.set_under_load(true);
  Net::Node& spoke = *star.spokes[0];
  spoke.device.initiate(star.net.now, star.in_spoke[0]);
  star.net.run(milliseconds(15));
  const auto replies = star.net.sent(star.hub.address, MessageType::kCookieReply);
  ASSERT_EQ(replies.size(), 1U);
  Message reply = replies[0].message;
  EXPECT_TRUE(
      spoke.device.handle_input(star.net.now, Received{.path = path_to(endpoint("198.51.100.1:1")), .data = reply}));
  EXPECT_EQ(spoke.device.endpoint(star.in_spoke[0])->remote, star.hub.address);
}

TEST(WgDevice, IndicesAreGivenBackWhenKeysAreForgotten) {
  Star star(5);
  star.connect();
  EXPECT_EQ(star.hub.device.indices().size(), 5U);
  star.net.run(seconds(541));
  EXPECT_EQ(star.hub.device.indices().size(), 0U);
  EXPECT_EQ(star.spokes[0]->device.indices().size(), 0U);
  EXPECT_EQ(star.hub.device.next_timeout(), kNever);
}

TEST(WgDevice, NoPeerEverHoldsMoreThanFourIndices) {
  Star star(3);
  star.connect();
  for (int i = 0; i < 300; ++i) {
    star.net.send(*star.spokes[0], star.in_spoke[0], ipv4_packet(40));
    star.net.send(star.hub, star.in_hub[1], ipv4_packet(40));
    if (i % 7 == 0) star.hub.device.initiate(star.net.now, star.in_hub[2]);
    star.net.run(seconds(3));
    ASSERT_LE(star.hub.device.indices().size(), 12U);
  }
  EXPECT_GE(star.hub.device.tunnel(star.in_hub[0])->handshakes(), 7U);
}

TEST(WgDevice, RemovedPeerIsForgottenAndItsMessagesReachNobody) {
  Star star(2);
  star.connect();
  ASSERT_TRUE(star.hub.device.remove_peer(star.in_hub[0]));
  EXPECT_FALSE(star.hub.device.remove_peer(star.in_hub[0]));
  EXPECT_EQ(star.hub.device.peers(), 1U);
  EXPECT_EQ(star.hub.device.indices().size(), 1U);
  EXPECT_EQ(star.hub.device.tunnel(star.in_hub[0]), nullptr);
  ASSERT_TRUE(star.net.send(*star.spokes[0], star.in_spoke[0], ipv4_packet(40)));
  ASSERT_TRUE(star.net.send(*star.spokes[1], star.in_spoke[1], ipv4_packet(40)));
  star.net.run(seconds(60));
  EXPECT_TRUE(star.hub.received[star.in_hub[0]].empty());
  EXPECT_EQ(star.hub.received[star.in_hub[1]].size(), 1U);
  EXPECT_GE(star.hub.device.drops(Error::kUnknownPeer), 1U) << "its new initiations";
  const PeerId again = star.net.introduce(star.hub, *star.spokes[0], true);
  EXPECT_NE(again, star.in_hub[0]);
}

TEST(WgDevice, PeersAreRefusedTwiceAndAsOurselves) {
  Star star(1);
  EXPECT_EQ(star.hub.device.add_peer({.remote = star.spokes[0]->key.public_key()}).error(), Error::kPeerExists);
  EXPECT_EQ(star.hub.device.add_peer({.remote = star.hub.key.public_key()}).error(), Error::kBadKey);
  EXPECT_EQ(star.hub.device.add_peer({.remote = PublicKey{}}).error(), Error::kBadKey);
  EXPECT_EQ(star.hub.device.peers(), 1U);
}

TEST(WgDevice, BatchOfSeveralPeersInitiationsIsTakenApart) {
  Star star(3);
  Message batch;
  for (std::size_t i = 0; i < 3; ++i) {
    std::array<std::byte, kInitiationSize> one{};
    star.spokes[i]->device.initiate(star.net.now, star.in_spoke[i]);
    ASSERT_TRUE(star.spokes[i]->device.poll_transmit(star.net.now, one));
    batch.insert(batch.end(), one.begin(), one.end());
  }
  EXPECT_TRUE(star.hub.device.handle_input(
      star.net.now, Received{.path = path_to(endpoint("192.0.2.200:7")), .data = batch, .stride = kInitiationSize}));
  EXPECT_EQ(star.hub.device.indices().size(), 3U);
}

TEST(WgDevice, MessagesOfWrongSizeOrUnknownIndexAreCountedAndAnsweredWithSilence) {
  Star star(1);
  star.connect();
  star.net.forget_sent();
  bamgate::testing::SeededRandom random(4);
  std::uint64_t tried = 0;
  for (std::size_t size = 0; size < 200; ++size) {
    for (unsigned type = 0; type < 6; ++type) {
      Message message(size);
      random.fill(message);
      if (size >= 4) std::ranges::fill(std::span(message).first(4), std::byte{0});
      if (size >= 1) message[0] = static_cast<std::byte>(type);
      star.net.inject(endpoint("198.51.100.1:1"), star.hub, message);
      ++tried;
    }
  }
  star.net.run(milliseconds(20));
  EXPECT_EQ(star.hub.device.drops(), tried);
  for (const MessageType type : {MessageType::kResponse, MessageType::kCookieReply, MessageType::kData}) {
    EXPECT_TRUE(star.net.sent(star.hub.address, type).empty());
  }
}

TEST(WgDevice, EventsThatNobodyTakesAreBounded) {
  Star star(1);
  star.connect();
  star.net.run(seconds(1));
  for (std::size_t i = 0; i < Device::kMaxEvents + 10; ++i) {
    star.net.now += milliseconds(20);
    std::array<std::byte, kInitiationSize> wire{};
    star.hub.device.initiate(star.net.now, star.in_hub[0]);
    ASSERT_TRUE(star.hub.device.poll_transmit(star.net.now, wire));
    const Path path = path_to(star.spokes[0]->address);
    ASSERT_TRUE(star.spokes[0]->device.handle_input(star.net.now, Received{.path = path, .data = wire}));
    const auto response = star.spokes[0]->device.poll_transmit(star.net.now, wire);
    ASSERT_TRUE(response);
    ASSERT_TRUE(star.hub.device.handle_input(star.net.now,
                                             Received{.path = path, .data = MutableBytes(wire).first(response->size)}));
    ASSERT_TRUE(star.hub.device.poll_transmit(star.net.now, wire)) << "the keepalive, which is lost";
  }
  std::size_t events = 0;
  while (star.hub.device.poll_event()) ++events;
  EXPECT_EQ(events, Device::kMaxEvents);
}

}  // namespace
}  // namespace bamgate::wg
