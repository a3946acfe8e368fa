// Permissions, channels and the data path of the client.
#include <gtest/gtest.h>

#include <set>

#include "stun/builder.h"
#include "turn/channel_data.h"
#include "turn/client_fixture.h"
#include "turn/hex.h"
#include "turn/indication.h"

namespace bamgate::turn {
namespace {

class TurnPeers : public TurnClientTest {};

TEST_F(TurnPeers, PacketsTravelInIndicationsAfterThePermissionAndInChannelDataAfterTheChannel) {
  make_ready();
  EXPECT_FALSE(send(kAlice, "early"));
  EXPECT_EQ(sealed_.error(), Error::kNoPermission);
  EXPECT_FALSE(arrive(kAlice, "early"));

  ASSERT_TRUE(client_->permit(now_, kAlice.address));
  run();
  EXPECT_EQ(as_text(send(kAlice, "one").value().second), "one");
  EXPECT_EQ(client_->counters().sent_indications, 1U);
  EXPECT_EQ(arrive(kAlice, "two"), std::pair(kAlice, std::string("two")));
  EXPECT_EQ(client_->counters().received_indications, 1U);

  ASSERT_TRUE(client_->bind(now_, kAlice));
  run();
  EXPECT_EQ(events<ChannelBound>()[0].peer, kAlice);
  EXPECT_TRUE(is_channel(events<ChannelBound>()[0].number));
  EXPECT_EQ(send(kAlice, "three").value().first, kAlice);
  EXPECT_EQ(client_->counters().sent_channel_data, 1U);
  EXPECT_EQ(arrive(kAlice, "four"), std::pair(kAlice, std::string("four")));
  EXPECT_EQ(client_->counters().received_channel_data, 1U);
}

TEST_F(TurnPeers, WhatIsWantedBeforeThereIsAnAllocationIsAskedForWhenThereIs) {
  make();
  ASSERT_TRUE(client_->bind(now_, kAlice));
  client_->set_transport(now_, kPath);
  run();
  EXPECT_EQ(events<ChannelBound>().size(), 1U);
  EXPECT_EQ(send(kAlice, "x")->first, kAlice);
}

TEST_F(TurnPeers, SeveralPermissionsTravelInOneRequest) {
  make();
  for (std::uint8_t i = 0; i < 40; ++i) {
    ASSERT_TRUE(client_->permit(now_, IpAddress::v4(10, 0, 0, i)));
  }
  client_->set_transport(now_, kPath);
  run();
  EXPECT_EQ(relay_.count(stun::Method::kCreatePermission), 3U) << "16, 16 and 8";
  EXPECT_EQ(events<PermissionInstalled>().size(), 40U);
}

TEST_F(TurnPeers, PermissionsAndChannelsAreRefreshedForADay) {
  make_ready();
  ASSERT_TRUE(client_->bind(now_, kAlice));
  ASSERT_TRUE(client_->permit(now_, kBob.address));
  run();
  clear();
  for (int minute = 0; minute < 24 * 60; ++minute) {
    pass(1min);
    ASSERT_TRUE(client_->has_permission(now_, kBob.address));
    ASSERT_TRUE(relay_.allocation->permissions[kBob.address] > now_);
    ASSERT_TRUE(send(kAlice, "x"));
    ASSERT_TRUE(send(kBob, "x"));
  }
  EXPECT_EQ(client_->counters().sent_channel_data, 1440U);
  EXPECT_EQ(client_->counters().sent_indications, 1440U);
  // A permission each 240 s, a channel each 540 s; nothing more.
  EXPECT_NEAR(static_cast<double>(relay_.count(stun::Method::kChannelBind)), 24 * 3600 / 540, 1);
  EXPECT_LE(relay_.count(stun::Method::kCreatePermission), 2U * 24 * 3600 / 240 + 2);
}

TEST_F(TurnPeers, PermissionThatIsNotWantedAnyMoreRunsOut) {
  make_ready();
  ASSERT_TRUE(client_->permit(now_, kAlice.address));
  run();
  client_->forbid(kAlice.address);
  pass(299s);
  EXPECT_TRUE(client_->has_permission(now_, kAlice.address));
  pass(1s);
  EXPECT_FALSE(client_->has_permission(now_, kAlice.address));
  EXPECT_FALSE(send(kAlice, "x"));
  EXPECT_EQ(relay_.count(stun::Method::kCreatePermission), 1U);
}

TEST_F(TurnPeers, RefusedPeerDoesNotSpoilTheOthersOfItsRequest) {
  relay_.refused[kBob.address] = 403;
  make();
  ASSERT_TRUE(client_->permit(now_, kAlice.address));
  ASSERT_TRUE(client_->permit(now_, kBob.address));
  client_->set_transport(now_, kPath);
  run();
  ASSERT_EQ(events<PermissionInstalled>().size(), 1U);
  EXPECT_EQ(events<PermissionInstalled>()[0].address, kAlice.address);
  ASSERT_EQ(events<PermissionRefused>().size(), 1U);
  EXPECT_EQ(events<PermissionRefused>()[0].address, kBob.address);
  EXPECT_EQ(events<PermissionRefused>()[0].code, 403);
  EXPECT_EQ(relay_.count(stun::Method::kCreatePermission), 3U);
  pass(1h);
  EXPECT_EQ(events<PermissionRefused>().size(), 1U) << "not asked for again";
  relay_.refused.clear();
  ASSERT_TRUE(client_->permit(now_, kBob.address));
  run();
  EXPECT_TRUE(client_->has_permission(now_, kBob.address)) << "but when it is wanted again";
}

TEST_F(TurnPeers, PassingErrorsAreAskedAgain) {
  make_ready();
  relay_.errors[stun::Method::kCreatePermission] = {500};
  relay_.errors[stun::Method::kChannelBind] = {500};
  ASSERT_TRUE(client_->bind(now_, kAlice));
  run();
  pass(5s);
  EXPECT_TRUE(client_->has_permission(now_, kAlice.address));
  EXPECT_TRUE(client_->channel_for(now_, kAlice));
  EXPECT_TRUE(events<PermissionRefused>().empty());
  EXPECT_TRUE(events<ChannelRefused>().empty());
}

TEST_F(TurnPeers, LostRequestsAreAskedAgainAndTheAllocationIsChecked) {
  make_ready();
  relay_.silent = true;
  ASSERT_TRUE(client_->permit(now_, kAlice.address));
  run();
  pass(39500ms);
  relay_.silent = false;
  pass(5s);
  EXPECT_TRUE(client_->has_permission(now_, kAlice.address));
  EXPECT_GE(relay_.count(stun::Method::kRefresh), 1U);
  EXPECT_TRUE(events<Lost>().empty());
}

TEST_F(TurnPeers, RefusedChannelLeavesSendIndications) {
  make_ready();
  ASSERT_TRUE(client_->permit(now_, kAlice.address));
  run();
  relay_.errors[stun::Method::kChannelBind] = {508};
  ASSERT_TRUE(client_->bind(now_, kAlice));
  run();
  ASSERT_EQ(events<ChannelRefused>().size(), 1U);
  EXPECT_EQ(events<ChannelRefused>()[0].code, 508);
  EXPECT_EQ(send(kAlice, "x")->first, kAlice);
  EXPECT_EQ(client_->counters().sent_indications, 1U);
}

// RFC 8656 §12.3.
TEST_F(TurnPeers, ChannelsOutOfStepCostOneNewAllocationAndNotMore) {
  make_ready();
  relay_.errors[stun::Method::kChannelBind] = {400, 400};
  ASSERT_TRUE(client_->bind(now_, kAlice));
  run();
  ASSERT_EQ(events<Lost>().size(), 1U);
  EXPECT_EQ(events<Lost>()[0].reason, Reason::kOutOfStep);
  EXPECT_EQ(relay_.deletions(), 1U);
  EXPECT_EQ(events<Allocated>().size(), 2U);
  ASSERT_EQ(events<ChannelRefused>().size(), 1U);
  EXPECT_EQ(events<ChannelRefused>()[0].code, 400);
  EXPECT_TRUE(send(kAlice, "x"));
  pass(1h);
  EXPECT_EQ(events<Lost>().size(), 1U);
}

TEST_F(TurnPeers, ForgottenAllocationIsNoticedByEachKindOfRequest) {
  for (const bool by_channel : {false, true}) {
    clear();
    relay_.allocation.reset();
    make_ready();
    pass(61s);
    relay_.restart();
    ASSERT_TRUE(by_channel ? client_->bind(now_, kAlice) : client_->permit(now_, kAlice.address));
    run();
    EXPECT_EQ(events<Lost>().size(), 1U);
    EXPECT_EQ(client_->state(), Client::State::kReady);
    EXPECT_TRUE(client_->has_permission(now_, kAlice.address));
  }
}

TEST_F(TurnPeers, PeersOfAFamilyThatTheAllocationLacksAreRefusedHere) {
  make_ready();
  ASSERT_TRUE(client_->bind(now_, kCarol6));
  run();
  ASSERT_EQ(events<PermissionRefused>().size(), 1U);
  EXPECT_EQ(events<PermissionRefused>()[0].code, 443);
  ASSERT_EQ(events<ChannelRefused>().size(), 1U);
  EXPECT_EQ(events<ChannelRefused>()[0].code, 443);
  EXPECT_EQ(relay_.count(stun::Method::kCreatePermission) + relay_.count(stun::Method::kChannelBind), 0U);
}

TEST_F(TurnPeers, ChannelNumbersRestFiveMinutesAfterTheirEnd) {
  make_ready({.most_channels = 1});
  ASSERT_TRUE(client_->bind(now_, kAlice));
  run();
  client_->unbind(kAlice);
  pass(10min);
  EXPECT_FALSE(client_->channel_for(now_, kAlice)) << "the binding has run out";
  EXPECT_EQ(client_->bind(now_, kBob).error(), Error::kTooMany) << "but its number rests";
  pass(6min);
  ASSERT_TRUE(client_->bind(now_, kBob));
  run();
  EXPECT_TRUE(client_->channel_for(now_, kBob));
}

TEST_F(TurnPeers, ChannelOfAPeerThatComesBackIsTheSame) {
  make_ready();
  ASSERT_TRUE(client_->bind(now_, kAlice));
  run();
  const auto number = client_->channel_for(now_, kAlice);
  client_->unbind(kAlice);
  pass(12min);
  ASSERT_TRUE(client_->bind(now_, kAlice));
  run();
  EXPECT_EQ(client_->channel_for(now_, kAlice), number);
}

TEST_F(TurnPeers, NewAllocationUsesOtherNumbers) {
  make_ready();
  ASSERT_TRUE(client_->bind(now_, kAlice));
  run();
  const auto before = client_->channel_for(now_, kAlice);
  pass(61s);
  relay_.restart();
  client_->check(now_);
  run();
  const auto after = client_->channel_for(now_, kAlice);
  ASSERT_TRUE(after);
  EXPECT_NE(before, after);
}

TEST_F(TurnPeers, TablesAreBounded) {
  make({.most_permissions = 2, .most_channels = 1});
  EXPECT_TRUE(client_->permit(now_, kAlice.address));
  EXPECT_TRUE(client_->bind(now_, kBob));
  EXPECT_EQ(client_->permit(now_, IpAddress::v4(10, 0, 0, 1)).error(), Error::kTooMany);
  EXPECT_EQ(client_->bind(now_, kAlice).error(), Error::kTooMany);
  EXPECT_TRUE(client_->permit(now_, kBob.address)) << "it has a place";
}

TEST_F(TurnPeers, AThousandPeersShareAnAllocation) {
  make();
  const auto peer = [](std::uint32_t i) { return Endpoint{IpAddress::v4(0x0a000000 + i), 5000}; };
  for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_TRUE(client_->bind(now_, peer(i)));
  client_->set_transport(now_, kPath);
  for (int i = 0; i < 10; ++i) run();
  pass(15min);
  std::set<std::uint16_t> numbers;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const auto number = client_->channel_for(now_, peer(i));
    ASSERT_TRUE(number) << i;
    numbers.insert(*number);
    ASSERT_EQ(send(peer(i), "x")->first, peer(i));
  }
  EXPECT_EQ(numbers.size(), 1000U);
}

TEST_F(TurnPeers, ChannelDataIsAcceptedFromTheMomentTheBindingIsAskedFor) {
  make_ready();
  lost_ = true;
  ASSERT_TRUE(client_->bind(now_, kAlice));
  run();
  EXPECT_EQ(arrive(kAlice, "first"), std::pair(kAlice, std::string("first")));
  EXPECT_EQ(client_->counters().received_channel_data, 1U);
  EXPECT_FALSE(client_->channel_for(now_, kAlice)) << "but is not sent before the answer";
}

TEST_F(TurnPeers, DataOfStrangersIsDropped) {
  make_ready();
  auto channel = bamgate::testing::unhex("4000000161");
  EXPECT_EQ(client_->receive(now_, channel).error(), Error::kUnknownPeer);
  PacketBuffer packet = pool_.copy(as_bytes("x"));
  ASSERT_TRUE(seal_indication(packet, stun::Method::kData, {}, kAlice));
  EXPECT_EQ(client_->open(now_, packet).error(), Error::kUnknownPeer);
  EXPECT_EQ(client_->counters().unknown_peer, 2U);
}

TEST_F(TurnPeers, IcmpErrorsOfPeersAreTold) {
  make_ready();
  ASSERT_TRUE(client_->permit(now_, kAlice.address));
  run();
  const stun::IcmpError too_big{.type = 3, .code = 4, .data = 1400};
  for (int i = 0; i < 100; ++i) {
    std::array<std::byte, 100> out;
    const auto size = stun::Builder(out, stun::Class::kIndication, stun::Method::kData, {})
                          .xor_address(stun::Attribute::kXorPeerAddress, kAlice)
                          .icmp(too_big)
                          .finish();
    const auto received = client_->receive(now_, MutableBytes(out).first(size.value()));
    ASSERT_TRUE(received);
    EXPECT_FALSE(*received);
  }
  run();
  ASSERT_EQ(events<IcmpHeard>().size(), 64U) << "a bounded queue";
  EXPECT_EQ(events<IcmpHeard>()[0].peer, kAlice);
  EXPECT_EQ(events<IcmpHeard>()[0].error, too_big);
  EXPECT_EQ(client_->counters().dropped_events, 36U);
}

TEST_F(TurnPeers, ChannelDataIsPaddedInAStreamAlone) {
  for (const auto& [transport, size] :
       {std::pair(Transport::kStream, 8U), std::pair(Transport::kWebSocket, 5U), std::pair(Transport::kUdp, 5U)}) {
    relay_.allocation.reset();
    make_ready({.transport = transport});
    ASSERT_TRUE(client_->bind(now_, kAlice));
    run();
    PacketBuffer packet = pool_.copy(as_bytes("x"));
    ASSERT_TRUE(client_->seal(now_, kAlice, packet));
    EXPECT_EQ(packet.size(), size);
    PacketBuffer tight = pool_.take();
    tight.append(tight.tailroom());
    tight.remove_prefix((tight.size() + 3) % 4);  // 1 modulo 4: three bytes are to be added, and none fits
    const std::size_t before = tight.size();
    const auto sealed = client_->seal(now_, kAlice, tight);
    EXPECT_EQ(sealed.has_value(), transport != Transport::kStream);
    if (!sealed) {
      EXPECT_EQ(sealed.error(), Error::kNoRoom);
      EXPECT_EQ(tight.size(), before);
    }
  }
}

TEST_F(TurnPeers, NothingIsSentWithoutAnAllocation) {
  make();
  PacketBuffer packet = pool_.copy(as_bytes("x"));
  EXPECT_EQ(client_->seal(now_, kAlice, packet).error(), Error::kNotAllocated);
  EXPECT_EQ(as_text(packet.data()), "x");
  EXPECT_EQ(client_->counters().not_sent, 1U);
}

TEST_F(TurnPeers, MalformedMessagesAreCountedDrops) {
  make_ready();
  const std::vector<std::pair<const char*, Error>> cases = {
      {"", Error::kNotTurn},
      {"80000000", Error::kNotTurn},
      {"400000", Error::kTruncated},
      {"40000005aa", Error::kTruncated},
      {"50000000", Error::kBadChannel},
      {"000100042112a442000000000000000000000000", Error::kNotStun},
      {"001700002112a442000000000000000000000000", Error::kBadIndication},
      {"001600002112a442000000000000000000000000", Error::kUnexpected},
      {"000100002112a442000000000000000000000000", Error::kUnexpected},
      {"010300002112a442000000000000000000000000", Error::kUnexpected},
  };
  for (const auto& [hex, error] : cases) {
    auto message = bamgate::testing::unhex(hex);
    EXPECT_EQ(client_->receive(now_, message).error(), error) << hex;
  }
  EXPECT_EQ(client_->counters().malformed, 7U);
  EXPECT_EQ(client_->counters().unexpected, 3U);
  EXPECT_EQ(client_->state(), Client::State::kReady);
}

TEST_F(TurnPeers, BatchesOfTheReceiveOffloadAreTakenApartAndDataIsNotTakenForControl) {
  make_ready();
  ASSERT_TRUE(client_->bind(now_, kAlice));
  run();
  const auto message = relay_.from_peer(now_, kAlice, as_bytes("abcd")).value();
  std::vector<std::byte> batch = message;
  batch.insert(batch.end(), message.begin(), message.end());
  const auto handled =
      client_->handle_input(now_, {.path = kPath, .data = batch, .stride = static_cast<std::uint16_t>(message.size())});
  EXPECT_EQ(handled.error(), Error::kPeerData);
  EXPECT_EQ(client_->counters().received_channel_data, 2U);
  EXPECT_EQ(client_->counters().unknown_peer, 2U);
}

}  // namespace
}  // namespace bamgate::turn
