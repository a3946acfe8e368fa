// Two sessions: connect, carry data, close, and do it all again byte for byte.
#include "dtls/session.h"

#include <gtest/gtest.h>

#include "dtls/pair.h"

namespace bamgate::dtls::testing {
namespace {

TEST(DtlsSession, BothSidesConnectOnceWithTheirCertificates) {
  Pair pair;
  pair.start();
  EXPECT_FALSE(pair.both_connected());
  pair.run();
  EXPECT_TRUE(pair.both_connected());
  EXPECT_EQ(pair.client.connected, 1);
  EXPECT_EQ(pair.server.connected, 1);
  EXPECT_EQ(pair.client.suite, "TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256");
  EXPECT_EQ(pair.server.suite, pair.client.suite);
  EXPECT_EQ(pair.client.session->overhead(), 29U);
  EXPECT_EQ(pair.next_timeout(), kNever);
  EXPECT_EQ(pair.now, Instant(std::chrono::hours(5)));  // no retransmission was needed
}

TEST(DtlsSession, TheSameSeedGivesTheSameBytes) {
  std::vector<std::pair<bool, Datagram>> transcripts[3];
  for (const std::size_t run : {0U, 1U, 2U}) {
    Pair pair(run == 2 ? 43 : 42);
    pair.connect();
    EXPECT_TRUE(pair.both_connected());
    pair.transcript.emplace_back(true, pair.sealed(true, 100));
    transcripts[run] = pair.transcript;
  }
  EXPECT_EQ(transcripts[0], transcripts[1]);
  EXPECT_NE(transcripts[0], transcripts[2]);
}

TEST(DtlsSession, HandshakeDatagramsKeepWithinTheHandshakeMtu) {
  Pair pair;
  auto client = pair.client.options(Role::kClient, pair.server.certificate->fingerprint());
  auto server = pair.server.options(Role::kServer, pair.client.certificate->fingerprint());
  client.handshake_mtu = server.handshake_mtu = 300;
  pair.create(client, server);
  pair.connect();
  EXPECT_TRUE(pair.both_connected());
  for (const auto& [from_client, datagram] : pair.transcript) EXPECT_LE(datagram.size(), 300U);
  EXPECT_EQ(pair.sealed(true, 1400).size(), 1429U);
}

TEST(DtlsSession, TheClientOffersUseSrtpAndOnlyAeadSuites) {
  Pair pair;
  pair.start();
  const auto hello = pair.take_output(pair.client);
  ASSERT_EQ(hello.size(), 1U);
  const std::string_view text = as_text(hello[0]);
  using namespace std::string_view_literals;
  EXPECT_NE(text.find("\x00\x0e\x00\x05\x00\x02\x00\x01\x00"sv), text.npos);              // use_srtp, RFC 5764 §4.1.1
  EXPECT_NE(text.find("\x00\x17\x00\x00"sv), text.npos);                                  // extended_master_secret
  EXPECT_NE(text.find("\x00\x08\xcc\xa9\xc0\x2b\xc0\x2c\x00\xff\x01\x00"sv), text.npos);  // our suites; no compression
}

TEST(DtlsSession, TheServerAcceptsUseSrtp) {
  Pair pair;
  pair.connect();
  using namespace std::string_view_literals;
  bool accepted = false;
  for (const auto& [from_client, datagram] : pair.transcript) {
    if (!from_client) accepted |= as_text(datagram).find("\x00\x0e\x00\x05\x00\x02\x00\x01\x00"sv) != std::string::npos;
  }
  EXPECT_TRUE(accepted);
}

TEST(DtlsSession, EverySizeIsSealedAndOpenedInPlaceBothWays) {
  Pair pair;
  pair.connect();
  for (const bool by_client : {true, false}) {
    for (std::size_t size = 1; size <= 1400; ++size) {
      const auto fill = static_cast<std::uint8_t>(size);
      PacketBuffer packet = pair.packet(by_client, size, fill);
      const std::byte* const block = packet.data().data() - packet.headroom();
      ASSERT_TRUE(pair.side(by_client).session->seal(pair.now, packet)) << size;
      ASSERT_EQ(packet.size(), size + pair.side(by_client).session->overhead());
      const auto opened = pair.side(!by_client).session->open(pair.now, packet);
      ASSERT_TRUE(opened) << size;
      ASSERT_EQ(opened->size, size);
      ASSERT_EQ(packet.size(), size);
      ASSERT_EQ(packet.data().data() - packet.headroom(), block);
      ASSERT_TRUE(std::ranges::all_of(packet.data(), [&](std::byte byte) { return byte == std::byte{fill}; }));
    }
  }
  EXPECT_EQ(pair.client.pool.allocations(), pair.client.pool.free_blocks());
}

TEST(DtlsSession, DataThroughHandleInputComesOutAsEvents) {
  Pair pair;
  pair.connect();
  Datagram both = pair.sealed(true, 10, 1);
  const Datagram second = pair.sealed(true, 20, 2);
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_TRUE(Pair::deliver(pair.server, pair.now, both));
  EXPECT_EQ(pair.server.received, (std::vector<Datagram>{Datagram(10, std::byte{1}), Datagram(20, std::byte{2})}));
}

TEST(DtlsSession, ABatchOfDatagramsIsCutByItsStride) {
  Pair pair;
  pair.connect();
  Datagram batch = pair.sealed(true, 100, 1);
  const auto stride = static_cast<std::uint16_t>(batch.size());
  for (const std::size_t size : {100U, 40U}) {
    const Datagram next = pair.sealed(true, size, 2);
    batch.insert(batch.end(), next.begin(), next.end());
  }
  EXPECT_TRUE(pair.server.session->handle_input(pair.now, Received{.path = {}, .data = batch, .stride = stride}));
  pair.server.drain_events();
  EXPECT_EQ(pair.server.received.size(), 3U);
  EXPECT_EQ(pair.server.received[2].size(), 40U);
}

TEST(DtlsSession, PacketsLargerThanAnyPathAreSealedWhenTheOwnerWantsIt) {
  Pair pair;
  auto client = pair.client.options(Role::kClient, pair.server.certificate->fingerprint());
  client.data_mtu = 16384;
  pair.create(client, pair.server.options(Role::kServer, pair.client.certificate->fingerprint()));
  pair.connect();
  ASSERT_TRUE(pair.both_connected());
  for (const std::size_t size : {1472U, 9000U, 16384U - 29U}) {
    PacketBuffer packet = pair.client.pool.take(size + 16);
    std::ranges::fill(packet.append(size), std::byte{7});
    ASSERT_TRUE(pair.client.session->seal(pair.now, packet)) << size;
    ASSERT_TRUE(pair.server.session->open(pair.now, packet)) << size;
    EXPECT_EQ(packet.size(), size);
  }
}

TEST(DtlsSession, SealRefusesWhatItCannotSendAndLeavesThePacketAlone) {
  Pair pair;
  PacketBuffer early = pair.packet(true, 10);
  EXPECT_EQ(pair.client.session->seal(pair.now, early).error(), Error::kNotConnected);
  pair.connect();
  PacketBuffer empty = pair.packet(true, 0);
  EXPECT_EQ(pair.client.session->seal(pair.now, empty).error(), Error::kBadSize);
  PacketBuffer large = pair.packet(true, 1472 - 29 + 1);
  EXPECT_EQ(pair.client.session->seal(pair.now, large).error(), Error::kBadSize);
  EXPECT_EQ(large.size(), 1444U);
  PacketBuffer no_head = pair.client.pool.take(100, 12);
  no_head.append(50);
  EXPECT_EQ(pair.client.session->seal(pair.now, no_head).error(), Error::kNoRoom);
  PacketBuffer no_tail = pair.client.pool.take();
  no_tail.append(100);
  const std::size_t shift = no_tail.tailroom() - 15;
  no_tail.append(shift);
  no_tail.remove_prefix(shift);
  EXPECT_EQ(pair.client.session->seal(pair.now, no_tail).error(), Error::kNoRoom);
  EXPECT_TRUE(pair.client.session->connected());
}

TEST(DtlsSession, OpenRefusesEverythingButOneApplicationDataRecord) {
  Pair pair;
  pair.connect();
  pair.client.session->close(pair.now);
  const auto alert = pair.take_output(pair.client);
  ASSERT_EQ(alert.size(), 1U);
  PacketBuffer packet = pair.server.pool.copy(alert[0]);
  EXPECT_EQ(pair.server.session->open(pair.now, packet).error(), Error::kNotApplicationData);
  EXPECT_TRUE(std::ranges::equal(packet.data(), alert[0]));
  EXPECT_TRUE(pair.server.session->connected());
  for (const std::size_t size : {0U, 1U, 12U, 13U, 100U}) {
    PacketBuffer junk = pair.packet(false, size);
    EXPECT_EQ(pair.server.session->open(pair.now, junk).error(), Error::kNotApplicationData);
  }
  Datagram two = pair.sealed(false, 10);
  const Datagram second = pair.sealed(false, 10);
  two.insert(two.end(), second.begin(), second.end());
  PacketBuffer coalesced = pair.server.pool.copy(two);
  EXPECT_EQ(pair.server.session->open(pair.now, coalesced).error(), Error::kNotApplicationData);
}

TEST(DtlsSession, ReplayedAndChangedRecordsAreDroppedAndCounted) {
  Pair pair;
  pair.connect();
  const Datagram record = pair.sealed(true, 100);
  for (std::size_t at = 0; at < record.size(); ++at) {
    Datagram changed = record;
    changed[at] ^= std::byte{0x10};
    PacketBuffer packet = pair.server.pool.copy(changed);
    EXPECT_FALSE(pair.server.session->open(pair.now, packet)) << at;
    EXPECT_TRUE(std::ranges::equal(packet.data(), changed)) << at;
  }
  PacketBuffer packet = pair.server.pool.copy(record);
  EXPECT_TRUE(pair.server.session->open(pair.now, packet));
  PacketBuffer again = pair.server.pool.copy(record);
  EXPECT_EQ(pair.server.session->open(pair.now, again).error(), Error::kBadRecord);
  EXPECT_EQ(Pair::deliver(pair.server, pair.now, record).error(), Error::kBadRecord);
  EXPECT_TRUE(pair.server.received.empty());
  EXPECT_GT(pair.server.session->counters().records, 80U);
  EXPECT_TRUE(pair.server.session->connected());
}

TEST(DtlsSession, AReorderedWindowOfRecordsIsAccepted) {
  Pair pair;
  pair.connect();
  std::vector<Datagram> records;
  for (std::uint8_t i = 0; i < 60; ++i) records.push_back(pair.sealed(true, 30, i));
  std::ranges::reverse(records);
  for (const Datagram& record : records) EXPECT_TRUE(Pair::deliver(pair.server, pair.now, record));
  EXPECT_EQ(pair.server.received.size(), 60U);
}

TEST(DtlsSession, CloseNotifyEndsBothSides) {
  for (const bool by_client : {true, false}) {
    Pair pair;
    pair.connect();
    pair.side(by_client).session->close(pair.now);
    pair.exchange();
    EXPECT_EQ(pair.side(by_client).closed, std::vector{Error::kClosedLocally});
    EXPECT_EQ(pair.side(!by_client).closed, std::vector{Error::kClosedByPeer});
    for (const bool side : {true, false}) {
      Session& session = *pair.side(side).session;
      PacketBuffer packet = pair.packet(side, 10);
      EXPECT_FALSE(session.connected());
      EXPECT_EQ(session.seal(pair.now, packet).error(), Error::kClosed);
      EXPECT_EQ(session.open(pair.now, packet).error(), Error::kClosed);
      EXPECT_EQ(Pair::deliver(pair.side(side), pair.now, Datagram(20)).error(), Error::kClosed);
      session.start(pair.now);
      session.handle_timeout(pair.now + 1h);
      session.close(pair.now);
      EXPECT_EQ(session.next_timeout(), kNever);
      pair.side(side).drain_events();
      EXPECT_EQ(pair.side(side).closed.size(), 1U);
    }
  }
}

TEST(DtlsSession, ClosingBeforeTheHandshakeSendsNothing) {
  Pair pair;
  pair.client.session->close(pair.now);
  EXPECT_TRUE(pair.take_output(pair.client).empty());
  EXPECT_EQ(pair.client.closed, std::vector{Error::kClosedLocally});
}

TEST(DtlsSession, NothingIsAcceptedBeforeStart) {
  Pair pair;
  EXPECT_EQ(pair.next_timeout(), kNever);
  EXPECT_TRUE(pair.take_output(pair.client).empty());
  EXPECT_EQ(Pair::deliver(pair.client, pair.now, Datagram(20)).error(), Error::kNotConnected);
}

TEST(DtlsSession, AMovedSessionGoesOn) {
  Pair pair;
  pair.start();
  Session moved = std::move(*pair.client.session);
  pair.client.session.emplace(std::move(moved));
  pair.run();
  EXPECT_TRUE(pair.both_connected());
}

TEST(DtlsSession, BadOptionsAreRefused) {
  Pair pair;
  const auto good = pair.client.options(Role::kClient, Fingerprint{});
  const auto refused = [](const Session::Options& options) {
    const auto session = Session::create(options);
    return !session && session.error() == Error::kBadOptions;
  };
  EXPECT_FALSE(refused(good));
  auto bad = good;
  bad.certificate = nullptr;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.remote_fingerprints = {};
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.random = nullptr;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.pool = nullptr;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.handshake_mtu = 100;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.data_mtu = 100'000;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.handshake_timeout = 0ms;
  EXPECT_TRUE(refused(bad));
}

}  // namespace
}  // namespace bamgate::dtls::testing
