// The credentials of a hub's relay.
#include <gtest/gtest.h>

#include "core/encoding.h"
#include "os/native_crypto.h"
#include "turn/credentials.h"

namespace bamgate::turn {
namespace {

TEST(TurnCredentials, PasswordIsTheHmacOfTheName) {
  os::NativeCrypto crypto;
  // printf %s 1600000000:laptop | openssl dgst -sha1 -hmac secret -binary | base64
  EXPECT_EQ(hub_password(crypto, "secret", "1600000000:laptop").view(), "YzZMwFzn5i/ySuiR6Yj34sLz4zo=");
}

TEST(TurnCredentials, NamesCarryTheirEndAndTheDevice) {
  const std::string name = hub_username({1600000000}, "laptop");
  EXPECT_EQ(name, "1600000000:laptop");
  const auto read = parse_hub_username(name);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->expires.seconds, 1600000000);
  EXPECT_EQ(read->device, "laptop");
}

TEST(TurnCredentials, OtherNamesAreNotRead) {
  for (const char* name :
       {"", ":", "laptop", "1:", ":laptop", "-1:laptop", "+1:laptop", " 1:laptop", "01:laptop", "1 :laptop",
        "1x:laptop", "99999999999999999999:laptop", "1:Laptop", "1:lap:top", "1:-laptop", "0x1:laptop"}) {
    EXPECT_FALSE(parse_hub_username(name)) << name;
  }
}

TEST(TurnCredentials, IssuedOnesAreGoodForADayAndReplacedTwoHoursBefore) {
  os::NativeCrypto crypto;
  const HubCredentials maker("laptop", SecretText("secret"));
  const Credentials issued = maker.issue(crypto, {1600000000});
  EXPECT_EQ(issued.username, "1600086400:laptop");
  EXPECT_EQ(issued.password, hub_password(crypto, "secret", issued.username));
  EXPECT_FALSE(HubCredentials::due({1600000000}, issued.username));
  EXPECT_FALSE(HubCredentials::due({1600086400 - 7201}, issued.username));
  EXPECT_TRUE(HubCredentials::due({1600086400 - 7200}, issued.username));
  EXPECT_TRUE(HubCredentials::due({1600000000}, "somebody"));
}

}  // namespace
}  // namespace bamgate::turn
