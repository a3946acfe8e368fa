// Which authentic-looking records of a running session count: replays, old ones, other epochs, wrong lengths.
#include <gtest/gtest.h>

#include "dtls/raw_peer.h"
#include "dtls/record.h"

namespace bamgate::dtls::testing {
namespace {

constexpr bool kByServer = false;

struct DtlsWindow : ::testing::Test {
  Secured secured{Role::kClient};

  bool accepted(std::uint64_t sequence, std::uint16_t epoch = 1) {
    const std::size_t before = secured.ours.received.size();
    (void)secured.deliver(secured.forge.seal(kByServer, kData, sequence, Datagram(30), epoch));
    return secured.ours.received.size() > before;
  }
};

TEST_F(DtlsWindow, ReachesBack64RecordsAndTakesEachOnce) {
  EXPECT_TRUE(accepted(1000));
  EXPECT_FALSE(accepted(1000));
  EXPECT_TRUE(accepted(937));
  EXPECT_FALSE(accepted(937));
  EXPECT_FALSE(accepted(936));  // older than the window
  EXPECT_TRUE(accepted(999));
  EXPECT_TRUE(accepted(1'000'000'000'000));
  EXPECT_FALSE(accepted(1000));
  EXPECT_TRUE(secured.ours.session->connected());
}

TEST_F(DtlsWindow, IsNotMovedByARecordWithAWrongTag) {
  Datagram forged = secured.forge.seal(kByServer, kData, 5000, Datagram(30));
  forged.back() ^= std::byte{1};
  EXPECT_EQ(secured.deliver(forged).error(), Error::kBadRecord);
  EXPECT_TRUE(accepted(100));
}

TEST_F(DtlsWindow, RecordsOfAnotherEpochAreDropped) {
  const auto before = secured.ours.session->counters().records;
  for (const int epoch : {0, 2, 3, 65535}) EXPECT_FALSE(accepted(1000, static_cast<std::uint16_t>(epoch))) << epoch;
  EXPECT_EQ(secured.ours.session->counters().records, before + 4);
  EXPECT_TRUE(accepted(1000));
}

TEST_F(DtlsWindow, TheWholeHandshakeAgainIsDropped) {
  const auto transcript = secured.transcript;
  for (const auto& [ours, datagram] : transcript) {
    if (!ours) (void)secured.deliver(datagram);
  }
  EXPECT_TRUE(secured.take_ours().empty());
  EXPECT_EQ(secured.ours.connected, 1);
  EXPECT_TRUE(accepted(1000));
}

TEST_F(DtlsWindow, EveryCutOfARecordIsDroppedAndCounted) {
  const Datagram record = secured.forge.seal(kByServer, kData, 1000, Datagram(30));
  for (std::size_t size = 0; size < record.size(); ++size) {
    Datagram cut(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(secured.deliver(cut)) << size;
    if (size < kRecordHeader) continue;
    // The same with a length that is true.
    cut[11] = static_cast<std::byte>((size - kRecordHeader) >> 8);
    cut[12] = static_cast<std::byte>((size - kRecordHeader) & 0xff);
    EXPECT_FALSE(secured.deliver(cut)) << size;
  }
  EXPECT_TRUE(secured.deliver(record));
}

TEST_F(DtlsWindow, RecordsLongerThanAllowedAreDropped) {
  SeededRandom random(4);
  for (const std::size_t payload : {16384U + 24U, 16384U + 25U, 20'000U, 65'000U}) {
    Datagram record = secured.forge.seal(kByServer, kData, 2000, Datagram(payload - 24));
    EXPECT_EQ(record.size(), kRecordHeader + payload);
    random.fill(MutableBytes(record).subspan(kRecordHeader));
    EXPECT_EQ(secured.deliver(record).error(), Error::kBadRecord) << payload;
  }
  EXPECT_TRUE(accepted(1000));
}

TEST_F(DtlsWindow, EmptyRecordsAreNoDataAndDoNoHarm) {
  for (std::uint64_t i = 0; i < 10; ++i) {
    (void)secured.deliver(secured.forge.seal(kByServer, kData, 1000 + i, {}));
  }
  EXPECT_TRUE(secured.ours.received.empty());
  EXPECT_TRUE(secured.ours.closed.empty());
  EXPECT_TRUE(accepted(1100));
}

TEST_F(DtlsWindow, OtherTypesFromTheTruePeerAreNoData) {
  for (const std::uint8_t type : {std::uint8_t{20}, std::uint8_t{22}}) {
    for (const std::size_t size : {1U, 12U, 40U}) {
      (void)secured.deliver_record(type, Datagram(size, std::byte{1}));
      EXPECT_TRUE(secured.ours.received.empty());
      // Either nothing happened, or the session is over and said so.
      EXPECT_NE(secured.ours.session->connected(), secured.ours.closed.size() == 1);
    }
  }
}

}  // namespace
}  // namespace bamgate::dtls::testing
