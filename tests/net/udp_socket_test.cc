// UDP batches over the loopback interface, both families.
#include "net/udp_socket.h"

#include <vector>

#include "net_test.h"

namespace bamgate::net {
namespace {

class UdpSocketTest : public NetTest, public ::testing::WithParamInterface<const char*> {
 protected:
  Endpoint here() const { return {*IpAddress::parse(GetParam()), 0}; }

  std::vector<std::string> receive(UdpSocket& socket, std::size_t count) {
    std::vector<std::string> got;
    FdWatcher watcher(loop_, socket.fd());
    watcher.on_readable([&] {
      const std::size_t arrived = socket.receive_batch(pool_, slots_);
      for (std::size_t i = 0; i < arrived; ++i) {
        got.emplace_back(as_text(slots_[i].packet.data()));
        last_from_ = slots_[i].from;
        last_ecn_ = slots_[i].ecn;
      }
    });
    wait_for([&] { return got.size() >= count; });
    return got;
  }

  BufferPool pool_;
  std::array<UdpReceived, UdpSocket::kBatch> slots_;
  Endpoint last_from_;
  Ecn last_ecn_ = Ecn::kNotCapable;
};

INSTANTIATE_TEST_SUITE_P(Families, UdpSocketTest, ::testing::Values("127.0.0.1", "::1"));

TEST_P(UdpSocketTest, BatchArrivesInOrderWithItsSender) {
  UdpSocket left = UdpSocket::open(here()).value();
  UdpSocket right = UdpSocket::open(here()).value();
  EXPECT_NE(left.local_endpoint().port, 0);
  std::vector<std::string> texts;
  std::vector<UdpTransmit> batch;
  for (int i = 0; i < 100; ++i) texts.push_back("datagram " + std::to_string(i));
  for (const std::string& text : texts) batch.push_back({right.local_endpoint(), as_bytes(text)});
  EXPECT_EQ(left.send_batch(batch), 100U);
  EXPECT_EQ(receive(right, 100), texts);
  EXPECT_EQ(last_from_, left.local_endpoint());
  EXPECT_EQ(left.counters().sent, 100U);
  EXPECT_EQ(right.counters().received, 100U);
  EXPECT_EQ(right.counters().receive_errors, 0U);
}

TEST_P(UdpSocketTest, PacketsHaveHeadroomAndSlotsAreUsedAgain) {
  UdpSocket left = UdpSocket::open(here()).value();
  UdpSocket right = UdpSocket::open(here()).value();
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(left.send(right.local_endpoint(), as_bytes("x")), UdpSend::kSent);
    EXPECT_EQ(receive(right, 1).size(), 1U);
    EXPECT_EQ(slots_[0].packet.headroom(), kHeadroom);
  }
  EXPECT_EQ(pool_.allocations(), UdpSocket::kBatch);
}

TEST_P(UdpSocketTest, EcnBitsTravelBothWays) {
  UdpSocket left = UdpSocket::open(here()).value();
  UdpSocket right = UdpSocket::open(here()).value();
  for (const Ecn ecn : {Ecn::kCapable0, Ecn::kCongestion, Ecn::kNotCapable}) {
    EXPECT_EQ(left.send(right.local_endpoint(), as_bytes("x"), ecn), UdpSend::kSent);
    EXPECT_EQ(receive(right, 1).size(), 1U);
    EXPECT_EQ(last_ecn_, ecn);
  }
}

TEST_P(UdpSocketTest, SocketOnEveryAddressAnswersFromTheOneThatWasAsked) {
  // Every 127.0.0.0/8 is ours, and an answer goes out from 127.0.0.1 by itself. ::1 is alone.
  const bool v4 = here().address.is_v4();
  UdpOptions options;
  options.tell_local = true;
  UdpSocket server = UdpSocket::open({*IpAddress::parse(v4 ? "0.0.0.0" : "::"), 0}, options).value();
  UdpSocket client = UdpSocket::open(here()).value();
  const Endpoint asked{*IpAddress::parse(v4 ? "127.0.0.77" : "::1"), server.local_endpoint().port};
  EXPECT_EQ(client.send(asked, as_bytes("question"), Ecn::kCapable0), UdpSend::kSent);
  EXPECT_EQ(receive(server, 1).size(), 1U);
  EXPECT_EQ(slots_[0].to, asked.address);
  EXPECT_EQ(last_ecn_, Ecn::kCapable0);
  const UdpTransmit answer{
      .to = last_from_, .data = as_bytes("answer"), .segment_size = 0, .ecn = Ecn::kCapable1, .from = slots_[0].to};
  EXPECT_EQ(server.send(answer), UdpSend::kSent);
  EXPECT_EQ(receive(client, 1).size(), 1U);
  EXPECT_EQ(last_from_, asked);
  EXPECT_EQ(last_ecn_, Ecn::kCapable1);
}

TEST_P(UdpSocketTest, RunIsCutIntoDatagramsOfItsSegmentSize) {
  UdpSocket left = UdpSocket::open(here()).value();
  UdpSocket right = UdpSocket::open(here()).value();
  const std::string run = std::string(1000, 'a') + std::string(1000, 'b') + std::string(500, 'c');
  const UdpTransmit transmit{right.local_endpoint(), as_bytes(run), 1000, Ecn::kNotCapable};
  EXPECT_EQ(left.send_batch(std::span(&transmit, 1)), 1U);
  EXPECT_EQ(receive(right, 3), (std::vector{std::string(1000, 'a'), std::string(1000, 'b'), std::string(500, 'c')}));
  EXPECT_EQ(left.counters().sent, 3U);
}

TEST_P(UdpSocketTest, OverlongDatagramIsDroppedAndCounted) {
  UdpSocket left = UdpSocket::open(here()).value();
  UdpSocket right = UdpSocket::open(here()).value();
  const std::string long_one(kBlockSize, 'x');
  EXPECT_EQ(left.send(right.local_endpoint(), as_bytes(long_one)), UdpSend::kSent);
  EXPECT_EQ(left.send(right.local_endpoint(), as_bytes("short")), UdpSend::kSent);
  EXPECT_EQ(receive(right, 1), std::vector<std::string>{"short"});
  EXPECT_EQ(right.counters().receive_truncated, 1U);
}

TEST_P(UdpSocketTest, NothingThereMeansNothingReceived) {
  UdpSocket socket = UdpSocket::open(here()).value();
  EXPECT_EQ(socket.receive_batch(pool_, slots_), 0U);
  EXPECT_EQ(socket.counters().receive_errors, 0U);
}

TEST_P(UdpSocketTest, RefusedDatagramIsCountedAndTheRestOfTheBatchGoesOn) {
  UdpOptions options;
  options.dont_fragment = true;
  UdpSocket left = UdpSocket::open(here(), options).value();
  UdpSocket right = UdpSocket::open(here()).value();
  const std::string too_large(65'530, 'x');
  const std::array<UdpTransmit, 3> batch = {UdpTransmit{right.local_endpoint(), as_bytes("one")},
                                            UdpTransmit{right.local_endpoint(), as_bytes(too_large)},
                                            UdpTransmit{right.local_endpoint(), as_bytes("two")}};
  EXPECT_EQ(left.send_batch(batch), 3U);
  EXPECT_EQ(left.counters().send_errors, 1U);
  EXPECT_EQ(left.send(right.local_endpoint(), as_bytes(too_large)), UdpSend::kDropped);
  EXPECT_EQ(receive(right, 2), (std::vector<std::string>{"one", "two"}));
}

TEST_P(UdpSocketTest, PortInUseIsToldApart) {
  UdpSocket socket = UdpSocket::open(here()).value();
  const auto second = UdpSocket::open(socket.local_endpoint());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Error::kInUse);
  EXPECT_FALSE(UdpSocket::open(Endpoint{}).has_value());
}

}  // namespace
}  // namespace bamgate::net
