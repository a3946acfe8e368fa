// Files on disks that are full, read-only or of a poorer kind. As root: each test has mounts of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

#include "os/file.h"

namespace bamgate::os {
namespace {

namespace fs = std::filesystem;

class OddDisk : public ::testing::Test {
 protected:
  OddDisk() {
    std::string name = (fs::temp_directory_path() / "bamgate-disk-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~OddDisk() override { fs::remove_all(folder_); }

  /// Runs `body` in a thread with mounts of its own, `folder_` being a tmpfs of `pages` pages.
  void on_small_disk(int pages, const std::function<void()>& body) {
    std::thread thread([&] {
      const std::string size = "mode=0700,size=" + std::to_string(pages * 4096L);
      ASSERT_EQ(unshare(CLONE_NEWNS), 0) << std::strerror(errno) << "; run this test as root";
      ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << std::strerror(errno);
      ASSERT_EQ(mount("tmpfs", folder_.c_str(), "tmpfs", 0, size.c_str()), 0) << std::strerror(errno);
      body();
    });
    thread.join();
  }

  /// Runs `body` in a thread for which the kernel refuses these calls with an errno.
  static void refusing(const std::vector<std::pair<int, int>>& calls, const std::function<void()>& body) {
    std::thread thread([&] {
      std::vector<sock_filter> program = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
      for (const auto& [call, number] : calls) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(call), 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<__u32>(number)));
      }
      program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
      const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
      ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
      ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0), 0) << std::strerror(errno);
      body();
    });
    thread.join();
  }

  void fill_disk() const {
    const FileDescriptor fd(open((folder_ / "filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::array<char, 4096> page{};
    while (write(fd.get(), page.data(), page.size()) > 0) {
    }
    EXPECT_EQ(errno, ENOSPC);
  }
  std::string content(const char* name) const { return read_file(folder_ / name, 65536).value_or("?"); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

TEST_F(OddDisk, AFullDiskIsNamedAndTheOldFileStays) {
  on_small_disk(4, [&] {
    ASSERT_TRUE(write_file_atomically(folder_ / "file", "old", 0600));
    fill_disk();
    const auto written = write_file_atomically(folder_ / "file", "new", 0600);
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().text.find("the disk is full: make room on it"), std::string::npos)
        << written.error().text;
    EXPECT_EQ(content("file"), "old");
    EXPECT_EQ(entries(), 2U);
  });
}

TEST_F(OddDisk, TheKeptRoomServesOnAFullDiskAndMakesRoomAgain) {
  on_small_disk(6, [&] {
    const fs::path path = folder_ / "secrets.toml";
    ASSERT_TRUE(write_file_atomically(path, "old", 0600));
    ASSERT_TRUE(keep_room(path, 4096));
    fill_disk();
    for (const char* text : {"first", "second", "third"}) {
      ASSERT_TRUE(write_file_atomically(path, text, 0600)) << text;
      EXPECT_EQ(content("secrets.toml"), text);
      EXPECT_FALSE(fs::exists(folder_ / ".secrets.toml.room"));
      ASSERT_TRUE(keep_room(path, 4096)) << "the old file's place is free";
    }
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
  });
}

TEST_F(OddDisk, WithoutSpaceThereIsNoRoomToKeepAndNothingIsLeft) {
  on_small_disk(4, [&] {
    fill_disk();
    const auto kept = keep_room(folder_ / "secrets.toml", 4096);
    ASSERT_FALSE(kept);
    EXPECT_NE(kept.error().text.find("the disk is full"), std::string::npos) << kept.error().text;
    EXPECT_EQ(entries(), 1U);
  });
}

TEST_F(OddDisk, MoreThanTheRoomDoesNotFit) {
  on_small_disk(6, [&] {
    const fs::path path = folder_ / "file";
    ASSERT_TRUE(write_file_atomically(path, "old", 0600));
    ASSERT_TRUE(keep_room(path, 4096));
    fill_disk();
    EXPECT_FALSE(write_file_atomically(path, std::string(4097, 'x'), 0600));
    EXPECT_EQ(content("file"), "old");
  });
}

// Whoever may write into the folder could put a file there that leads elsewhere.
TEST_F(OddDisk, ARoomThatIsALinkIsNotUsed) {
  on_small_disk(8, [&] {
    const fs::path path = folder_ / "file";
    ASSERT_TRUE(write_file_atomically(path, "old", 0600));
    ASSERT_TRUE(write_file_atomically(folder_ / "other", std::string(4096, 'o'), 0600));
    fs::create_hard_link(folder_ / "other", folder_ / ".file.room");
    fill_disk();
    EXPECT_FALSE(write_file_atomically(path, "new", 0600));
    EXPECT_EQ(content("other"), std::string(4096, 'o'));
  });
}

TEST_F(OddDisk, ALockNeedsNoSpace) {
  on_small_disk(4, [&] {
    {
      ASSERT_TRUE(FileLock::acquire(folder_ / "lock", "the first"));
    }
    fill_disk();
    const auto lock = FileLock::acquire(folder_ / "lock", "the second");
    ASSERT_TRUE(lock);
    const auto holder = FileLock::holder(folder_ / "lock");
    ASSERT_TRUE(holder);
    EXPECT_EQ(holder->process, getpid());
    EXPECT_EQ(holder->note, "the second");
  });
}

TEST_F(OddDisk, AnEmptyLockOnAFullDiskHoldsAllTheSame) {
  on_small_disk(4, [&] {
    ASSERT_TRUE(write_file_atomically(folder_ / "lock", "", 0600));
    fill_disk();
    const auto lock = FileLock::acquire(folder_ / "lock");
    ASSERT_TRUE(lock);
    const auto again = FileLock::acquire(folder_ / "lock");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Error::kBusy);
  });
}

TEST_F(OddDisk, AFileThatIsAMountOfItsOwnIsWrittenInPlace) {
  on_small_disk(8, [&] {
    const fs::path path = folder_ / "secrets.toml";
    const fs::path behind = folder_ / "behind";
    ASSERT_TRUE(write_file_atomically(path, "covered", 0600));
    ASSERT_TRUE(write_file_atomically(behind, "a text that is longer", 0600));
    ASSERT_EQ(mount(behind.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_TRUE(write_file_atomically(path, "short", 0600));
    EXPECT_EQ(content("behind"), "short" + std::string(16, '\n'));
    ASSERT_TRUE(write_file_atomically(path, "a text that is longer than all before", 0600));
    EXPECT_EQ(content("behind"), "a text that is longer than all before");
    EXPECT_TRUE(keep_room(path, 4096));
    EXPECT_EQ(entries(), 2U);  // it needs no room, and nothing unfinished is left
    ASSERT_EQ(umount(path.c_str()), 0);
    EXPECT_EQ(content("secrets.toml"), "covered");
  });
}

// The copy beside it says what was to be written, whatever a power cut has left in the file.
TEST_F(OddDisk, AWriteInPlaceThatWasCutIsFinishedBeforeTheFileIsRead) {
  on_small_disk(8, [&] {
    const fs::path path = folder_ / "secrets.toml";
    const fs::path behind = folder_ / "behind";
    ASSERT_TRUE(write_file_atomically(path, "covered", 0600));
    ASSERT_TRUE(write_file_atomically(behind, "half of the new and ha", 0600));
    ASSERT_TRUE(write_file_atomically(folder_ / ".secrets.toml.pending", "all of the new", 0600));
    ASSERT_EQ(mount(behind.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_TRUE(finish_write(path));
    EXPECT_EQ(content("behind"), "all of the new" + std::string(8, '\n'));
    EXPECT_EQ(entries(), 2U);
    ASSERT_TRUE(finish_write(path));
    ASSERT_EQ(umount(path.c_str()), 0);
    EXPECT_EQ(content("secrets.toml"), "covered");
    // A copy for a mount that is there no more is of no use, and one that somebody else has put there is none.
    ASSERT_TRUE(write_file_atomically(folder_ / ".secrets.toml.pending", "all of the new", 0600));
    ASSERT_TRUE(finish_write(path));
    EXPECT_EQ(content("secrets.toml"), "covered");
    EXPECT_EQ(entries(), 2U);
    fs::create_symlink(behind, folder_ / ".secrets.toml.pending");
    ASSERT_TRUE(finish_write(path));
    EXPECT_EQ(content("secrets.toml"), "covered");
  });
}

TEST_F(OddDisk, AFileIsMovedOverAnotherAlsoWhereThatIsAMount) {
  on_small_disk(8, [&] {
    const fs::path path = folder_ / "secrets.toml";
    const fs::path next = folder_ / "secrets.toml.joined";
    ASSERT_TRUE(write_file_atomically(path, "old", 0600));
    ASSERT_TRUE(write_file_atomically(next, "new", 0600));
    ASSERT_TRUE(move_over(next, path));
    EXPECT_EQ(content("secrets.toml"), "new");
    EXPECT_EQ(entries(), 1U);
    EXPECT_TRUE(move_over(next, path)) << "there is nothing left to move";
    ASSERT_TRUE(write_file_atomically(folder_ / "behind", "old", 0600));
    ASSERT_TRUE(write_file_atomically(next, "newer", 0600));
    ASSERT_EQ(mount((folder_ / "behind").c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_TRUE(move_over(next, path));
    EXPECT_EQ(content("behind"), "newer");
    EXPECT_EQ(entries(), 2U);
    ASSERT_EQ(umount(path.c_str()), 0);
  });
}

TEST_F(OddDisk, AMountOfItsOwnInAFolderThatCannotBeWritten) {
  on_small_disk(8, [&] {
    const fs::path path = folder_ / "secrets.toml";
    ASSERT_TRUE(write_file_atomically(path, "covered", 0600));
    std::string outside = (fs::temp_directory_path() / "bamgate-outside-XXXXXX").string();
    const FileDescriptor fd(mkstemp(outside.data()));
    ASSERT_EQ(mount(outside.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
    EXPECT_TRUE(write_file_atomically(path, "new", 0600));
    EXPECT_EQ(read_file(outside, 100).value_or("?"), "new");
    unlink(outside.c_str());
    const auto refused = write_file_atomically(folder_ / "config.toml", "new", 0644);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("mounted read-only: mount it for writing"), std::string::npos)
        << refused.error().text;
  });
}

TEST_F(OddDisk, WithoutRenameFlagsAFileIsMadeAndNeverReplaced) {
  for (const int number : {EINVAL, ENOSYS}) {
    refusing({{SYS_renameat2, number}}, [&] {
      ASSERT_TRUE(write_file_atomically(folder_ / "file", "first", 0600));
      ASSERT_TRUE(write_file_atomically(folder_ / "file", "second", 0600));
      const auto made = create_file_atomically(folder_ / "made", "content", 0600);
      ASSERT_TRUE(made) << made.error().text;
      EXPECT_EQ(content("made"), "content");
      EXPECT_EQ(create_file_atomically(folder_ / "made", "other", 0600).error().code, Error::kExists);
      EXPECT_EQ(entries(), 2U);
    });
    fs::remove(folder_ / "made");
  }
}

TEST_F(OddDisk, WithoutRenameFlagsAndLinksToo) {
#ifdef SYS_link
  const std::vector<std::pair<int, int>> calls = {{SYS_renameat2, EINVAL}, {SYS_link, EPERM}, {SYS_linkat, EPERM}};
#else
  const std::vector<std::pair<int, int>> calls = {{SYS_renameat2, EINVAL}, {SYS_linkat, EPERM}};
#endif
  refusing(calls, [&] {
    const auto made = create_file_atomically(folder_ / "made", "content", 0600);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(content("made"), "content");
    EXPECT_EQ(create_file_atomically(folder_ / "made", "other", 0600).error().code, Error::kExists);
    EXPECT_EQ(entries(), 1U);
  });
}

TEST_F(OddDisk, AnOwnerThatCannotBeChangedIsNoFailure) {
  ASSERT_EQ(chown(folder_.c_str(), 64123, 64123), 0) << "run this test as root";
  for (const int number : {EPERM, EINVAL}) {
    refusing({{SYS_fchown, number}}, [&] {
      EXPECT_TRUE(write_file_atomically(folder_ / "file", "content", 0600));
      EXPECT_TRUE(keep_room(folder_ / "file", 4096));
      EXPECT_TRUE(FileLock::acquire(folder_ / "lock"));
    });
  }
  // Any other failure is one.
  refusing({{SYS_fchown, EIO}}, [&] {
    EXPECT_FALSE(write_file_atomically(folder_ / "file", "content", 0600));
    const auto lock = FileLock::acquire(folder_ / "lock");
    ASSERT_FALSE(lock);
    EXPECT_NE(lock.error().code, Error::kBusy);
  });
}

TEST_F(OddDisk, AFolderThatCannotBeSyncedIsNoFailureWhereTheFileSystemHasNoSuchThing) {
  refusing({{SYS_fsync, EIO}}, [&] { EXPECT_FALSE(sync_directory(folder_)); });
  refusing({{SYS_fsync, EINVAL}}, [&] { EXPECT_TRUE(sync_directory(folder_)); });
}

}  // namespace
}  // namespace bamgate::os
