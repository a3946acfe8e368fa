// Readiness towards systemd, programs that are asked, and going into the background.
#include "os/service.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "os/detach.h"
#include "os/file_descriptor.h"

namespace bamgate::os {
namespace {

TEST(Service, ReadinessArrivesAtTheNotifySocket) {
  const std::string path = (std::filesystem::temp_directory_path() / ("notify-" + std::to_string(getpid()))).string();
  const FileDescriptor fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  notify_ready();
  unsetenv("NOTIFY_SOCKET");
  std::array<char, 64> message{};
  const ssize_t count = recv(fd.get(), message.data(), message.size(), 0);
  std::filesystem::remove(path);
  ASSERT_GT(count, 0);
  EXPECT_EQ(std::string(message.data(), static_cast<std::size_t>(count)), "READY=1");
}

TEST(Service, WithoutANotifySocketNothingHappens) {
  unsetenv("NOTIFY_SOCKET");
  notify_ready();
  setenv("NOTIFY_SOCKET", "nonsense", 1);
  notify_ready();
  unsetenv("NOTIFY_SOCKET");
}

TEST(Service, OnlyTheProcessThatSystemdStartedIsTheService) {
  setenv("SYSTEMD_EXEC_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_TRUE(started_by_systemd());
  setenv("SYSTEMD_EXEC_PID", std::to_string(getppid()).c_str(), 1);
  EXPECT_FALSE(started_by_systemd());
  unsetenv("SYSTEMD_EXEC_PID");
  EXPECT_FALSE(started_by_systemd());
}

TEST(Service, AProgramsExitCodeAndOutputComeBack) {
  EXPECT_EQ(run_program({"sh", "-c", "exit 3"}).value(), 3);
  EXPECT_EQ(run_program({"sh", "-c", "kill -KILL $$"}).value(), 128 + 9);
  EXPECT_EQ(read_program({"echo", "two words"}).value(), "two words");
  EXPECT_EQ(run_program({"there-is-no-such-program"}).error().code, Error::kNotFound);
}

TEST(Service, AProcessGoesOnAsAnotherProgram) {
  EXPECT_EXIT(
      {
        (void)become_program({"sh", "-c", "exit 7"});
        _exit(1);
      },
      ::testing::ExitedWithCode(7), "");
  EXPECT_EQ(become_program({"there-is-no-such-program"}).code, Error::kNotFound);
}

TEST(Detached, TheParentHearsThatTheWorkHasBegunOrHowItFailed) {
  auto failing = Detached::split();
  ASSERT_TRUE(failing);
  if (failing->is_child()) _exit(4);
  EXPECT_EQ(failing->wait(), 4);

  auto working = Detached::split();
  ASSERT_TRUE(working);
  if (working->is_child()) {
    working->ready();
    const bool own_session = getsid(0) == getpid();
    _exit(own_session ? 0 : 1);
  }
  EXPECT_EQ(working->wait(), std::nullopt);
}

}  // namespace
}  // namespace bamgate::os
