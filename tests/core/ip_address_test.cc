#include "core/ip_address.h"

#include <gtest/gtest.h>

#include "core/endpoint.h"

namespace bamgate {
namespace {

TEST(IpAddress, PrintsIpv6AsRfc5952Recommends) {
  const std::pair<const char*, const char*> cases[] = {
      {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // one zero group stays (§4.2.2)
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // the longest run (§4.2.3)
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // the first among equals
      {"0:0:0:0:0:0:0:0", "::"},
      {"FE80:0:0:0:0:0:0:1", "fe80::1"},
      {"1:0:0:0:0:0:0:0", "1::"},
      {"::ffff:192.0.2.1", "::ffff:c000:201"},
  };
  for (const auto& [text, expected] : cases) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), expected);
    EXPECT_EQ(IpAddress::parse(address->to_string()), address);
  }
}

TEST(IpAddress, RefusesWhatIsNoAddress) {
  for (const char* text : {"",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "01.2.3.4",
                           "1..2.3",
                           "1.2.3.4 ",
                           "a.b.c.d",
                           ":",
                           ":::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1::2::3",
                           "12345::",
                           "::g",
                           "fe80::1%eth0",
                           "[::1]",
                           "::1.2.3",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "1:2:3:4:5:6:7::8:9",
                           "-1.2.3.4",
                           "+1.2.3.4",
                           "0x1.2.3.4"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, KnowsWhichAddressesAreSpecial) {
  EXPECT_TRUE(IpAddress::parse("127.0.0.1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("169.254.3.4")->is_link_local());
  EXPECT_TRUE(IpAddress::parse("febf::1")->is_link_local());
  EXPECT_FALSE(IpAddress::parse("fec0::1")->is_link_local());
  EXPECT_TRUE(IpAddress::parse("239.1.1.1")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("ff02::1")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("::ffff:10.0.0.1")->is_v4_mapped());
  EXPECT_TRUE(IpAddress::parse("0.0.0.0")->is_unspecified());
  EXPECT_FALSE(IpAddress::parse("10.0.0.1")->is_unspecified());
}

TEST(IpAddress, ConvertsBetweenNumberAndBytes) {
  const IpAddress address = IpAddress::v4(0x0a640001);
  EXPECT_EQ(address.to_string(), "10.100.0.1");
  EXPECT_EQ(address.v4_value(), 0x0a640001U);
  EXPECT_EQ(IpAddress::from_bytes(address.bytes()), address);
  EXPECT_EQ(IpAddress::from_bytes(Bytes{}).family(), Family::kNone);
}

TEST(IpPrefix, ContainsExactlyTheAddressesOfItsNetwork) {
  const auto prefix = IpPrefix::parse("10.100.3.7/14");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->network().to_string(), "10.100.0.0/14");
  EXPECT_TRUE(prefix->contains(*IpAddress::parse("10.103.255.255")));
  EXPECT_FALSE(prefix->contains(*IpAddress::parse("10.104.0.0")));
  EXPECT_FALSE(prefix->contains(*IpAddress::parse("::1")));
  EXPECT_TRUE(IpPrefix::parse("0.0.0.0/0")->contains(*IpAddress::parse("203.0.113.9")));
  EXPECT_TRUE(IpPrefix::parse("fd00::/8")->contains(*IpAddress::parse("fdff::1")));
  EXPECT_FALSE(IpPrefix::parse("fd00::/8")->contains(*IpAddress::parse("fe00::1")));
}

TEST(IpPrefix, RefusesImpossibleLengths) {
  for (const char* text : {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08", "/8", "10.0.0.0/8/8"}) {
    EXPECT_FALSE(IpPrefix::parse(text)) << text;
  }
  EXPECT_EQ(IpPrefix::parse("10.0.0.1")->length, 32);
  EXPECT_EQ(IpPrefix::parse("::1")->length, 128);
}

TEST(Endpoint, ReadsWhatItWrites) {
  for (const char* text : {"192.0.2.1:3478", "[2001:db8::1]:65535", "0.0.0.0:0"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_string(), text);
  }
  for (const char* text : {"192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "2001:db8::1:80", "[192.0.2.1]:80", ":80"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

}  // namespace
}  // namespace bamgate
