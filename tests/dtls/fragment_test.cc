// Handshake messages in fragments that another implementation might make: small, overlapping, repeated, in any order.
#include <gtest/gtest.h>

#include "core/writer.h"
#include "dtls/pair.h"
#include "dtls/record.h"

namespace bamgate::dtls::testing {
namespace {

/// How a network that speaks DTLS cuts the plain handshake messages of a datagram.
struct Cut {
  std::size_t size = 50;    // bytes of a fragment
  std::size_t overlap = 0;  // bytes that it shares with the one before
  bool backwards = false;   // the last fragment of a message comes first
  bool with_empty = false;  // an empty fragment before each other
};

/// Numbers all plain records of one direction afresh.
struct Cutter {
  Cut cut;
  std::uint32_t sequence = 0;

  Datagram record(const Record& original, Bytes payload) {
    Datagram result(kRecordHeader + payload.size());
    Writer writer(result);
    writer.u8(static_cast<std::uint8_t>(original.type));
    writer.u16(original.version);
    writer.u32(0);
    writer.u32(sequence++);
    writer.u16(static_cast<std::uint16_t>(payload.size()));
    writer.bytes(payload);
    EXPECT_TRUE(writer.ok());
    return result;
  }

  Datagram fragment(const Record& original, const HandshakeFragment& whole, std::size_t offset, Bytes body) {
    Datagram payload(kHandshakeHeader + body.size());
    Writer writer(payload);
    writer.u8(whole.type);
    writer.u24(whole.length);
    writer.u16(whole.message_seq);
    writer.u24(static_cast<std::uint32_t>(offset));
    writer.u24(static_cast<std::uint32_t>(body.size()));
    writer.bytes(body);
    EXPECT_TRUE(writer.ok());
    return record(original, payload);
  }

  void cut_message(const Record& original, const HandshakeFragment& whole, Datagrams& out) {
    Datagrams pieces;
    if (whole.body.empty()) pieces.push_back(fragment(original, whole, 0, {}));
    for (std::size_t at = 0; at < whole.body.size(); at += cut.size) {
      const std::size_t begin = at - std::min(at, cut.overlap);
      const std::size_t end = std::min(at + cut.size, whole.body.size());
      pieces.push_back(fragment(original, whole, begin, whole.body.subspan(begin, end - begin)));
      if (cut.with_empty) pieces.push_back(fragment(original, whole, begin, {}));
    }
    if (cut.backwards) std::ranges::reverse(pieces);
    out.insert(out.end(), pieces.begin(), pieces.end());
  }

  Datagrams carry(const Datagram& datagram) {
    Datagrams out;
    Bytes rest = datagram;
    while (const auto next = take_record(rest)) {
      if (next->epoch != 0) {
        out.emplace_back(next->whole.begin(), next->whole.end());
      } else if (next->type != RecordType::kHandshake) {
        out.push_back(record(*next, next->payload));
      } else {
        Bytes messages = next->payload;
        while (const auto message = take_fragment(messages)) cut_message(*next, *message, out);
      }
    }
    EXPECT_TRUE(rest.empty());
    return out;
  }
};

void expect_connection_through(const Cut& cut) {
  Pair pair;
  std::array<Cutter, 2> cutters{Cutter{.cut = cut}, Cutter{.cut = cut}};
  pair.network = [&](bool from_client, const Datagram& datagram) {
    return cutters[from_client ? 1 : 0].carry(datagram);
  };
  pair.connect();
  EXPECT_TRUE(pair.both_connected());
  EXPECT_EQ(pair.now, Instant(std::chrono::hours(5))) << "nothing had to be sent again";
  EXPECT_GT(cutters[0].sequence, 5U);
}

TEST(DtlsFragments, OfEachMessageArePutTogether) {
  for (const std::size_t size : {1U, 7U, 50U, 200U}) expect_connection_through({.size = size});
}

TEST(DtlsFragments, MayOverlap) {
  expect_connection_through({.size = 40, .overlap = 1});
  expect_connection_through({.size = 40, .overlap = 39});
  expect_connection_through({.size = 40, .overlap = 4000});  // each holds all that came before
}

TEST(DtlsFragments, MayComeBackwards) {
  expect_connection_through({.size = 60, .backwards = true});
  expect_connection_through({.size = 60, .overlap = 25, .backwards = true});
}

TEST(DtlsFragments, WithoutContentDoNoHarm) { expect_connection_through({.size = 60, .with_empty = true}); }

/// Forged fragments that cannot be of the message, before each true datagram. They carry record numbers that no true
/// record has.
Datagrams lies(std::uint32_t& sequence) {
  Datagrams all;
  for (const auto [length, offset, size] : {std::array{100U, 90U, 20U}, std::array{10U, 20U, 1U},
                                            std::array{0xffffffU, 0U, 10U}, std::array{20U, 0U, 0xffffffU}}) {
    Datagram record(kRecordHeader + kHandshakeHeader + 20);
    Writer writer(record);
    writer.u8(22);
    writer.u16(kDtls12);
    writer.u32(0);
    writer.u32(sequence++);
    writer.u16(kHandshakeHeader + 20);
    writer.u8(11);  // Certificate
    writer.u24(length);
    writer.u16(1);
    writer.u24(offset);
    writer.u24(size);
    all.push_back(record);
  }
  return all;
}

TEST(DtlsFragments, ThatContradictThemselvesAreDroppedAndCounted) {
  Pair pair;
  std::uint32_t sequence = 30'000;
  pair.network = [&](bool, const Datagram& datagram) {
    Datagrams arriving = lies(sequence);
    arriving.push_back(datagram);
    return arriving;
  };
  pair.connect();
  EXPECT_TRUE(pair.both_connected());
  EXPECT_GE(pair.client.session->counters().records, 4U);
  EXPECT_GE(pair.server.session->counters().records, 4U);
}

}  // namespace
}  // namespace bamgate::dtls::testing
