// RFC 8827 §6.5 forbids renegotiation: both ways of asking for it are refused, and a forged request costs nothing.
#include <gtest/gtest.h>

#include "core/writer.h"
#include "dtls/raw_peer.h"
#include "dtls/record.h"

namespace bamgate::dtls::testing {
namespace {

constexpr std::uint8_t kHandshake = 22;
const Datagram kNoRenegotiation{std::byte{1}, std::byte{100}};

Datagram hello_request(std::uint16_t message_seq) {
  Datagram message(kHandshakeHeader);
  Writer writer(message);
  writer.u8(kHelloRequest);
  writer.u24(0);
  writer.u16(message_seq);
  return message;
}

Datagram plain_record(Bytes message) {
  Datagram record(kRecordHeader + message.size());
  Writer writer(record);
  writer.u8(kHandshake);
  writer.u16(kDtls12);
  writer.u32(0);
  writer.u32(500);
  writer.u16(static_cast<std::uint16_t>(message.size()));
  writer.bytes(message);
  EXPECT_TRUE(writer.ok());
  return record;
}

/// The ClientHello that began the handshake, without its record header.
Datagram first_hello(const Duel& duel) {
  const Datagram& datagram = duel.transcript.at(0).second;
  return {datagram.begin() + kRecordHeader, datagram.end()};
}

void expect_alive(Secured& secured) {
  EXPECT_TRUE(secured.ours.session->connected());
  const std::size_t before = secured.ours.received.size();
  EXPECT_TRUE(secured.deliver_record(kData, Datagram(10)));
  EXPECT_EQ(secured.ours.received.size(), before + 1);
}

TEST(DtlsRenegotiation, AHelloRequestIsRefusedByAWarning) {
  Secured secured(Role::kClient);
  expect_alive(secured);  // with the first data mbedTLS forgets the handshake, and only now asks what this is
  (void)secured.deliver_record(kHandshake, hello_request(0));
  EXPECT_EQ(secured.our_words(), Datagrams{kNoRenegotiation});
  expect_alive(secured);
}

TEST(DtlsRenegotiation, ASecondClientHelloIsRefusedByAWarning) {
  Secured secured(Role::kServer);
  expect_alive(secured);
  (void)secured.deliver_record(kHandshake, first_hello(secured));
  EXPECT_EQ(secured.our_words(), Datagrams{kNoRenegotiation});
  expect_alive(secured);
}

TEST(DtlsRenegotiation, ARequestRightAfterTheHandshakeEndsNothing) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    Secured secured(role);
    (void)secured.deliver_record(kHandshake, role == Role::kClient ? hello_request(0) : first_hello(secured));
    EXPECT_LE(secured.our_words().size(), 1U);
    expect_alive(secured);
  }
}

TEST(DtlsRenegotiation, AForgedRequestInPlainTextIsDroppedWithoutAnAnswer) {
  Secured client(Role::kClient);
  EXPECT_EQ(client.deliver(plain_record(hello_request(0))).error(), Error::kBadRecord);
  Secured server(Role::kServer);
  EXPECT_EQ(server.deliver(plain_record(first_hello(server))).error(), Error::kBadRecord);
  for (Secured* const secured : {&client, &server}) {
    EXPECT_TRUE(secured->take_ours().empty());
    expect_alive(*secured);
  }
}

TEST(DtlsRenegotiation, AHelloRequestDuringTheHandshakeIsIgnored) {
  Pair pair;
  pair.network = [](bool from_client, const Datagram& datagram) {
    if (from_client) return Datagrams{datagram};
    return Datagrams{plain_record(hello_request(0)), plain_record(hello_request(1)), datagram};
  };
  pair.connect();
  EXPECT_TRUE(pair.both_connected());
  EXPECT_EQ(pair.now, Instant(std::chrono::hours(5)));
}

}  // namespace
}  // namespace bamgate::dtls::testing
