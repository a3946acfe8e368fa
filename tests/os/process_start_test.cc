// What a process does first: in a child each, because it changes the whole process.
#include "os/process_start.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <functional>

#include "os/answer.h"

namespace bamgate::os {
namespace {

/// Runs `body` in a child; true when it returns true there.
bool holds_in_child(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0;
}

TEST(ProcessStart, ClosedStandardDescriptorsBelongToNoOtherFile) {
  EXPECT_TRUE(holds_in_child([] {
    for (const int descriptor : {0, 1, 2}) close(descriptor);
    open_standard_descriptors();
    const int next = open("/dev/zero", O_RDONLY);
    char byte = 'x';
    const bool end_of_input = read(0, &byte, 1) == 0;
    const bool answer_fails = write(1, "x", 1) < 0 && errno == EBADF;
    const bool message_goes_nowhere = write(2, "x", 1) == 1;
    return next > 2 && end_of_input && answer_fails && message_goes_nowhere;
  }));
}

TEST(ProcessStart, OpenStandardDescriptorsStayAsTheyAre) {
  EXPECT_TRUE(holds_in_child([] {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0 || dup2(ends[1], 1) != 1) return false;
    close(0);
    open_standard_descriptors();
    char byte = 0;
    return write(1, "x", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'x' && fcntl(0, F_GETFD) >= 0;
  }));
}

TEST(ProcessStart, ABrokenPipeIsAnErrorOfTheWrite) {
  EXPECT_TRUE(holds_in_child([] {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) return false;
    close(ends[0]);
    ignore_write_signals();
    return write(ends[1], "x", 1) < 0 && errno == EPIPE;
  }));
}

TEST(ProcessStart, AFileThatMayNotGrowIsAnErrorOfTheWrite) {
  EXPECT_TRUE(holds_in_child([] {
    std::FILE* file = std::tmpfile();
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    if (file == nullptr || setrlimit(RLIMIT_FSIZE, &none) != 0) return false;
    ignore_write_signals();
    return write(fileno(file), "x", 1) < 0 && errno == EFBIG;
  }));
}

TEST(ProcessStart, NoCoreFileAndNobodyLooksIntoTheMemory) {
  EXPECT_TRUE(holds_in_child([] {
    protect_memory();
    rlimit limit{.rlim_cur = 1, .rlim_max = 1};
    return getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
  }));
}

TEST(ProcessStart, WhatFollowsTheOptionIsTakenOutOfTheArguments) {
  std::string program = "bamgate";
  std::string command = "setup";
  std::string option = "--join";
  std::string secret = "bamgate://hub:1/#token=abc";
  std::string joined = "--join=abc";
  std::string bare = "bamgate://hub:1/#token=abc";
  std::string name = "laptop";
  std::array<char*, 7> arguments = {program.data(), command.data(), option.data(), secret.data(),
                                    joined.data(),  bare.data(),    name.data()};
  const auto taken = take_arguments(7, arguments.data(), "--join", "bamgate://");
  EXPECT_EQ(taken, (std::vector<std::string>{"bamgate", "setup", "--join", "bamgate://hub:1/#token=abc", "--join=abc",
                                             "bamgate://hub:1/#token=abc", "laptop"}));
  EXPECT_EQ(secret, std::string(26, 'x'));
  EXPECT_EQ(joined, "--join=xxx");
  EXPECT_EQ(bare, std::string(26, 'x'));
  EXPECT_EQ(name, "laptop");
}

TEST(ProcessStart, ADashBehindTheOptionStays) {
  std::string program = "bamgate";
  std::string option = "--join";
  std::string dash = "-";
  std::array<char*, 3> arguments = {program.data(), option.data(), dash.data()};
  (void)take_arguments(3, arguments.data(), "--join", "bamgate://");
  EXPECT_EQ(dash, "-");
}

TEST(Answer, AFullDiskIsSeenHoweverMuchWasPrinted) {
  std::FILE* full = std::fopen("/dev/full", "w");
  std::fputs("x", full);
  EXPECT_EQ(lost_output(full), ENOSPC);
  std::fclose(full);
  // More than is kept in memory: the reason may be gone by the end, the loss is not.
  full = std::fopen("/dev/full", "w");
  std::fputs(std::string(100'000, 'x').c_str(), full);
  EXPECT_TRUE(lost_output(full));
  std::fclose(full);
}

TEST(Answer, WhatArrivesIsNotLost) {
  std::FILE* null = std::fopen("/dev/null", "w");
  std::fputs("x", null);
  EXPECT_EQ(lost_output(null), std::nullopt);
  EXPECT_NO_THROW(flush_answer(null));
  std::fclose(null);
}

TEST(Answer, WhoPrintsOnAndOnHearsOfItAtOnce) {
  std::FILE* full = std::fopen("/dev/full", "w");
  std::fputs("x", full);
  EXPECT_THROW(flush_answer(full), AnswerLost);
  std::fclose(full);
}

}  // namespace
}  // namespace bamgate::os
