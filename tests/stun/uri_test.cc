// URIs of RFC 7064 and RFC 7065.
#include <gtest/gtest.h>

#include "stun/uri.h"

namespace bamgate::stun {
namespace {

TEST(StunUri, DefaultsFollowTheScheme) {
  EXPECT_EQ(Uri::parse("stun:example.org"), (Uri{Scheme::kStun, "example.org", 3478, UriTransport::kUdp}));
  EXPECT_EQ(Uri::parse("stuns:example.org"), (Uri{Scheme::kStuns, "example.org", 5349, UriTransport::kTcp}));
  EXPECT_EQ(Uri::parse("TURN:example.org"), (Uri{Scheme::kTurn, "example.org", 3478, UriTransport::kUdp}));
  EXPECT_EQ(Uri::parse("turns:example.org"), (Uri{Scheme::kTurns, "example.org", 5349, UriTransport::kTcp}));
}

TEST(StunUri, PortsAddressesAndTransportsAreRead) {
  EXPECT_EQ(Uri::parse("stun:192.0.2.1:19302"), (Uri{Scheme::kStun, "192.0.2.1", 19302, UriTransport::kUdp}));
  EXPECT_EQ(Uri::parse("stun:[2001:db8::1]:99"), (Uri{Scheme::kStun, "2001:db8::1", 99, UriTransport::kUdp}));
  EXPECT_EQ(Uri::parse("turn:[2001:db8::1]?transport=tcp"),
            (Uri{Scheme::kTurn, "2001:db8::1", 3478, UriTransport::kTcp}));
  EXPECT_EQ(Uri::parse("turn:h:1?transport=UDP"), (Uri{Scheme::kTurn, "h", 1, UriTransport::kUdp}));
}

TEST(StunUri, TextSurvivesTheRoundTrip) {
  for (const auto* text : {"stun:example.org:3478", "stuns:[2001:db8::1]:5349", "turn:192.0.2.1:3478?transport=tcp",
                           "turns:example.org:443", "turns:example.org:443?transport=udp"}) {
    const auto uri = Uri::parse(text);
    ASSERT_TRUE(uri) << text;
    EXPECT_EQ(uri->to_string(), text);
  }
}

TEST(StunUri, PercentEncodingIsUndoneInHostNames) {
  EXPECT_EQ(Uri::parse("stun:%65xample%2eOrg:1"), (Uri{Scheme::kStun, "example.Org", 1, UriTransport::kUdp}));
  for (const auto* text : {"stun:a%", "stun:a%2", "stun:a%zz", "stun:a%20b", "stun:a%00b", "stun:a%3a80",
                           "stun:%C3%A4.de", "stun:[2001:db8::1%25eth0]", "stun:host:3%34"}) {
    EXPECT_FALSE(Uri::parse(text)) << text;
  }
}

TEST(StunUri, AnEmptyPortIsTheDefault) {
  EXPECT_EQ(Uri::parse("stun:example.org:"), Uri::parse("stun:example.org:3478"));
  EXPECT_EQ(Uri::parse("turns:[2001:db8::1]:?transport=tcp"), Uri::parse("turns:[2001:db8::1]:5349"));
  EXPECT_TRUE(Uri::parse("stun:example.org:"));
}

TEST(StunUri, OtherTextIsRefused) {
  for (const auto* text :
       {"", "stun", "stun:", "stun::3478", "http://example.org", "stun://example.org", "stun:example.org:0",
        "stun:example.org:65536", "stun:example.org:12x", "stun:[2001:db8::1", "stun:[192.0.2.1]", "stun:2001:db8::1",
        "stun:example.org?transport=udp", "turn:example.org?transport=sctp", "turn:example.org?x",
        "stun:user@example.org", "stun:exa mple.org", "stun:[2001:db8::1]x"}) {
    EXPECT_FALSE(Uri::parse(text)) << text;
  }
  EXPECT_FALSE(Uri::parse("stun:" + std::string(300, 'a')));
}

}  // namespace
}  // namespace bamgate::stun
