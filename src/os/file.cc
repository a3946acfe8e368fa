#include "os/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "os/file_steps.h"

namespace bamgate::os {
namespace {

/// What a writer left that was killed before its rename.
void remove_unfinished(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') && name.ends_with(kUnfinished)) unlink(entry.path().c_str());
  }
}

/// What the holder of a lock wrote into its file: the process id, then a line of its own choice.
LockHolder written_holder(int fd) {
  std::array<char, 128> room{};
  LockHolder holder;
  struct stat status{};
  const ssize_t count = pread(fd, room.data(), room.size(), 0);
  if (count <= 0 || fstat(fd, &status) != 0) return holder;
  std::string_view text(room.data(), static_cast<std::size_t>(count));
  std::from_chars(text.data(), text.data() + text.size(), holder.process);
  text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  holder.note = text.substr(0, text.find('\n'));
  holder.since = status.st_mtim.tv_sec;
  return holder;
}

/// Writes over what the last holder wrote, whose block is there already. On a full disk that has none the file is
/// empty: the lock itself holds all the same, and nobody is told a wrong process. 0 or an errno.
int write_note(int fd, std::string_view text) {
  int number = write_all(fd, text);
  const bool written = number == 0;
  if (number == ENOSPC || number == EDQUOT) number = 0;
  if (ftruncate(fd, written ? static_cast<off_t>(text.size()) : 0) != 0 && number == 0) number = errno;
  return number;
}

}  // namespace

std::expected<std::string, OsError> read_file(const std::filesystem::path& path, std::size_t max) {
  // A pipe without a writer would be waited for without end.
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.is_open()) return file_failure("cannot open", path, errno);
  if (struct stat status{}; fstat(fd.get(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    return std::unexpected(OsError{
        Error::kInvalid, 0, "cannot read " + path.string() + ": it is no file, but a pipe, a socket or a device"});
  }
  std::string content;
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t count = ::read(fd.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EISDIR) {
      return std::unexpected(OsError{Error::kInvalid, errno, "cannot read " + path.string() + ": it is a folder"});
    }
    if (count < 0) return file_failure("cannot read", path, errno);
    if (count == 0) return content;
    if (static_cast<std::size_t>(count) > max - content.size()) {
      return std::unexpected(
          OsError{Error::kTooLarge, 0,
                  "cannot read " + path.string() + ": it has more than " + std::to_string(max) + " bytes"});
    }
    content.append(piece.data(), static_cast<std::size_t>(count));
  }
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
    return file_failure("cannot make the folder", path, number);
  }
  if (chmod(path.c_str(), mode) != 0) return file_failure("cannot set the mode of", path, errno);
  return {};
}

std::expected<void, OsError> check_private(const std::filesystem::path& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return file_failure("cannot check", path, errno);
  const auto refuse = [&](const std::string& why) {
    return std::unexpected(OsError{Error::kInsecure, 0, path.string() + " " + why});
  };
  if (!S_ISREG(status.st_mode)) return refuse("holds secrets and must be a regular file");
  struct stat folder{};
  if (stat(folder_of(path).c_str(), &folder) != 0) return file_failure("cannot check", folder_of(path), errno);
  if (status.st_uid != geteuid() && status.st_uid != 0 && status.st_uid != folder.st_uid) {
    return refuse("holds secrets and belongs to another user; run: chown root " + path.string());
  }
  if ((status.st_mode & 077) != 0) {
    return refuse("holds secrets and others may read or write it; run: chmod 600 " + path.string());
  }
  return {};
}

std::expected<FileLock, OsError> FileLock::acquire(const std::filesystem::path& path, std::string_view note,
                                                   Unfinished unfinished) {
  FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.is_open()) return file_failure("cannot open", path, errno);
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return file_failure("cannot lock", path, errno);
    const pid_t pid = written_holder(fd.get()).process;
    return std::unexpected(
        OsError{Error::kBusy, EWOULDBLOCK,
                path.string() + " is locked: process " + (pid > 0 ? std::to_string(pid) : "?") + " runs already"});
  }
  if (unfinished == Unfinished::kRemove) remove_unfinished(folder_of(path));
  if (const int number = follow_owner(fd.get(), folder_of(path)); number != 0) {
    return file_failure("cannot lock", path, number);
  }
  const std::string text = std::to_string(getpid()) + "\n" + (note.empty() ? "" : std::string(note) + "\n");
  if (const int number = write_note(fd.get(), text); number != 0) return file_failure("cannot write", path, number);
  return FileLock(std::move(fd));
}

std::optional<LockHolder> FileLock::holder(const std::filesystem::path& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.is_open() || flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return std::nullopt;
  return written_holder(fd.get());
}

}  // namespace bamgate::os
