#include "os/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>

namespace bamgate::os {
namespace {

namespace fs = std::filesystem;

class File : public ::testing::Test {
 protected:
  File() {
    std::string name = (fs::temp_directory_path() / "bamgate-file-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~File() override { fs::remove_all(folder_); }

  static mode_t mode(const fs::path& path) {
    struct stat status{};
    EXPECT_EQ(lstat(path.c_str(), &status), 0);
    return status.st_mode & 07777;
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

TEST_F(File, WhatIsWrittenIsReadAndHasItsMode) {
  const fs::path path = folder_ / "secrets.toml";
  ASSERT_TRUE(write_file_atomically(path, "first", 0600));
  ASSERT_TRUE(write_file_atomically(path, "second", 0600));
  EXPECT_EQ(read_file(path, 100), "second");
  EXPECT_EQ(mode(path), 0600u);
  ASSERT_TRUE(write_file_atomically(path, "third", 0644));
  EXPECT_EQ(mode(path), 0644u);
  EXPECT_EQ(entries(), 1u);  // no temporary file is left
}

TEST_F(File, AReadHasABound) {
  const fs::path path = folder_ / "file";
  const std::string content(10000, 'x');
  ASSERT_TRUE(write_file_atomically(path, content, 0600));
  EXPECT_EQ(read_file(path, 10000), content);
  EXPECT_EQ(read_file(path, 9999).error().code, Error::kTooLarge);
}

TEST_F(File, APipeIsRefusedAndNotWaitedFor) {
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const auto read = read_file(folder_ / "pipe", 100);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Error::kInvalid);
  EXPECT_NE(read.error().text.find("it is no file"), std::string::npos) << read.error().text;
  EXPECT_FALSE(read_file("/dev/zero", 100));
  EXPECT_TRUE(read_file("/proc/self/status", 100'000)) << "the kernel's own files are files";
}

TEST_F(File, AMissingFileAndAFolderAreToldApart) {
  EXPECT_EQ(read_file(folder_ / "none", 10).error().code, Error::kNotFound);
  EXPECT_EQ(read_file(folder_, 10).error().code, Error::kInvalid);
}

TEST_F(File, AFailedWriteLeavesTheOldContentAndNoTemporaryFile) {
  const fs::path path = folder_ / "taken";
  ASSERT_TRUE(ensure_directory(path / "inside", 0755));
  EXPECT_FALSE(write_file_atomically(path, "content", 0600));  // a file cannot replace a folder
  EXPECT_EQ(entries(), 1u);
  EXPECT_EQ(write_file_atomically(folder_ / "none" / "file", "content", 0600).error().code, Error::kNotFound);
}

TEST_F(File, ASymbolicLinkIsReplacedNotFollowed) {
  ASSERT_TRUE(write_file_atomically(folder_ / "target", "old", 0600));
  fs::create_symlink(folder_ / "target", folder_ / "link");
  ASSERT_TRUE(write_file_atomically(folder_ / "link", "new", 0600));
  EXPECT_EQ(read_file(folder_ / "target", 10), "old");
  EXPECT_FALSE(fs::is_symlink(folder_ / "link"));
}

TEST_F(File, EnsuredFolderHasItsModeAndMayExist) {
  const fs::path path = folder_ / "a" / "b";
  ASSERT_TRUE(ensure_directory(path, 0700));
  EXPECT_EQ(mode(path), 0700u);
  ASSERT_TRUE(ensure_directory(path, 0755));
  EXPECT_EQ(mode(path), 0700u);
  ASSERT_TRUE(write_file_atomically(folder_ / "file", "", 0600));
  EXPECT_EQ(ensure_directory(folder_ / "file", 0700).error().code, Error::kExists);
}

TEST_F(File, ASecretThatOthersCanReadIsRefusedWithTheRemedy) {
  const fs::path path = folder_ / "secrets.toml";
  EXPECT_EQ(check_private(path).error().code, Error::kNotFound);
  ASSERT_TRUE(write_file_atomically(path, "key", 0600));
  EXPECT_TRUE(check_private(path));
  for (const mode_t bad : {0640u, 0604u, 0620u}) {
    ASSERT_EQ(chmod(path.c_str(), bad), 0);
    const auto result = check_private(path);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Error::kInsecure);
    EXPECT_NE(result.error().text.find("chmod 600"), std::string::npos);
  }
  fs::create_symlink(path, folder_ / "link");
  EXPECT_EQ(check_private(folder_ / "link").error().code, Error::kInsecure);
}

TEST_F(File, ANewOneIsMadeWithItsModeAndNothingBesideIt) {
  ASSERT_TRUE(create_file_atomically(folder_ / "new", "content", 0600));
  EXPECT_EQ(read_file(folder_ / "new", 100), "content");
  struct stat status{};
  ASSERT_EQ(stat((folder_ / "new").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(entries(), 1U);
}

TEST_F(File, ANewOneReplacesNothing) {
  ASSERT_TRUE(create_file_atomically(folder_ / "new", "first", 0600));
  const auto again = create_file_atomically(folder_ / "new", "second", 0600);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Error::kExists);
  EXPECT_EQ(read_file(folder_ / "new", 100), "first");
  fs::create_symlink(folder_ / "nowhere", folder_ / "link");
  EXPECT_EQ(create_file_atomically(folder_ / "link", "x", 0600).error().code, Error::kExists);
  EXPECT_EQ(create_file_atomically(folder_, "x", 0600).error().code, Error::kExists);
  EXPECT_EQ(entries(), 2U);
}

TEST_F(File, ANewOneNeedsItsFolder) {
  const auto made = create_file_atomically(folder_ / "none" / "new", "x", 0600);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Error::kNotFound);
  EXPECT_FALSE(sync_directory(folder_ / "none"));
  EXPECT_TRUE(sync_directory(folder_));
}

TEST_F(File, WhatAKilledWriterLeftIsRemovedByTheNextOwnerOfTheLock) {
  for (const char* name : {".secrets.toml.a8Xk2p.unfinished", ".profile", "notes.unfinished"}) {
    std::ofstream(folder_ / name) << "half of a sec";
  }
  const auto lock = FileLock::acquire(folder_ / "agent.lock");
  ASSERT_TRUE(lock);
  EXPECT_FALSE(fs::exists(folder_ / ".secrets.toml.a8Xk2p.unfinished"));
  EXPECT_TRUE(fs::exists(folder_ / ".profile"));
  EXPECT_TRUE(fs::exists(folder_ / "notes.unfinished"));
}

TEST_F(File, ALockKeepsASecondOwnerOutAndNamesTheFirst) {
  const fs::path path = folder_ / "lock";
  {
    const auto first = FileLock::acquire(path);
    ASSERT_TRUE(first) << first.error().text;
    const auto second = FileLock::acquire(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Error::kBusy);
    EXPECT_NE(second.error().text.find(std::to_string(getpid())), std::string::npos) << second.error().text;
  }
  EXPECT_TRUE(FileLock::acquire(path));
}

TEST_F(File, ALockTellsWhoHoldsItAndSinceWhen) {
  const fs::path path = folder_ / "lock";
  EXPECT_FALSE(FileLock::holder(path));
  {
    const std::int64_t before = std::time(nullptr);
    const auto held = FileLock::acquire(path, "in the background");
    ASSERT_TRUE(held);
    const auto holder = FileLock::holder(path);
    ASSERT_TRUE(holder);
    EXPECT_EQ(holder->process, getpid());
    EXPECT_EQ(holder->note, "in the background");
    EXPECT_GE(holder->since, before - 1);
  }
  EXPECT_FALSE(FileLock::holder(path));
}

TEST_F(File, WhatRootWritesBelongsToTheFoldersOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can write into a folder of another";
  ASSERT_EQ(chown(folder_.c_str(), 65534, 65534), 0);
  ASSERT_TRUE(write_file_atomically(folder_ / "secrets.toml", "key", 0600));
  const auto lock = FileLock::acquire(folder_ / "lock");
  for (const char* name : {"secrets.toml", "lock"}) {
    struct stat status{};
    ASSERT_EQ(stat((folder_ / name).c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 65534U) << name;
    EXPECT_EQ(status.st_gid, 65534U) << name;
  }
  EXPECT_TRUE(check_private(folder_ / "secrets.toml"));
  ASSERT_EQ(chown((folder_ / "secrets.toml").c_str(), 1234, 1234), 0);
  EXPECT_EQ(check_private(folder_ / "secrets.toml").error().code, Error::kInsecure);
}

TEST_F(File, ALockEndsWithAProcessThatIsKilled) {
  const fs::path path = folder_ / "lock";
  const pid_t child = fork();
  if (child == 0) {
    const auto held = FileLock::acquire(path);
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(FileLock::acquire(path));
}

}  // namespace
}  // namespace bamgate::os
