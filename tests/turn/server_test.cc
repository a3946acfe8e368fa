// What the relay answers, to whom, and what it refuses (RFC 8656 §7 to §12).
#include "turn/server.h"

#include <set>

#include "turn/indication.h"
#include "turn/relay_net.h"

namespace bamgate::turn {
namespace {

using namespace std::chrono_literals;
using stun::Attribute;
using stun::Method;

class TurnServer : public RelayTest {};

TEST_F(TurnServer, AllocationHasAVirtualAddressAndTheClientsOwn) {
  const auto laptop = caller("laptop", udp(1));
  const Endpoint relayed = allocated(*laptop);
  EXPECT_EQ(relayed.port, 50'000);
  EXPECT_TRUE(relay_number(relayed.address));
  EXPECT_EQ(answer().xor_address(Attribute::kXorMappedAddress), laptop->path.remote);
  EXPECT_EQ(answer().lifetime(), 600s);
}

TEST_F(TurnServer, AddressesOfTheLivingAreUniqueAndTheOnesOfTheGoneRest) {
  std::set<Endpoint> seen;
  for (int i = 0; i < 50; ++i) {
    const auto one = caller("d" + std::to_string(i), udp(i));
    EXPECT_TRUE(seen.insert(allocated(*one)).second);
    if (i % 2 == 0) {
      EXPECT_EQ(refresh(*one, 0s), 0);
    }
  }
}

TEST_F(TurnServer, RepeatedAllocateGetsTheSameAnswerAndAnotherOneIsRefused) {
  const auto laptop = caller("laptop", udp(1));
  allocated(*laptop);
  const std::vector<std::byte> first = answer_;
  const auto repeated = send(*laptop, buffer_);
  ASSERT_TRUE(repeated);
  EXPECT_EQ(std::vector<std::byte>(repeated->message.begin(), repeated->message.end()), first);
  EXPECT_EQ(allocate(*laptop), stun::kErrorAllocationMismatch);
  EXPECT_EQ(server_.allocations().size(), 1U);
}

TEST_F(TurnServer, AllocateIsCheckedInTheOrderOfTheRfc) {
  const auto laptop = caller("laptop", udp(1));
  const auto asks = [&](const Fill& fill) { return ask(*laptop, Method::kAllocate, fill); };
  EXPECT_EQ(asks([](auto&) {}), 400);
  EXPECT_EQ(asks([](auto& b) { b.requested_transport(6); }), stun::kErrorUnsupportedTransport);
  const auto with = [](auto fill) { return [fill](stun::Builder& b) { fill(b.requested_transport(17)); }; };
  EXPECT_EQ(asks(with([](auto& b) { b.even_port(true); })), stun::kErrorInsufficientCapacity);
  EXPECT_EQ(asks(with([](auto& b) { b.reservation_token({}); })), stun::kErrorInsufficientCapacity);
  EXPECT_EQ(asks(with([](auto& b) { b.reservation_token({}).even_port(false); })), 400);
  EXPECT_EQ(asks(with([](auto& b) { b.family(Attribute::kRequestedAddressFamily, Family::kV6); })),
            stun::kErrorAddressFamilyNotSupported);
  EXPECT_EQ(asks(with([](auto& b) {
              b.family(Attribute::kRequestedAddressFamily, Family::kV4)
                  .family(Attribute::kAdditionalAddressFamily, Family::kV6);
            })),
            400);
  EXPECT_EQ(asks(with([](auto& b) { b.bytes(static_cast<Attribute>(0x7abc), {}); })), stun::kErrorUnknownAttribute);
  EXPECT_EQ(server_.allocations().size(), 0U);
  EXPECT_EQ(asks(with([](auto& b) {
              b.flag(Attribute::kDontFragment)
                  .family(Attribute::kAdditionalAddressFamily, Family::kV6)
                  .lifetime(std::chrono::hours(9));
            })),
            0);
  EXPECT_EQ(answer().address_error_code()->error.code, stun::kErrorAddressFamilyNotSupported);
  EXPECT_EQ(answer().lifetime(), 3600s);
  const auto phone = caller("phone", udp(2));
  EXPECT_EQ(ask(*phone, Method::kAllocate, with([](auto& b) { b.even_port(false); })), 0) << "50000 is even";
}

TEST_F(TurnServer, AllocationEndsWithItsLifetimeItsRefreshItsStreamOrItsOwner) {
  const auto a = caller("a", udp(1));
  allocated(*a);
  now_ += 500s;
  EXPECT_EQ(refresh(*a, 700s), 0);
  EXPECT_EQ(answer().lifetime(), 700s);
  now_ += 699s;
  server_.handle_timeout(now_);
  EXPECT_EQ(server_.allocations().size(), 1U);
  EXPECT_EQ(server_.next_timeout(), now_ + 1s);
  now_ += 1s;
  server_.handle_timeout(now_);
  EXPECT_EQ(server_.allocations().size(), 0U);
  EXPECT_EQ(refresh(*a, 600s), stun::kErrorAllocationMismatch);
  EXPECT_EQ(refresh(*a, 0s), 0) << "RFC 8656 §8.2: to delete what is not there is a success";

  const auto b = caller("b", stream(7));
  allocated(*b);
  server_.handle_closed(b->path);
  EXPECT_EQ(server_.allocations().size(), 0U);

  const auto c = caller("c", udp(3));
  allocated(*c);
  server_.end_owner("c");
  EXPECT_EQ(server_.allocations().size(), 0U);
  EXPECT_EQ(server_.next_timeout(), kNever);
}

TEST_F(TurnServer, PermissionsAreOnlyForVirtualAddresses) {
  const auto a = caller("a", udp(1));
  EXPECT_EQ(permit(*a, relay_endpoint(77)), stun::kErrorAllocationMismatch);
  allocated(*a);
  for (const char* real : {"203.0.113.10:3478", "127.0.0.1:22", "10.254.255.255:50000", "10.255.0.0:50000",
                           "10.255.255.255:50000", "192.168.1.1:53", "0.0.0.0:0", "169.254.169.254:80"}) {
    EXPECT_EQ(permit(*a, *Endpoint::parse(real)), stun::kErrorForbidden) << real;
    EXPECT_EQ(bind(*a, 0x4000, *Endpoint::parse(real)), stun::kErrorForbidden) << real;
    EXPECT_FALSE(indicate(*a, *Endpoint::parse(real), "x")) << real;
  }
  EXPECT_EQ(permit(*a, *Endpoint::parse("[2001:db8::1]:1")), stun::kErrorPeerAddressFamilyMismatch);
  EXPECT_EQ(bind(*a, 0x4000, *Endpoint::parse("[2001:db8::1]:1")), stun::kErrorPeerAddressFamilyMismatch);
  EXPECT_EQ(bind(*a, 0x4000, {relay_endpoint(77).address, 50'001}), stun::kErrorForbidden);
  EXPECT_EQ(ask(*a, Method::kCreatePermission, {}), 400);
  EXPECT_EQ(ask(*a, Method::kCreatePermission,
                [](stun::Builder& b) {
                  b.xor_address(Attribute::kXorPeerAddress, relay_endpoint(5))
                      .xor_address(Attribute::kXorPeerAddress, *Endpoint::parse("8.8.8.8:53"));
                }),
            stun::kErrorForbidden);
  EXPECT_TRUE(server_.allocations().find(a->path)->peers().empty()) << "all or none";
  EXPECT_EQ(permit(*a, {relay_endpoint(77).address, 0}), 0) << "RFC 8656 §10: the port does not matter";
}

TEST_F(TurnServer, ChannelsAreBoundOnceAndRest) {
  const auto a = caller("a", udp(1));
  allocated(*a);
  for (const int number : {0, 0x3fff, 0x5000, 0x7fff, 0xffff}) {
    EXPECT_EQ(bind(*a, static_cast<std::uint16_t>(number), relay_endpoint(5)), 400) << number;
  }
  EXPECT_EQ(ask(*a, Method::kChannelBind, [](auto& b) { b.channel_number(0x4000); }), 400);
  EXPECT_EQ(bind(*a, 0x4000, relay_endpoint(5)), 0);
  EXPECT_EQ(bind(*a, 0x4000, relay_endpoint(5)), 0) << "a refresh";
  EXPECT_EQ(bind(*a, 0x4001, relay_endpoint(5)), 400) << "the peer has one";
  EXPECT_EQ(bind(*a, 0x4000, relay_endpoint(6)), 400) << "the number is taken";
  now_ += kChannelLifetime + kChannelRest - 1s;
  server_.allocations().extend(*server_.allocations().find(a->path), now_ + 3600s);
  EXPECT_EQ(bind(*a, 0x4000, relay_endpoint(6)), 400) << "the number rests";
  now_ += 1s;
  EXPECT_EQ(bind(*a, 0x4000, relay_endpoint(6)), 0);
  EXPECT_EQ(bind(*a, 0x4001, relay_endpoint(5)), 0);
  EXPECT_EQ(server_.allocations().find(a->path)->peer_of(now_, 0x4000), 6);
}

TEST_F(TurnServer, RequestsOfAnotherDeviceOnTheSamePathAreRefused) {
  const auto a = caller("a", udp(1));
  const auto b = caller("b", udp(1));
  allocated(*a);
  EXPECT_EQ(allocate(*b), stun::kErrorAllocationMismatch);
  EXPECT_EQ(refresh(*b, 0s), stun::kErrorWrongCredentials);
  EXPECT_EQ(permit(*b, relay_endpoint(5)), stun::kErrorWrongCredentials);
  EXPECT_EQ(bind(*b, 0x4000, relay_endpoint(5)), stun::kErrorWrongCredentials);
  EXPECT_EQ(server_.allocations().size(), 1U);
}

TEST_F(TurnServer, ForgedExpiredAndStolenCredentialsAreRefused) {
  const auto forged = caller("laptop", udp(1), "mallory");
  EXPECT_EQ(allocate(*forged), 401);
  const auto unknown = caller("nobody", udp(2));
  accounts_.gone["nobody"] = true;
  EXPECT_EQ(allocate(*unknown), 401);
  const std::string old_name = hub_username(kUnix, "laptop");
  Caller expired{udp(3), old_name, {old_name, hub_password(crypto_, "secret of laptop", old_name).view()}, {}};
  EXPECT_EQ(allocate(expired), 401);
  const auto other_bearer = caller("laptop", stream(9));
  other_bearer->bearer = "phone";
  EXPECT_EQ(allocate(*other_bearer), 401);
  other_bearer->bearer = "laptop";
  EXPECT_EQ(allocate(*other_bearer), 0);
  EXPECT_EQ(server_.allocations().size(), 1U);
  EXPECT_GE(server_.counters().unauthenticated, 4U);
}

TEST_F(TurnServer, RevokedDeviceCannotRefresh) {
  const auto a = caller("a", udp(1));
  allocated(*a);
  accounts_.gone["a"] = true;
  EXPECT_EQ(refresh(*a, 600s), 401);
}

TEST_F(TurnServer, OldNoncesAreReplaced) {
  const auto a = caller("a", udp(1));
  allocated(*a);
  now_ += 11min;
  server_.allocations().extend(*server_.allocations().find(a->path), now_ + 60s);
  const std::uint64_t before = server_.counters().unauthenticated;
  EXPECT_EQ(refresh(*a, 600s), 0) << "438 brings a new nonce, and the client asks again";
  EXPECT_EQ(server_.counters().unauthenticated, before + 1);
  // Its nonce is worth nothing from another address, and costs no look into the accounts there.
  const int asked = accounts_.asked;
  a->path = udp(2);
  stun::LongTermClient::Attempt attempt;
  const auto request = write(stun::Class::kRequest, Method::kAllocate, {},
                             [&](stun::Builder& builder) { a->credentials.sign(builder, crypto_, attempt); });
  const auto refused = send(*a, request);
  EXPECT_EQ(accounts_.asked, asked);
  if (refused) {
    EXPECT_EQ(stun::Message::parse(refused->message)->error_code()->code, 438);
  }
}

// What an address is sent before it has authenticated is never more than what came from it.
TEST_F(TurnServer, ForgedSourceGainsNothing) {
  std::size_t sent = 0;
  std::size_t received = 0;
  const auto stranger = caller("stranger", udp(66));
  for (int i = 0; i < 200; ++i) {
    const auto request = write(stun::Class::kRequest, i % 2 == 0 ? Method::kAllocate : Method::kRefresh,
                               [](stun::Builder& b) { b.requested_transport(17); });
    sent += request.size();
    if (const auto answer = send(*stranger, request)) received += answer->message.size();
    EXPECT_LE(received, sent);
  }
  EXPECT_GT(received, 0U) << "whoever asks again is answered";
  EXPECT_GT(server_.counters().unanswered, 0U);
}

TEST_F(TurnServer, LongFirstRequestIsAnsweredAtOnce) {
  const auto padded = caller("laptop", udp(1));
  const auto request = write(stun::Class::kRequest, Method::kAllocate, [](stun::Builder& b) {
    b.requested_transport(17).text(Attribute::kSoftware, std::string(80, '.'));
  });
  EXPECT_TRUE(send(*padded, request));
}

TEST_F(TurnServer, BindingIsAnswered) {
  const auto a = caller("a", udp(1));
  const auto answer = send(*a, write(stun::Class::kRequest, Method::kBinding, {}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(stun::Message::parse(answer->message)->mapped_address(), a->path.remote);
}

TEST_F(TurnServer, NonsenseIsDroppedAndCounted) {
  const auto a = caller("a", udp(1));
  EXPECT_FALSE(send(*a, ""));
  EXPECT_FALSE(send(*a, std::string("\x80nonsense")));
  EXPECT_FALSE(send(*a, std::string("\x50\x00\x00\x00", 4)));
  EXPECT_FALSE(send(*a, write(stun::Class::kIndication, Method::kData, {})));
  EXPECT_FALSE(send(*a, write(stun::Class::kSuccess, Method::kAllocate, {})));
  EXPECT_EQ(server_.counters().malformed, 5U);
  EXPECT_FALSE(channel(*a, 0x4000, "x"));
  EXPECT_FALSE(indicate(*a, relay_endpoint(5), "x"));
  EXPECT_EQ(server_.counters().strangers, 2U);
}

class SmallRelay : public RelayTest {
 protected:
  SmallRelay()
      : RelayTest({.allocations = 3,
                   .allocations_of_owner = 2,
                   .peers_of_allocation = 4,
                   .rate = {.bytes_per_second = 1000, .burst = 300}}) {}
};

TEST_F(SmallRelay, OwnersAndTheWholeHaveLimits) {
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < 3; ++i) callers.push_back(caller("a", udp(i)));
  EXPECT_EQ(allocate(*callers[0]), 0);
  EXPECT_EQ(allocate(*callers[1]), 0);
  EXPECT_EQ(allocate(*callers[2]), stun::kErrorAllocationQuotaReached);
  const auto b = caller("b", udp(10));
  const auto c = caller("c", udp(11));
  EXPECT_EQ(allocate(*b), 0);
  EXPECT_EQ(allocate(*c), stun::kErrorInsufficientCapacity);
  EXPECT_EQ(refresh(*callers[0], 0s), 0);
  EXPECT_EQ(allocate(*c), 0);
}

TEST_F(SmallRelay, PeersOfAnAllocationAreLimitedAndOldOnesMakeRoom) {
  const auto a = caller("a", udp(1));
  allocated(*a);
  for (RelayNumber i = 1; i <= 4; ++i) EXPECT_EQ(permit(*a, relay_endpoint(i)), 0);
  EXPECT_EQ(permit(*a, relay_endpoint(5)), stun::kErrorInsufficientCapacity);
  EXPECT_EQ(bind(*a, 0x4000, relay_endpoint(5)), stun::kErrorInsufficientCapacity);
  EXPECT_EQ(bind(*a, 0x4000, relay_endpoint(1)), 0);
  now_ += kPermissionLifetime;
  EXPECT_EQ(permit(*a, relay_endpoint(5)), 0);
  EXPECT_EQ(server_.allocations().find(a->path)->peers().size(), 2U) << "the bound one stays";
}

TEST_F(SmallRelay, RateIsCountedAgainstBothSides) {
  const auto a = caller("a", udp(1));
  const auto b = caller("b", udp(2));
  const auto c = caller("c", udp(3));
  const Endpoint at_a = allocated(*a);
  const Endpoint at_b = allocated(*b);
  const Endpoint at_c = allocated(*c);
  for (Caller* from : {a.get(), b.get(), c.get()}) {
    for (const Endpoint& to : {at_a, at_b, at_c}) EXPECT_EQ(permit(*from, to), 0);
  }
  const std::string packet(100, 'x');
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(indicate(*a, at_b, packet));
  EXPECT_FALSE(indicate(*a, at_c, packet)) << "a has used up its own";
  EXPECT_FALSE(indicate(*c, at_b, packet)) << "b has been sent enough";
  EXPECT_EQ(server_.relayed().over_quota, 2U);
  now_ += 100ms;
  EXPECT_TRUE(indicate(*c, at_b, packet));
  EXPECT_FALSE(indicate(*c, at_b, packet));
  now_ += 200s;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(indicate(*a, at_b, packet));
  EXPECT_FALSE(indicate(*a, at_b, packet)) << "minutes are no larger burst";
}

class TurnRelay : public RelayTest {
 protected:
  void SetUp() override {
    at_a_ = allocated(*a_);
    at_b_ = allocated(*b_);
  }
  std::unique_ptr<Caller> a_ = caller("a", udp(1));
  std::unique_ptr<Caller> b_ = caller("b", stream(5));
  Endpoint at_a_;
  Endpoint at_b_;
};

TEST_F(TurnRelay, BothSidesNeedAPermission) {
  EXPECT_FALSE(indicate(*a_, at_b_, "x"));
  EXPECT_EQ(permit(*a_, at_b_), 0);
  EXPECT_FALSE(indicate(*a_, at_b_, "x"));
  EXPECT_EQ(permit(*b_, at_a_), 0);
  const auto relayed = indicate(*a_, at_b_, "hello");
  ASSERT_TRUE(relayed);
  EXPECT_EQ(relayed->to, b_->path);
  const auto message = stun::Message::parse(relayed->message);
  ASSERT_TRUE(message);
  const auto data = parse_data(*message);
  ASSERT_TRUE(data);
  EXPECT_EQ(data->peer, at_a_);
  EXPECT_EQ(as_text(*data->data), "hello");
  EXPECT_EQ(server_.relayed().forbidden, 2U);
  now_ += kPermissionLifetime;
  EXPECT_FALSE(indicate(*a_, at_b_, "x")) << "permissions end";
}

TEST_F(TurnRelay, ChannelsAndIndicationsReachEachOther) {
  EXPECT_EQ(bind(*a_, 0x4001, at_b_), 0);
  EXPECT_EQ(permit(*b_, at_a_), 0);
  for (const std::size_t size : {0U, 1U, 3U, 4U, 1200U, 60'000U}) {
    const std::string data(size, 'd');
    const auto indicated = channel(*a_, 0x4001, data);
    ASSERT_TRUE(indicated) << size;
    const auto message = stun::Message::parse(indicated->message);
    ASSERT_TRUE(message);
    EXPECT_EQ(as_text(*parse_data(*message)->data), data);
    const auto back = indicate(*b_, at_a_, data);
    ASSERT_TRUE(back);
    const auto framed = parse_channel_data(back->message);
    ASSERT_TRUE(framed);
    EXPECT_EQ(framed->channel, 0x4001);
    EXPECT_EQ(as_text(framed->data), data);
    EXPECT_EQ(back->message.size(), size + kChannelHeader) << "no padding in a datagram";
  }
  EXPECT_EQ(bind(*b_, 0x4fff, at_a_), 0);
  const auto framed = channel(*a_, 0x4001, "hello");
  ASSERT_TRUE(framed);
  EXPECT_EQ(framed->to, b_->path);
  EXPECT_EQ(parse_channel_data(framed->message)->channel, 0x4fff);
  EXPECT_EQ(as_text(parse_channel_data(framed->message)->data), "hello");
  EXPECT_EQ(framed->message.data(), buffer_.data()) << "in place";
}

TEST_F(TurnRelay, UnboundAndForeignChannelsLeadNowhere) {
  EXPECT_EQ(bind(*a_, 0x4001, at_b_), 0);
  EXPECT_EQ(bind(*b_, 0x4002, at_a_), 0);
  EXPECT_FALSE(channel(*a_, 0x4002, "x"));
  EXPECT_FALSE(channel(*a_, 0x4fff, "x"));
  EXPECT_EQ(server_.relayed().forbidden, 2U);
  EXPECT_TRUE(channel(*a_, 0x4001, "x"));
  now_ += kPermissionLifetime;
  EXPECT_FALSE(channel(*a_, 0x4001, "x")) << "the channel lives, the permissions do not";
}

TEST_F(TurnRelay, PacketsToAnAllocationThatHasEndedReachNobodyWhoComesLater) {
  EXPECT_EQ(bind(*a_, 0x4001, at_b_), 0);
  EXPECT_EQ(bind(*b_, 0x4002, at_a_), 0);
  server_.handle_closed(b_->path);
  EXPECT_FALSE(channel(*a_, 0x4001, "x"));
  const auto again = caller("b", stream(6));
  EXPECT_NE(allocated(*again), at_b_) << "an address rests";
  EXPECT_FALSE(channel(*a_, 0x4001, "x"));
}

TEST_F(TurnRelay, ShortFramesAreDropped) {
  EXPECT_EQ(bind(*a_, 0x4001, at_b_), 0);
  EXPECT_EQ(bind(*b_, 0x4002, at_a_), 0);
  EXPECT_FALSE(send(*a_, std::string("\x40\x01\x00\x05"
                                     "hell",
                                     8)));
  EXPECT_FALSE(send(*a_, std::string("\x40\x01", 2)));
  EXPECT_EQ(server_.counters().malformed, 2U);
}

TEST_F(TurnRelay, StateIsSavedAndRestored) {
  EXPECT_EQ(bind(*a_, 0x4001, at_b_), 0);
  EXPECT_EQ(permit(*b_, at_a_), 0);
  now_ += 100s;
  const std::vector<std::byte> saved = server_.allocations().save(now_);

  testing::SeededRandom random(2);
  Server other({}, accounts_, crypto_, random);
  const Instant later = Instant{} + 1s;  // another run, another clock
  ASSERT_TRUE(other.allocations().restore(later, saved));
  EXPECT_EQ(other.allocations().size(), 2U);
  EXPECT_EQ(other.next_timeout(), later + 500s);
  std::string frame("\x40\x01\x00\x02hi", 6);
  std::vector<std::byte> message(6);
  copy_bytes(as_bytes(frame), message);
  const auto relayed = other.handle(later, kUnix, {a_->path, {}, message}, out_);
  ASSERT_TRUE(relayed);
  EXPECT_EQ(relayed->to, b_->path);
  const Instant end = later + 200s;
  copy_bytes(as_bytes(frame), message);
  EXPECT_FALSE(other.handle(end, kUnix, {a_->path, {}, message}, out_)) << "permissions end when they would have";

  for (std::size_t size = 0; size < saved.size(); ++size) {
    Server cut({}, accounts_, crypto_, random);
    EXPECT_FALSE(cut.allocations().restore(later, Bytes(saved).first(size))) << size;
    EXPECT_EQ(cut.allocations().size(), 0U);
    EXPECT_EQ(cut.next_timeout(), kNever);
  }
}

}  // namespace
}  // namespace bamgate::turn
