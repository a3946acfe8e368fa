// time() as mbedTLS sees it, and as everybody else does.
#include "dtls/virtual_time.h"

#include <gtest/gtest.h>

#include <ctime>
#include <thread>

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

TEST(DtlsTime, AClientHelloCarriesNoRealTime) {
  Pair pair;
  pair.connect();
  const std::time_t real = time(nullptr);
  EXPECT_GT(real, 0);
  // Two runs at different real times are equal: DtlsSession.TheSameSeedGivesTheSameBytes. Here: a run leaves it alone.
  EXPECT_NE(real, kToday.seconds);
}

}  // namespace
}  // namespace bamgate::dtls::testing
