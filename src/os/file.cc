#include "os/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>

namespace bamgate::os {
namespace {

std::unexpected<OsError> failure(std::string_view what, const std::filesystem::path& path, int number) {
  return std::unexpected(system_failure(std::string(what) + " " + path.string(), number));
}

/// Writes all of `content`; 0 or an errno.
int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t count = ::write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

/// Fills the temporary file, gives it its mode and syncs it; 0 or an errno.
int fill(int fd, std::string_view content, mode_t mode) {
  if (fchmod(fd, mode) != 0) return errno;
  if (const int number = write_all(fd, content); number != 0) return number;
  return fsync(fd) != 0 ? errno : 0;
}

int sync_folder(const std::filesystem::path& folder) {
  const FileDescriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return errno;
  return fsync(fd.get()) != 0 ? errno : 0;
}

/// The process id that a lock file names, as text; "?" when it names none.
std::string written_pid(int fd) {
  std::array<char, 16> text{};
  const ssize_t count = pread(fd, text.data(), text.size(), 0);
  pid_t pid = 0;
  if (count > 0) std::from_chars(text.data(), text.data() + count, pid);
  return pid > 0 ? std::to_string(pid) : "?";
}

}  // namespace

std::expected<std::string, OsError> read_file(const std::filesystem::path& path, std::size_t max) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return failure("cannot open", path, errno);
  std::string content;
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t count = ::read(fd.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EISDIR) {
      return std::unexpected(OsError{Error::kInvalid, errno, "cannot read " + path.string() + ": it is a folder"});
    }
    if (count < 0) return failure("cannot read", path, errno);
    if (count == 0) return content;
    if (static_cast<std::size_t>(count) > max - content.size()) {
      return std::unexpected(
          OsError{Error::kTooLarge, 0,
                  "cannot read " + path.string() + ": it has more than " + std::to_string(max) + " bytes"});
    }
    content.append(piece.data(), static_cast<std::size_t>(count));
  }
}

std::expected<void, OsError> write_file_atomically(const std::filesystem::path& path, std::string_view content,
                                                   mode_t mode) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::string temporary = (folder / ("." + path.filename().string() + ".XXXXXX")).string();
  const FileDescriptor fd(mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600 until fill()
  if (!fd.is_open()) return failure("cannot write a file in", folder, errno);
  int number = fill(fd.get(), content, mode);
  if (number == 0 && rename(temporary.c_str(), path.c_str()) != 0) number = errno;
  if (number != 0) {
    unlink(temporary.c_str());
    return failure("cannot write", path, number);
  }
  number = sync_folder(folder);
  if (number != 0) return failure("cannot sync", folder, number);
  return {};
}

std::expected<void, OsError> ensure_directory(const std::filesystem::path& path, mode_t mode) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {};
  const auto parent = path.parent_path();
  if (!parent.empty() && parent != path) {
    if (auto made = ensure_directory(parent, 0755); !made) return made;
  }
  if (mkdir(path.c_str(), mode) != 0) {
    // Another process may have made it in the meantime.
    const int number = errno;
    if (number == EEXIST && std::filesystem::is_directory(path, error)) return {};
    return failure("cannot make the folder", path, number);
  }
  if (chmod(path.c_str(), mode) != 0) return failure("cannot set the mode of", path, errno);
  return {};
}

std::expected<void, OsError> check_private(const std::filesystem::path& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return failure("cannot check", path, errno);
  const auto refuse = [&](const std::string& why) {
    return std::unexpected(OsError{Error::kInsecure, 0, path.string() + " " + why});
  };
  if (!S_ISREG(status.st_mode)) return refuse("holds secrets and must be a regular file");
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    return refuse("holds secrets and belongs to another user; run: chown root " + path.string());
  }
  if ((status.st_mode & 077) != 0) {
    return refuse("holds secrets and others may read or write it; run: chmod 600 " + path.string());
  }
  return {};
}

std::expected<FileLock, OsError> FileLock::acquire(const std::filesystem::path& path) {
  FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.is_open()) return failure("cannot open", path, errno);
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return failure("cannot lock", path, errno);
    return std::unexpected(
        OsError{Error::kBusy, errno, path.string() + " is locked: process " + written_pid(fd.get()) + " runs already"});
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd.get(), 0) != 0) return failure("cannot write", path, errno);
  if (const int number = write_all(fd.get(), pid); number != 0) return failure("cannot write", path, number);
  return FileLock(std::move(fd));
}

}  // namespace bamgate::os
