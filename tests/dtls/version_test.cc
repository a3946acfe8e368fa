// Peers of other versions, and hellos that a changed byte makes wrong: refused with the alert that belongs to it.
#include <gtest/gtest.h>

#include "dtls/pair.h"
#include "dtls/record.h"

namespace bamgate::dtls::testing {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kBody = kRecordHeader + kHandshakeHeader;
constexpr std::uint8_t kServerHello = 2;
constexpr std::uint8_t kHandshakeFailure = 40;
constexpr std::uint8_t kIllegalParameter = 47;
constexpr std::uint8_t kProtocolVersion = 70;

bool is_message(const Datagram& datagram, std::uint8_t type) {
  return datagram[0] == std::byte{22} && datagram[4] == std::byte{0} && datagram[13] == std::byte{type};
}

/// Replaces `from` by the equally long `to`, once.
void replace(Datagram& datagram, std::string_view from, std::string_view to) {
  ASSERT_EQ(from.size(), to.size());
  const std::size_t at = as_text(datagram).find(from);
  ASSERT_NE(at, std::string_view::npos);
  copy_bytes(as_bytes(to), MutableBytes(datagram).subspan(at));
}

/// Changes each message of `type` on its way. The side that gets it ends with kHandshakeFailed and tells `alert`, the
/// other hears that; nobody is ever connected.
void expect_refusal(std::uint8_t type, const std::function<void(Datagram&)>& change, std::uint8_t alert) {
  Pair pair;
  pair.network = [&](bool, const Datagram& datagram) {
    Datagram changed = datagram;
    if (is_message(datagram, type)) change(changed);
    return Datagrams{changed};
  };
  pair.connect();
  const bool refused_by_client = type == kServerHello;
  EXPECT_EQ(pair.client.connected + pair.server.connected, 0);
  EXPECT_EQ(pair.side(refused_by_client).closed, std::vector{Error::kHandshakeFailed});
  EXPECT_EQ(pair.side(!refused_by_client).closed, std::vector{Error::kAlertReceived});
  const auto& [from_client, last] = pair.transcript.back();
  EXPECT_EQ(from_client, refused_by_client);
  ASSERT_EQ(last.size(), 15U);
  EXPECT_EQ(last[13], std::byte{2});
  EXPECT_EQ(last[14], std::byte{alert});
  EXPECT_EQ(pair.now, Instant(std::chrono::hours(5))) << "refused at once, not by a timeout";
}

TEST(DtlsVersion, AClientOfDtls10IsRefused) {
  expect_refusal(kClientHello, [](Datagram& hello) { hello[kBody + 1] = std::byte{0xff}; }, kProtocolVersion);
}

TEST(DtlsVersion, AServerOfDtls10IsRefused) {
  expect_refusal(kServerHello, [](Datagram& hello) { hello[kBody + 1] = std::byte{0xff}; }, kProtocolVersion);
}

TEST(DtlsVersion, AClientOfDtls13AloneFindsNoCommonSuite) {
  // Its hello says DTLS 1.2 for old middleboxes' sake, but offers TLS 1.3's suites.
  expect_refusal(
      kClientHello, [](Datagram& hello) { replace(hello, "\xcc\xa9\xc0\x2b\xc0\x2c"sv, "\x13\x01\x13\x02\x13\x03"sv); },
      kHandshakeFailure);
}

TEST(DtlsVersion, AServerThatChoosesASuiteThatWasNotOfferedIsRefused) {
  expect_refusal(
      kServerHello,
      [](Datagram& hello) {
        const std::size_t session_id = kBody + 34;
        const std::size_t suite = session_id + 1 + std::to_integer<std::size_t>(hello[session_id]);
        hello[suite] = std::byte{0xc0};
        hello[suite + 1] = std::byte{0x23};  // ECDHE_ECDSA_WITH_AES_128_CBC_SHA256
      },
      kIllegalParameter);
}

TEST(DtlsVersion, AServerThatChoosesAnSrtpProfileThatWasNotOfferedIsRefused) {
  expect_refusal(
      kServerHello,
      [](Datagram& hello) {
        replace(hello, "\x00\x0e\x00\x05\x00\x02\x00\x01"sv, "\x00\x0e\x00\x05\x00\x02\x00\x05"sv);
      },
      kHandshakeFailure);
}

TEST(DtlsVersion, AChangedHelloIsNoticedByTheFinishedMessages) {
  // The order of the suites: harmless for the server, and exactly what a downgrade would change.
  Pair pair;
  pair.network = [&](bool from_client, const Datagram& datagram) {
    Datagram changed = datagram;
    if (from_client && is_message(datagram, kClientHello)) {
      const std::string_view text = as_text(changed);
      const std::size_t at = text.find("\xc0\x2c\x00\xff"sv);
      EXPECT_NE(at, std::string_view::npos);
      if (at != std::string_view::npos) changed[at + 1] = std::byte{0x2d};
    }
    return Datagrams{changed};
  };
  pair.connect();
  EXPECT_EQ(pair.client.connected + pair.server.connected, 0);
  EXPECT_EQ(pair.client.closed.size(), 1U);
  EXPECT_EQ(pair.server.closed.size(), 1U);
}

}  // namespace
}  // namespace bamgate::dtls::testing
