#include "os/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "os/fault_point.h"

namespace bamgate::os {
namespace {

// The end of a temporary file's name. Nobody else names files so.
constexpr std::string_view kUnfinished = ".unfinished";

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

/// What root makes in a folder belongs to the folder's owner; 0 or an errno.
int follow_owner(int fd, const std::filesystem::path& folder) {
  struct stat status{};
  if (geteuid() != 0) return 0;
  if (stat(folder.c_str(), &status) != 0) return errno;
  return fchown(fd, status.st_uid, status.st_gid) != 0 ? errno : 0;
}

/// What a writer left that was killed before its rename.
void remove_unfinished(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') && name.ends_with(kUnfinished)) unlink(entry.path().c_str());
  }
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

/// Fills the temporary file, gives it its owner and mode and syncs it; 0 or an errno.
int fill(int fd, const std::filesystem::path& folder, std::string_view content, mode_t mode) {
  if (const int number = follow_owner(fd, folder); number != 0) return number;
  if (fchmod(fd, mode) != 0) return errno;
  if (const int number = write_all(fd, content); number != 0) return number;
  BAMGATE_FAULT_POINT("file_written");
  return fsync(fd) != 0 ? errno : 0;
}

/// Writes a file beside `path` and gives it that name: renameat2(2) with `flags`.
std::expected<void, OsError> put_in_place(const std::filesystem::path& path, std::string_view content, mode_t mode,
                                          unsigned flags) {
  const std::filesystem::path folder = folder_of(path);
  std::string temporary = (folder / ("." + path.filename().string() + ".XXXXXX")).string().append(kUnfinished);
  const FileDescriptor fd(mkostemps(temporary.data(), kUnfinished.size(), O_CLOEXEC));  // mode 0600 until fill()
  if (!fd.is_open()) return failure("cannot write a file in", folder, errno);
  int number = fill(fd.get(), folder, content, mode);
  BAMGATE_FAULT_POINT("file_synced");
  if (number == 0 && renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), flags) != 0) number = errno;
  if (number != 0) {
    unlink(temporary.c_str());
    return failure("cannot write", path, number);
  }
  BAMGATE_FAULT_POINT("file_renamed");
  auto synced = sync_directory(folder);
  BAMGATE_FAULT_POINT("folder_synced");
  return synced;
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
  return put_in_place(path, content, mode, 0);
}

std::expected<void, OsError> create_file_atomically(const std::filesystem::path& path, std::string_view content,
                                                    mode_t mode) {
  // Nobody waits for the content when the answer is known already.
  std::error_code ignored;
  const bool exists = std::filesystem::symlink_status(path, ignored).type() != std::filesystem::file_type::not_found;
  if (exists) return failure("cannot write", path, EEXIST);
  return put_in_place(path, content, mode, RENAME_NOREPLACE);
}

std::expected<void, OsError> sync_directory(const std::filesystem::path& folder) {
  const FileDescriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.is_open() && fsync(fd.get()) == 0) return {};
  return failure("cannot sync", folder, errno);
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
  struct stat folder{};
  if (stat(folder_of(path).c_str(), &folder) != 0) return failure("cannot check", folder_of(path), errno);
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
  if (!fd.is_open()) return failure("cannot open", path, errno);
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return failure("cannot lock", path, errno);
    const pid_t pid = written_holder(fd.get()).process;
    return std::unexpected(
        OsError{Error::kBusy, EWOULDBLOCK,
                path.string() + " is locked: process " + (pid > 0 ? std::to_string(pid) : "?") + " runs already"});
  }
  if (unfinished == Unfinished::kRemove) remove_unfinished(folder_of(path));
  const std::string text = std::to_string(getpid()) + "\n" + (note.empty() ? "" : std::string(note) + "\n");
  if (const int number = follow_owner(fd.get(), folder_of(path)); number != 0)
    return failure("cannot lock", path, number);
  if (ftruncate(fd.get(), 0) != 0) return failure("cannot write", path, errno);
  if (const int number = write_all(fd.get(), text); number != 0) return failure("cannot write", path, number);
  return FileLock(std::move(fd));
}

std::optional<LockHolder> FileLock::holder(const std::filesystem::path& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.is_open() || flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return std::nullopt;
  return written_holder(fd.get());
}

}  // namespace bamgate::os
