#include "os/device_name.h"

#include <gtest/gtest.h>

#include "os/os_error.h"
#include "os/privileges.h"

namespace bamgate::os {
namespace {

TEST(DeviceName, IsMadeOfAnyText) {
  EXPECT_EQ(clean_device_name("laptop"), "laptop");
  EXPECT_EQ(clean_device_name("Laptop.example.org"), "laptop");
  EXPECT_EQ(clean_device_name("My  Laptop (2)"), "my-laptop-2");
  EXPECT_EQ(clean_device_name("--a__b--"), "a-b");
  EXPECT_EQ(clean_device_name("Küche"), "k-che");
  EXPECT_EQ(clean_device_name(""), "device");
  EXPECT_EQ(clean_device_name("---"), "device");
  EXPECT_EQ(clean_device_name(".hidden"), "device");
}

TEST(DeviceName, HasAtMost63CharactersAndEndsInNoHyphen) {
  EXPECT_EQ(clean_device_name(std::string(100, 'a')), std::string(63, 'a'));
  EXPECT_EQ(clean_device_name(std::string(62, 'a') + "-b"), std::string(62, 'a'));
}

TEST(DeviceName, TheDefaultIsAlwaysAName) {
  EXPECT_EQ(clean_device_name(default_device_name()), default_device_name());
}

TEST(Privileges, RootInThisTestMayMakeInterfaces) {
  ASSERT_TRUE(is_root()) << "run this test as root";
  EXPECT_TRUE(has_net_admin());
}

TEST(OsError, ASentenceSaysWhatAndWhyAndWhatToDo) {
  EXPECT_EQ(system_failure("cannot open x", ENOENT).text, "cannot open x: No such file or directory");
  EXPECT_EQ(system_failure("cannot open x", EACCES).text, "cannot open x: Permission denied; run as root");
  EXPECT_EQ(system_failure("cannot open x", EBUSY, "stop y").code, Error::kBusy);
  EXPECT_EQ(to_string(Error::kBusy), "Busy");
}

}  // namespace
}  // namespace bamgate::os
