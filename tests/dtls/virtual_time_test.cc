// time() as mbedTLS sees it, and as everybody else does.
#include "dtls/virtual_time.h"

#include <gtest/gtest.h>

#include <ctime>
#include <thread>

#include "core/reader.h"
#include "dtls/pair.h"

namespace bamgate::dtls::testing {
namespace {

TEST(DtlsTime, IsVirtualOnlyWhileACallRuns) {
  const std::time_t real = time(nullptr);
  EXPECT_GT(real, 1'700'000'000);
  {
    const VirtualTime outer(UnixTime{1000});
    std::time_t stored = 0;
    EXPECT_EQ(time(&stored), 1000);
    EXPECT_EQ(stored, 1000);
    {
      const VirtualTime inner(UnixTime{2000});
      EXPECT_EQ(time(nullptr), 2000);
    }
    EXPECT_EQ(time(nullptr), 1000);
    std::thread([&] { EXPECT_GE(time(nullptr), real); }).join();
  }
  EXPECT_GE(time(nullptr), real);
}

/// RFC 5246 §7.4.1.2: gmt_unix_time, the first four bytes of a hello's random, behind record, message and version.
std::uint32_t hello_time(const Datagram& datagram) { return Reader(Bytes(datagram).subspan(13 + 12 + 2)).u32(); }

TEST(DtlsTime, HellosCarryTheSessionsTime) {
  Pair pair;
  pair.start();
  const auto hello = pair.take_output(pair.client);
  pair.now += 7s;
  EXPECT_TRUE(Pair::deliver(pair.server, pair.now, hello.at(0)));
  const auto answer = pair.take_output(pair.server);
  EXPECT_EQ(hello_time(hello.at(0)), kToday.seconds);
  EXPECT_EQ(hello_time(answer.at(0)), kToday.seconds + 7);
}

}  // namespace
}  // namespace bamgate::dtls::testing
