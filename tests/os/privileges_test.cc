// Giving up root, in a child process: what /proc says about it, and what it can still do.
#include "os/privileges.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "network_sandbox.h"
#include "os/netlink.h"
#include "os/tun.h"

namespace bamgate::os {
namespace {

constexpr Account kNobody{65534, 65534};

/// Runs `body` in a child, which must end with 0: each check in it returns a number of its own when it fails.
int in_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

/// The value of one line of /proc/self/status, without blanks around it.
std::string status_line(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name + ":")) continue;
    const auto begin = line.find_first_not_of(" \t", name.size() + 1);
    return begin == std::string::npos ? "" : line.substr(begin, line.find_last_not_of(" \t") + 1 - begin);
  }
  return "?";
}

TEST(Privileges, AfterwardsTheKernelKnowsTheUserAndOneCapability) {
  ASSERT_TRUE(is_root()) << "run this test as root";
  EXPECT_EQ(in_child([] {
              if (!become(kNobody, {Capability::kNetAdmin})) return 1;
              if (status_line("Uid") != "65534\t65534\t65534\t65534") return 2;
              if (status_line("Gid") != "65534\t65534\t65534\t65534") return 3;
              if (!status_line("Groups").empty()) return 4;
              if (status_line("CapEff") != "0000000000001000") return 5;
              if (status_line("CapPrm") != "0000000000001000") return 6;
              if (status_line("CapInh") != "0000000000000000") return 7;
              if (status_line("CapBnd") != "0000000000000000") return 8;
              if (status_line("CapAmb") != "0000000000000000") return 9;
              if (status_line("NoNewPrivs") != "1") return 10;
              return 0;
            }),
            0);
}

TEST(Privileges, RootCannotBeHadBack) {
  EXPECT_EQ(in_child([] {
              if (!become(kNobody, {})) return 1;
              if (setuid(0) == 0) return 2;
              if (setresgid(0, 0, 0) == 0) return 3;
              if (std::ifstream("/etc/shadow").is_open()) return 4;
              return 0;
            }),
            0);
}

TEST(Privileges, CapabilitiesMayBeGivenUpInTwoSteps) {
  EXPECT_EQ(in_child([] {
              if (!become(kNobody, {Capability::kNetAdmin, Capability::kDacOverride})) return 1;
              if (!std::ifstream("/etc/shadow").is_open()) return 2;
              if (!keep_only({Capability::kNetAdmin})) return 3;
              if (std::ifstream("/etc/shadow").is_open()) return 4;
              if (status_line("CapEff") != "0000000000001000") return 5;
              if (keep_only({Capability::kNetAdmin, Capability::kDacOverride})) return 6;
              return 0;
            }),
            0);
}

TEST(Privileges, WhoIsNotRootCannotBecomeAnother) {
  EXPECT_EQ(in_child([] {
              if (!become(kNobody, {})) return 1;
              const auto again = become({1, 1}, {});
              return !again && again.error().code == Error::kNotPermitted ? 0 : 2;
            }),
            0);
}

TEST(Privileges, NetAdminAloneMakesInterfacesAddressesAndRoutes) {
  testing::in_empty_network([] {
    const auto made = in_child([] {
      // Without udev only root may open /dev/net/tun.
      if (!become(kNobody, {Capability::kNetAdmin, Capability::kDacOverride})) return 1;
      auto tun = Tun::create("bamtest0");
      if (!tun || !keep_only({Capability::kNetAdmin})) return 2;
      if (!set_mtu("bamtest0", 1280) || !set_up("bamtest0")) return 3;
      if (!add_address("bamtest0", *IpPrefix::parse("10.9.0.1/24"))) return 4;
      if (!add_route("bamtest0", *IpPrefix::parse("192.0.2.0/24"))) return 5;
      if (!delete_route("bamtest0", *IpPrefix::parse("192.0.2.0/24"))) return 6;
      return 0;
    });
    EXPECT_EQ(made, 0);
  });
}

TEST(Privileges, AFolderBehindAClosedOneIsNotReachable) {
  std::string name = (std::filesystem::temp_directory_path() / "bamgate-os-XXXXXX").string();
  ASSERT_NE(mkdtemp(name.data()), nullptr);  // 0700
  const std::filesystem::path closed(name);
  EXPECT_FALSE(is_reachable_by_all(closed / "config"));
  std::filesystem::permissions(closed, std::filesystem::perms(0711));
  EXPECT_TRUE(is_reachable_by_all(closed / "config"));
  EXPECT_TRUE(give_to(closed, kNobody));
  EXPECT_TRUE(belongs_to(closed, kNobody));
  EXPECT_EQ(give_to(closed / "missing", kNobody).error().code, Error::kNotFound);
  std::filesystem::remove_all(closed);
}

TEST(Privileges, RootHasAnAccountAndANonsenseNameHasNone) {
  ASSERT_TRUE(find_account("root"));
  EXPECT_EQ(find_account("root")->user, 0U);
  EXPECT_FALSE(find_account("no such user"));
}

}  // namespace
}  // namespace bamgate::os
