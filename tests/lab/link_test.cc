// The sockets of a lab tool.
#include "lab/link.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>

namespace bamgate::lab {
namespace {

TEST(LabLink, ADatagramThatTheSystemRefusesIsAStep) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> shown(std::tmpfile(), &std::fclose);
  ASSERT_TRUE(shown);
  const auto link = Link::create({}, shown.get());
  ASSERT_TRUE(link);
  const auto socket = (*link)->open({IpAddress::v4(127, 0, 0, 1), 0});
  ASSERT_TRUE(socket);
  const std::array<std::byte, 4> datagram{};
  (*link)->send({.local = *socket, .remote = (*link)->local(*socket), .relay = {}}, datagram);
  EXPECT_EQ(std::ftell(shown.get()), 0) << "one that leaves is none";
  (*link)->send({.local = *socket, .remote = {IpAddress::v4(255, 255, 255, 255), 9}, .relay = {}}, datagram);
  std::rewind(shown.get());
  std::array<char, 200> line{};
  ASSERT_NE(std::fgets(line.data(), line.size(), shown.get()), nullptr);
  EXPECT_NE(std::string_view(line.data()).find("! the system did not take a datagram to 255.255.255.255:9"),
            std::string_view::npos)
      << line.data();
}

}  // namespace
}  // namespace bamgate::lab
