// What a person is told beside a join string.
#include "cli/join_offer.h"

#include <gtest/gtest.h>

namespace bamgate::cli {
namespace {

TEST(JoinOffer, SaysForHowLongAndForHowManyItIsGood) {
  EXPECT_EQ(next_step({.text = "bamgate://…", .ttl_s = 1800}),
            "on the new device, within 30 min 0 s: run 'sudo bamgate setup', which asks for this string:");
  EXPECT_EQ(next_step({.text = "bamgate://…", .ttl_s = 3 * 86400, .uses = 5}),
            "on up to 5 new devices, within 3 days: run 'sudo bamgate setup', which asks for this string:");
}

}  // namespace
}  // namespace bamgate::cli
