// Alerts and the end of a session: who is told what, and what comes after.
#include <gtest/gtest.h>

#include "core/writer.h"
#include "dtls/raw_peer.h"
#include "dtls/record.h"

namespace bamgate::dtls::testing {
namespace {

constexpr std::uint8_t kAlert = 21;

Datagram alert(std::uint8_t level, std::uint8_t description) { return {std::byte{level}, std::byte{description}}; }

/// An alert that anybody can write.
Datagram plain_alert(std::uint8_t level, std::uint8_t description, std::uint32_t sequence = 1000) {
  Datagram record(15);
  Writer writer(record);
  writer.u8(kAlert);
  writer.u16(kDtls12);
  writer.u32(0);  // epoch 0
  writer.u32(sequence);
  writer.u16(2);
  writer.u8(level);
  writer.u8(description);
  EXPECT_TRUE(writer.ok());
  return record;
}

TEST(DtlsAlert, AFatalOneOfAnyKindEndsTheSessionWithoutAnAnswer) {
  for (const Role role : kBothRoles) {
    for (const int description : {0, 10, 40, 80, 100, 255}) {
      Secured secured(role);
      EXPECT_TRUE(secured.deliver_record(kAlert, alert(2, static_cast<std::uint8_t>(description))));
      EXPECT_EQ(secured.ours.closed, std::vector{Error::kAlertReceived});
      EXPECT_TRUE(secured.take_ours().empty());
    }
  }
}

TEST(DtlsAlert, WarningsAndUnknownLevelsChangeNothing) {
  for (const Role role : kBothRoles) {
    Secured secured(role);
    for (int description = 0; description <= 255; ++description) {
      const auto code = static_cast<std::uint8_t>(description);
      if (code != 0) (void)secured.deliver_record(kAlert, alert(1, code));
      for (const std::uint8_t level : {std::uint8_t{0}, std::uint8_t{3}, std::uint8_t{255}}) {
        (void)secured.deliver_record(kAlert, alert(level, code));
      }
    }
    EXPECT_TRUE(secured.take_ours().empty());
    EXPECT_TRUE(secured.deliver_record(kData, Datagram(10)));
    EXPECT_EQ(secured.ours.received.size(), 1U);
    EXPECT_TRUE(secured.ours.session->connected());
  }
}

TEST(DtlsAlert, OfAWrongLengthFromTheTruePeerEndsTheSessionWithAnAlert) {
  for (const std::size_t size : {1U, 3U, 4U}) {
    Secured secured(Role::kClient);
    (void)secured.deliver_record(kAlert, Datagram(size, std::byte{1}));
    EXPECT_EQ(secured.ours.closed, std::vector{Error::kProtocolViolation});
    EXPECT_EQ(secured.our_words(), Datagrams{alert(2, 10)});  // unexpected_message
  }
}

TEST(DtlsAlert, CloseNotifyIsAnsweredWithCloseNotify) {
  for (const Role role : kBothRoles) {
    Secured secured(role);
    EXPECT_TRUE(secured.deliver_record(kAlert, alert(1, 0)));
    EXPECT_EQ(secured.ours.closed, std::vector{Error::kClosedByPeer});
    EXPECT_EQ(secured.our_words(), Datagrams{alert(1, 0)});
  }
}

TEST(DtlsAlert, CloseSendsCloseNotifyUnderTheKeys) {
  for (const Role role : kBothRoles) {
    Secured secured(role);
    secured.ours.session->close(secured.now);
    EXPECT_EQ(secured.our_words(), Datagrams{alert(1, 0)});
    EXPECT_EQ(secured.ours.closed, std::vector{Error::kClosedLocally});
  }
}

TEST(DtlsAlert, BothMayCloseAtTheSameTime) {
  Pair pair;
  pair.connect();
  pair.client.session->close(pair.now);
  pair.server.session->close(pair.now);
  pair.exchange();
  for (const bool client : {true, false}) {
    EXPECT_EQ(pair.side(client).closed, std::vector{Error::kClosedLocally});
    EXPECT_TRUE(pair.take_output(pair.side(client)).empty());
  }
}

TEST(DtlsAlert, DataBehindCloseNotifyIsNotDelivered) {
  Pair pair;
  pair.connect();
  const Datagram late = pair.sealed(true, 20);
  const Datagram also_late = pair.sealed(true, 21);
  pair.client.session->close(pair.now);
  Datagram both = pair.take_output(pair.client).at(0);
  both.insert(both.end(), late.begin(), late.end());
  EXPECT_TRUE(Pair::deliver(pair.server, pair.now, both));
  EXPECT_EQ(Pair::deliver(pair.server, pair.now, also_late).error(), Error::kClosed);
  EXPECT_EQ(pair.server.closed, std::vector{Error::kClosedByPeer});
  EXPECT_TRUE(pair.server.received.empty());
}

TEST(DtlsAlert, DataBeforeCloseNotifyIsDelivered) {
  Pair pair;
  pair.connect();
  Datagram both = pair.sealed(true, 20);
  pair.client.session->close(pair.now);
  const Datagram close = pair.take_output(pair.client).at(0);
  both.insert(both.end(), close.begin(), close.end());
  EXPECT_TRUE(Pair::deliver(pair.server, pair.now, both));
  EXPECT_EQ(pair.server.order, (std::vector<std::size_t>{0, 1, 2}));  // Connected, ApplicationData, Closed
}

TEST(DtlsAlert, AForgedOneAfterTheHandshakeIsIgnored) {
  Pair pair;
  pair.connect();
  for (const bool client : {true, false}) {
    for (const Datagram& forged : {plain_alert(1, 0), plain_alert(2, 40), plain_alert(1, 100)}) {
      EXPECT_EQ(Pair::deliver(pair.side(client), pair.now, forged).error(), Error::kBadRecord);
    }
    EXPECT_TRUE(pair.take_output(pair.side(client)).empty());
  }
  EXPECT_TRUE(pair.both_connected());
}

TEST(DtlsAlert, APlainWarningDuringTheHandshakeIsIgnoredAndAFatalOneBelieved) {
  for (const bool fatal : {false, true}) {
    Pair pair;
    pair.start();
    ASSERT_EQ(pair.take_output(pair.client).size(), 1U);
    (void)Pair::deliver(pair.client, pair.now, plain_alert(fatal ? 2 : 1, 40, 0));
    EXPECT_EQ(pair.client.closed, fatal ? std::vector{Error::kAlertReceived} : std::vector<Error>{});
    pair.run();
    EXPECT_EQ(pair.both_connected(), !fatal);
  }
}

TEST(DtlsAlert, ACloseDuringTheHandshakeIsToldToTheOtherSide) {
  Pair pair;
  pair.start();
  const auto hello = pair.take_output(pair.client);
  ASSERT_TRUE(Pair::deliver(pair.server, pair.now, hello.at(0)));
  pair.client.session->close(pair.now);
  pair.exchange();
  EXPECT_EQ(pair.client.closed, std::vector{Error::kClosedLocally});
  EXPECT_EQ(pair.server.closed, std::vector{Error::kClosedByPeer});
}

TEST(DtlsAlert, AServerThatHeardNothingSaysNothingInTheEnd) {
  Pair pair;
  pair.network = [](bool, const Datagram&) { return Datagrams{}; };
  pair.connect();
  EXPECT_EQ(pair.server.closed, std::vector{Error::kHandshakeTimeout});
  EXPECT_TRUE(std::ranges::all_of(pair.transcript, [](const auto& sent) { return sent.first; }));
}

TEST(DtlsAlert, AClientThatGivesUpTellsTheServerThatWasComplete) {
  Pair pair;
  pair.network = [&](bool from_client, const Datagram& datagram) {
    return !from_client && pair.server.session->connected() ? Datagrams{} : Datagrams{datagram};
  };
  pair.connect();
  EXPECT_EQ(pair.client.closed, std::vector{Error::kHandshakeTimeout});
  EXPECT_EQ(pair.server.connected, 1);
  EXPECT_EQ(pair.server.closed, std::vector{Error::kClosedByPeer});  // it does not keep a session that nobody shares
}

/// Runs a session of the given role into a failure, and gives it everything that could wake it again.
void expect_silence(Side& side, Pair& pair) {
  ASSERT_EQ(side.closed.size(), 1U);
  for (int again = 0; again < 3; ++again) {
    for (const auto& [from_client, datagram] : pair.transcript) (void)Pair::deliver(side, pair.now, datagram);
    pair.now += 10s;
    side.session->handle_timeout(pair.now);
    side.session->start(pair.now);
    EXPECT_TRUE(pair.take_output(side).empty());
  }
  EXPECT_EQ(side.closed.size(), 1U);
  EXPECT_EQ(side.session->next_timeout(), kNever);
}

TEST(DtlsAlert, AFailedSessionSendsNothingButItsAlert) {
  for (const bool client_refuses : {true, false}) {
    Pair pair;
    pair.create(
        pair.client.options(Role::kClient, client_refuses ? Fingerprint{} : pair.server.certificate->fingerprint()),
        pair.server.options(Role::kServer, client_refuses ? pair.client.certificate->fingerprint() : Fingerprint{}));
    pair.connect();
    int alerts = 0;
    for (const auto& [from_client, datagram] : pair.transcript) alerts += datagram[0] == std::byte{kAlert} ? 1 : 0;
    EXPECT_EQ(alerts, 1);
    EXPECT_EQ(pair.transcript.back().first, client_refuses);
    EXPECT_EQ(pair.transcript.back().second[0], std::byte{kAlert});
    expect_silence(pair.client, pair);
    expect_silence(pair.server, pair);
  }
}

}  // namespace
}  // namespace bamgate::dtls::testing
