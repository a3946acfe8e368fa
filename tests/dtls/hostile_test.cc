// What anybody on the path may send, at every step of the handshake; and the ClientHellos of large browsers.
#include <gtest/gtest.h>

#include "core/reader.h"
#include "core/writer.h"
#include "dtls/pair.h"
#include "dtls/record.h"
#include "support/sanitized.h"

namespace bamgate::dtls::testing {
namespace {

/// Datagrams that are no DTLS, or records that cannot be right.
std::vector<Datagram> garbage(SeededRandom& random) {
  std::vector<Datagram> all{{}, Datagram(1), Datagram(2000, std::byte{0xff})};
  for (const int type : {20, 21, 22, 23, 24, 99}) {
    for (const int epoch : {0, 1, 2}) {
      Datagram record(13 + 40);
      random.fill(record);
      record[0] = static_cast<std::byte>(type);
      record[1] = std::byte{0xfe};
      record[2] = std::byte{0xfd};
      record[3] = std::byte{0};
      record[4] = static_cast<std::byte>(epoch);
      record[11] = std::byte{0};
      record[12] = std::byte{40};
      record[14] = std::byte{0xff};  // a handshake message of 16 MiB
      all.push_back(record);
      record.resize(20);  // cut off
      all.push_back(record);
    }
  }
  return all;
}

TEST(DtlsHostile, GarbageAtEachStepIsCountedAndChangesNothing) {
  Pair clean;
  clean.connect();
  Pair pair;
  SeededRandom random(77);
  pair.network = [&](bool, const Datagram& datagram) {
    // Before and behind each record: also between ChangeCipherSpec and Finished, where mbedTLS gives up for a wrong
    // tag.
    std::vector<Datagram> arriving = garbage(random);
    Bytes rest = datagram;
    while (const auto record = take_record(rest)) {
      arriving.emplace_back(record->whole.begin(), record->whole.end());
      for (const Datagram& junk : garbage(random)) arriving.push_back(junk);
    }
    return arriving;
  };
  pair.start();
  for (const Datagram& junk : garbage(random)) {
    (void)Pair::deliver(pair.server, pair.now, junk);
    (void)Pair::deliver(pair.client, pair.now, junk);
  }
  pair.run();
  EXPECT_TRUE(pair.both_connected());
  EXPECT_EQ(pair.transcript, clean.transcript);
  EXPECT_GT(pair.client.session->counters().not_dtls, 10U);
  EXPECT_GT(pair.client.session->counters().records, 10U);
  EXPECT_GT(pair.server.session->counters().records, 10U);
}

TEST(DtlsHostile, EveryCutAndEveryFlippedByteOfTheHandshakeIsSurvivedOrRefused) {
  Pair original;
  original.connect();
  SeededRandom random(5);
  const int variants = bamgate::testing::kSanitized ? 20 : 60;
  for (std::size_t index = 0; index < original.transcript.size(); ++index) {
    for (int variant = 0; variant < variants; ++variant) {
      Pair pair;
      std::size_t sent = 0;
      pair.network = [&](bool, const Datagram& datagram) {
        Datagram changed = datagram;
        if (sent++ == index) {
          if (variant % 2 == 0) {
            changed.resize(random.below(static_cast<std::uint32_t>(changed.size())));
          } else {
            changed[random.below(static_cast<std::uint32_t>(changed.size()))] ^=
                static_cast<std::byte>(1 + random.below(255));
          }
        }
        return Datagrams{changed};
      };
      pair.connect();
      // Either both hold the promised certificates, or neither has a session.
      EXPECT_TRUE(pair.both_connected() || !pair.client.closed.empty() || !pair.server.closed.empty());
      EXPECT_LE(pair.client.closed.size(), 1U);
      EXPECT_LE(pair.server.closed.size(), 1U);
    }
  }
}

TEST(DtlsHostile, AServerThatWaitsForAClientHelloIgnoresAllElse) {
  Pair pair;
  pair.connect();
  Pair fresh;
  fresh.start();
  for (const auto& [from_client, datagram] : pair.transcript) {
    if (from_client && &datagram == &pair.transcript.front().second) continue;
    (void)Pair::deliver(fresh.server, fresh.now, datagram);
  }
  EXPECT_TRUE(fresh.take_output(fresh.server).empty());
  fresh.run();
  EXPECT_TRUE(fresh.both_connected());
}

TEST(DtlsHostile, AClientHelloAfterTheHandshakeIsIgnored) {
  Pair pair;
  pair.connect();
  Pair other(9);
  other.start();
  const auto hello = other.take_output(other.client);
  EXPECT_FALSE(Pair::deliver(pair.server, pair.now, hello.at(0)));
  EXPECT_TRUE(pair.take_output(pair.server).empty());
  EXPECT_TRUE(pair.both_connected());
}

TEST(DtlsHostile, RecordsOfALaterEpochAreNotKeptForTheEndOfTheHandshake) {
  Pair pair;
  pair.start();
  const auto hello = pair.take_output(pair.client);
  ASSERT_TRUE(Pair::deliver(pair.server, pair.now, hello.at(0)));
  for (const int epoch : {2, 3, 255}) {
    Datagram record(13 + 40);
    copy_bytes(Bytes(hello.at(0)).first(13), record);
    record[0] = std::byte{23};
    record[4] = static_cast<std::byte>(epoch);
    record[11] = std::byte{0};
    record[12] = std::byte{40};
    EXPECT_EQ(Pair::deliver(pair.server, pair.now, record).error(), Error::kBadRecord);
    record[4] = std::byte{1};
    EXPECT_TRUE(Pair::deliver(pair.server, pair.now, record)) << "while one of the coming epoch waits";
  }
}

TEST(DtlsHostile, TwoClientsOrTwoServersNeverConnect) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    Pair pair;
    pair.create(pair.client.options(role, pair.server.certificate->fingerprint()),
                pair.server.options(role, pair.client.certificate->fingerprint()));
    pair.connect();
    EXPECT_EQ(pair.client.closed, std::vector{Error::kHandshakeTimeout});
    EXPECT_EQ(pair.server.closed, std::vector{Error::kHandshakeTimeout});
  }
}

