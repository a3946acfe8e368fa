#include "os/process_watch.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace bamgate::os {
namespace {

using namespace std::chrono_literals;

TEST(ProcessWatch, SeesTheEndOfAProcessAndNotBefore) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  const ProcessWatch watch(child);
  EXPECT_FALSE(watch.wait_for_end(0ms));
  ASSERT_EQ(kill(child, SIGKILL), 0);
  EXPECT_TRUE(watch.wait_for_end(1h));
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(ProcessWatch(child).wait_for_end(1h)) << "a process that is gone has ended";
}

}  // namespace
}  // namespace bamgate::os
