// The handshake on networks that lose, repeat and reorder; and its end when nobody answers.
#include <gtest/gtest.h>

#include "dtls/pair.h"

namespace bamgate::dtls::testing {
namespace {

std::size_t handshake_datagrams(std::size_t mtu) {
  Pair pair;
  auto client = pair.client.options(Role::kClient, pair.server.certificate->fingerprint());
  auto server = pair.server.options(Role::kServer, pair.client.certificate->fingerprint());
  client.handshake_mtu = server.handshake_mtu = mtu;
  pair.create(client, server);
  pair.connect();
  return pair.transcript.size();
}

/// Loses the datagrams `first` to `first + count - 1`, counted over both directions.
void connects_without(std::size_t mtu, std::size_t first, std::size_t count) {
  Pair pair;
  auto client = pair.client.options(Role::kClient, pair.server.certificate->fingerprint());
  auto server = pair.server.options(Role::kServer, pair.client.certificate->fingerprint());
  client.handshake_mtu = server.handshake_mtu = mtu;
  pair.create(client, server);
  std::size_t sent = 0;
  pair.network = [&](bool, const Datagram& datagram) {
    const std::size_t index = sent++;
    const bool lost = index >= first && index < first + count;
    return lost ? Datagrams{} : Datagrams{datagram};
  };
  pair.connect();
  ASSERT_TRUE(pair.both_connected()) << "mtu " << mtu << ", lost " << first << " + " << count;
  EXPECT_EQ(pair.client.connected, 1);
  EXPECT_EQ(pair.server.connected, 1);
  EXPECT_LE(pair.now, Instant(std::chrono::hours(5) + 16s));
  EXPECT_TRUE(Pair::deliver(pair.server, pair.now, pair.sealed(true, 1400)));
  EXPECT_TRUE(Pair::deliver(pair.client, pair.now, pair.sealed(false, 1400)));
  EXPECT_EQ(pair.server.received.size(), 1U);
  EXPECT_EQ(pair.client.received.size(), 1U);
}

TEST(DtlsRetransmission, TheLossOfAnyDatagramIsMadeUpFor) {
  for (const std::size_t mtu : {1200U, 400U}) {
    const std::size_t total = handshake_datagrams(mtu);
    ASSERT_GE(total, 4U);
    for (std::size_t lost = 0; lost < total; ++lost) connects_without(mtu, lost, 1);
  }
}

TEST(DtlsRetransmission, TheLossOfSeveralInARowIsMadeUpForAndTheDataMtuSurvivesIt) {
  for (std::size_t first = 0; first < 4; ++first) {
    for (const std::size_t count : {2U, 3U, 4U}) connects_without(1200, first, count);
  }
}

TEST(DtlsRetransmission, TimeoutsDoubleFromOneSecond) {
  Pair pair;
  pair.network = [](bool, const Datagram&) { return Datagrams{}; };
  pair.start();
  std::vector<Duration> waits;
  pair.exchange();
  const std::size_t flight = pair.transcript.at(0).second.size();
  for (int i = 0; i < 4; ++i) {
    const Instant before = pair.now;
    ASSERT_TRUE(pair.advance());
    waits.push_back(pair.now - before);
    pair.exchange();
  }
  EXPECT_EQ(waits, (std::vector<Duration>{1s, 2s, 4s, 8s}));
  EXPECT_EQ(pair.transcript.size(), 5U);
  for (const auto& [from_client, datagram] : pair.transcript) EXPECT_EQ(datagram.size(), flight);
}

TEST(DtlsRetransmission, AKnownRoundTripShortensTheFirstTimeout) {
  EXPECT_EQ(initial_retransmit(std::nullopt), 1000ms);
  EXPECT_EQ(initial_retransmit(Duration(0ms)), 100ms);
  EXPECT_EQ(initial_retransmit(Duration(33ms)), 100ms);
  EXPECT_EQ(initial_retransmit(Duration(50ms)), 150ms);
  EXPECT_EQ(initial_retransmit(Duration(333ms)), 999ms);
  EXPECT_EQ(initial_retransmit(Duration(10s)), 1000ms);
  Pair pair;
  pair.network = [](bool, const Datagram&) { return Datagrams{}; };
  pair.client.session->start(pair.now, Duration(50ms));
  std::vector<Duration> waits;
  for (int i = 0; i < 5; ++i) {
    const Instant before = pair.now;
    ASSERT_TRUE(pair.advance());
    waits.push_back(pair.now - before);
  }
  EXPECT_EQ(waits, (std::vector<Duration>{150ms, 300ms, 600ms, 1200ms, 2400ms}));
}

TEST(DtlsRetransmission, ManyTimeoutsDoNotCutTheDatagramsOfAFlight) {
  Pair pair;
  pair.network = [](bool from_client, const Datagram& datagram) {
    return from_client ? Datagrams{datagram} : Datagrams{};
  };
  pair.server.session->start(pair.now);
  pair.client.session->start(pair.now);
  pair.exchange();
  for (int i = 0; i < 8 && pair.advance(); ++i) pair.exchange();
  std::vector<std::size_t> sizes;
  for (const auto& [from_client, datagram] : pair.transcript) {
    if (!from_client && datagram[0] == std::byte{22}) sizes.push_back(datagram.size());
  }
  ASSERT_GE(sizes.size(), 5U);
  EXPECT_GT(sizes.front(), 508U);  // what mbedTLS would fall back to
  EXPECT_TRUE(std::ranges::all_of(sizes, [&](std::size_t size) { return size == sizes.front(); }));
}

TEST(DtlsRetransmission, NobodyThereEndsInATimeoutOnBothSides) {
  Pair pair;
  pair.network = [](bool, const Datagram&) { return Datagrams{}; };
  pair.connect();
  EXPECT_EQ(pair.client.closed, std::vector{Error::kHandshakeTimeout});
  EXPECT_EQ(pair.server.closed, std::vector{Error::kHandshakeTimeout});
  EXPECT_EQ(pair.now, Instant(std::chrono::hours(5) + 30s));
}

TEST(DtlsRetransmission, ALastFlightThatWasLostIsSentAgainAfterCompletion) {
  Pair pair;
  bool lose = true;
  pair.network = [&](bool from_client, const Datagram& datagram) {
    const bool last_flight = !from_client && pair.server.session->connected();
    return lose && last_flight ? Datagrams{} : Datagrams{datagram};
  };
  pair.start();
  pair.exchange();
  ASSERT_TRUE(pair.server.session->connected());
  ASSERT_FALSE(pair.client.session->connected());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(pair.advance());
    pair.exchange();
    ASSERT_FALSE(pair.client.session->connected());
  }
  lose = false;
  ASSERT_TRUE(pair.advance());
  pair.exchange();
  EXPECT_TRUE(pair.both_connected());
  EXPECT_EQ(pair.server.connected, 1);
}

TEST(DtlsRetransmission, DataThatOvertakesTheLastFlightIsKept) {
  Pair pair;
  std::vector<Datagram> held;
  pair.network = [&](bool from_client, const Datagram& datagram) {
    if (from_client || !pair.server.session->connected()) return Datagrams{datagram};
    held.push_back(datagram);
    return Datagrams{};
  };
  pair.start();
  pair.exchange();
  ASSERT_TRUE(pair.server.session->connected());
  ASSERT_FALSE(held.empty());
  for (std::uint8_t i = 0; i < 3; ++i) {
    const Datagram data = pair.sealed(false, 100, i);
    PacketBuffer packet = pair.client.pool.copy(data);
    EXPECT_EQ(pair.client.session->open(pair.now, packet).error(), Error::kNotApplicationData);
    EXPECT_TRUE(Pair::deliver(pair.client, pair.now, data));
  }
  EXPECT_TRUE(pair.client.order.empty());
  for (const Datagram& datagram : held) EXPECT_TRUE(Pair::deliver(pair.client, pair.now, datagram));
  EXPECT_TRUE(pair.client.session->connected());
  EXPECT_EQ(pair.client.order, (std::vector<std::size_t>{0, 1, 1, 1}));  // Connected comes first
}

TEST(DtlsRetransmission, HandshakeAndDataInOneDatagramAreBothTaken) {
  Pair pair;
  std::vector<Datagram> held;
  pair.network = [&](bool from_client, const Datagram& datagram) {
    if (from_client || !pair.server.session->connected()) return Datagrams{datagram};
    held.push_back(datagram);
    return Datagrams{};
  };
  pair.start();
  pair.exchange();
  Datagram all;
  for (const Datagram& datagram : held) all.insert(all.end(), datagram.begin(), datagram.end());
  const Datagram data = pair.sealed(false, 50);
  all.insert(all.end(), data.begin(), data.end());
  EXPECT_TRUE(Pair::deliver(pair.client, pair.now, all));
  EXPECT_TRUE(pair.both_connected());
  EXPECT_EQ(pair.client.received.size(), 1U);
}

TEST(DtlsRetransmission, DuplicatedAndReorderedDatagramsDoNoHarm) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Pair pair(seed);
    auto client = pair.client.options(Role::kClient, pair.server.certificate->fingerprint());
    auto server = pair.server.options(Role::kServer, pair.client.certificate->fingerprint());
    client.handshake_mtu = server.handshake_mtu = 256;  // many datagrams
    pair.create(client, server);
    SeededRandom dice(1000 + seed);
    std::vector<Datagram> late[2];
    pair.network = [&](bool from_client, const Datagram& datagram) {
      std::vector<Datagram> arriving;
      auto& waiting = late[from_client ? 1 : 0];
      if (dice.below(3) == 0) {
        waiting.push_back(datagram);
      } else {
        arriving.push_back(datagram);
        if (dice.below(3) == 0) arriving.push_back(datagram);
        if (dice.below(2) == 0) {
          arriving.insert(arriving.end(), waiting.rbegin(), waiting.rend());
          waiting.clear();
        }
      }
      return arriving;
    };
    pair.connect();
    EXPECT_TRUE(pair.both_connected()) << seed;
  }
}

}  // namespace
}  // namespace bamgate::dtls::testing