TEST(DtlsHostile, QueuesAreBounded) {
  Pair pair;
  pair.connect();
  for (int i = 0; i < 200; ++i) {
    Datagram data = pair.sealed(true, 10);
    (void)pair.server.session->handle_input(pair.now, Received{.path = {}, .data = data});
  }
  EXPECT_EQ(pair.server.session->counters().events, 200U - 128U);
  pair.server.session->close(pair.now);
  pair.server.drain_events();
  EXPECT_EQ(pair.server.received.size(), 128U);
  EXPECT_EQ(pair.server.closed.size(), 1U);  // the last event always has room
}

TEST(DtlsHostile, ATransmitBufferThatIsTooSmallDropsTheDatagram) {
  Pair pair;
  pair.start();
  std::array<std::byte, 50> small{};
  EXPECT_FALSE(pair.client.session->poll_transmit(pair.now, small));
  EXPECT_EQ(pair.client.session->counters().transmits, 1U);
  pair.run();
  EXPECT_TRUE(pair.both_connected());
}

/// Cuts the ClientHello of a datagram into records with fragments of at most `size` bytes, and makes it larger first by
/// an extension that nobody knows, as post-quantum key shares do.
std::vector<Datagram> fragmented(const Datagram& datagram, std::size_t padding, std::size_t size) {
  const std::size_t headers = kRecordHeader + kHandshakeHeader;
  Datagram body(datagram.begin() + static_cast<std::ptrdiff_t>(headers), datagram.end());
  // Where the extensions' length stands: version 2, random 32, session id, cookie, suites, compression.
  std::size_t at = 34;
  at += 1 + std::to_integer<std::size_t>(body[at]);
  at += 1 + std::to_integer<std::size_t>(body[at]);
  at += 2 + std::to_integer<std::size_t>(body[at]) * 256 + std::to_integer<std::size_t>(body[at + 1]);
  at += 1 + std::to_integer<std::size_t>(body[at]);
  if (padding != 0) {
    const std::size_t extensions = body.size() - at - 2 + 4 + padding;
    body[at] = static_cast<std::byte>(extensions >> 8);
    body[at + 1] = static_cast<std::byte>(extensions & 0xff);
    for (const std::size_t byte : {std::size_t{0xfa}, std::size_t{0xfa}, padding >> 8, padding & 0xff}) {
      body.push_back(static_cast<std::byte>(byte));
    }
    body.resize(body.size() + padding, std::byte{0x77});
  }
  std::vector<Datagram> pieces;
  for (std::size_t offset = 0; offset < body.size(); offset += size) {
    const std::size_t count = std::min(size, body.size() - offset);
    Datagram piece(headers + count);
    Writer writer(piece);
    writer.u8(22);
    writer.u16(kDtls10);
    // All have the record sequence number of the original, so that the client's next records are still new.
    writer.bytes(Bytes(datagram).subspan(3, 8));
    writer.u16(static_cast<std::uint16_t>(kHandshakeHeader + count));
    writer.u8(kClientHello);
    writer.u24(static_cast<std::uint32_t>(body.size()));
    writer.bytes(Bytes(datagram).subspan(17, 2));
    writer.u24(static_cast<std::uint32_t>(offset));
    writer.u24(static_cast<std::uint32_t>(count));
    writer.bytes(Bytes(body).subspan(offset, count));
    EXPECT_TRUE(writer.ok());
    EXPECT_EQ(writer.size(), piece.size());
    pieces.push_back(piece);
  }
  return pieces;
}

TEST(DtlsClientHello, InFragmentsIsPutTogetherInAnyOrder) {
  for (const bool reversed : {false, true}) {
    Pair pair;
    int hellos = 0;
    pair.network = [&](bool from_client, const Datagram& datagram) {
      if (!from_client || datagram[13] != std::byte{kClientHello} || datagram[0] != std::byte{22}) {
        return Datagrams{datagram};
      }
      ++hellos;
      auto pieces = fragmented(datagram, 0, 30);
      EXPECT_GT(pieces.size(), 2U);
      if (reversed) std::ranges::reverse(pieces);
      pieces.insert(pieces.begin(), pieces.back());  // and one twice
      return pieces;
    };
    pair.connect();
    EXPECT_EQ(hellos, 1);
    EXPECT_TRUE(pair.both_connected());
    EXPECT_EQ(pair.now, Instant(std::chrono::hours(5)));
  }
}

TEST(DtlsClientHello, InFragmentsSurvivesTheLossOfOneAndIsAnsweredAgain) {
  Pair pair;
  int hellos = 0;
  int answers = 0;
  pair.network = [&](bool from_client, const Datagram& datagram) {
    if (!from_client) return answers++ == 0 ? Datagrams{} : Datagrams{datagram};
    if (datagram[13] != std::byte{kClientHello} || datagram[0] != std::byte{22}) return Datagrams{datagram};
    auto pieces = fragmented(datagram, 0, 30);
    if (hellos++ == 0) pieces.erase(pieces.begin());
    return pieces;
  };
  pair.connect();
  EXPECT_EQ(hellos, 2);  // the first in vain; the second completes it
  EXPECT_TRUE(pair.both_connected());
}

TEST(DtlsClientHello, OfABrowserWithPostQuantumKeySharesIsAnswered) {
  for (const std::size_t padding : {1200U, 4000U, 15000U}) {
    Pair pair;
    pair.start();
    const auto hello = pair.take_output(pair.client);
    for (const Datagram& piece : fragmented(hello.at(0), padding, 1100)) {
      EXPECT_TRUE(Pair::deliver(pair.server, pair.now, piece));
    }
    // The client's own transcript lacks the padding, so this handshake cannot be finished; but the server answers.
    const auto answer = pair.take_output(pair.server);
    ASSERT_FALSE(answer.empty()) << padding;
    EXPECT_EQ(answer[0][0], std::byte{22});
    EXPECT_EQ(answer[0][13], std::byte{2});  // ServerHello
  }
}

}  // namespace
}  // namespace bamgate::dtls::testing
