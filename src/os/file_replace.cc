// The writing half of file.h: files that are replaced whole, also where the disk or the file system makes it hard.
//   a full disk                     the room that keep_room() has kept serves once more
//   no renameat2(2) flags           link(2) gives the name to a file that must not be there yet
//   the file is a mount of its own  it cannot be replaced, so it is written in place, with a copy beside it meanwhile
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include "core/bytes.h"
#include "os/fault_point.h"
#include "os/file.h"
#include "os/file_steps.h"

namespace bamgate::os {
namespace {

bool is_full(int number) { return number == ENOSPC || number == EDQUOT; }

/// Fills a file, gives it its owner and mode and syncs it; 0 or an errno.
int fill(int fd, const std::filesystem::path& folder, std::string_view content, mode_t mode) {
  if (const int number = follow_owner(fd, folder); number != 0) return number;
  if (fchmod(fd, mode) != 0) return errno;
  if (const int number = write_all(fd, content); number != 0) return number;
  BAMGATE_FAULT_POINT("file_written");
  return fsync(fd) != 0 ? errno : 0;
}

/// This kernel or this file system has no flags of renameat2(2): NFS, FUSE, kernels before 3.15.
bool lacks_flags(int number) { return number == EINVAL || number == ENOSYS || number == EOPNOTSUPP; }

/// The file system has no hard links: FAT, some of FUSE.
bool lacks_links(int number) { return number == EPERM || number == ENOSYS || number == EOPNOTSUPP || number == EMLINK; }

/// Without renameat2(2) and without links: an empty file holds the name until the whole one takes it.
int rename_over_placeholder(const std::string& temporary, const std::filesystem::path& path) {
  const FileDescriptor holder(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!holder.is_open()) return errno;
  if (rename(temporary.c_str(), path.c_str()) == 0) return 0;
  const int number = errno;
  unlink(path.c_str());
  return number;
}

/// Gives a file a name that nothing has; 0 or an errno.
int rename_to_new(const std::string& temporary, const std::filesystem::path& path) {
  if (renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (!lacks_flags(errno)) return errno;
  if (link(temporary.c_str(), path.c_str()) == 0) {
    unlink(temporary.c_str());
    return 0;
  }
  return lacks_links(errno) ? rename_over_placeholder(temporary, path) : errno;
}

enum class Existing : std::uint8_t { kReplaced, kKept };

/// Writes a file beside `path` and gives it that name.
std::expected<void, OsError> put_in_place(const std::filesystem::path& path, std::string_view content, mode_t mode,
                                          Existing existing) {
  const std::filesystem::path folder = folder_of(path);
  std::string temporary = (folder / ("." + path.filename().string() + ".XXXXXX")).string().append(kUnfinished);
  const FileDescriptor fd(mkostemps(temporary.data(), kUnfinished.size(), O_CLOEXEC));  // mode 0600 until fill()
  if (!fd.is_open()) return file_failure("cannot write a file in", folder, errno);
  int number = fill(fd.get(), folder, content, mode);
  BAMGATE_FAULT_POINT("file_synced");
  if (number == 0 && existing == Existing::kKept) number = rename_to_new(temporary, path);
  if (number == 0 && existing == Existing::kReplaced && rename(temporary.c_str(), path.c_str()) != 0) number = errno;
  if (number != 0) {
    unlink(temporary.c_str());
    return file_failure("cannot write", path, number);
  }
  BAMGATE_FAULT_POINT("file_renamed");
  auto synced = sync_directory(folder);
  BAMGATE_FAULT_POINT("folder_synced");
  return synced;
}

std::filesystem::path room_of(const std::filesystem::path& path) {
  return folder_of(path) / ("." + path.filename().string() + std::string(kKeptRoom));
}

std::filesystem::path pending_of(const std::filesystem::path& path) {
  return folder_of(path) / ("." + path.filename().string() + std::string(kPending));
}

/// A file that one of us has made beside another; closed when it is none.
FileDescriptor open_own(const std::filesystem::path& path, int mode, struct stat& status) {
  FileDescriptor fd(open(path.c_str(), mode | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.is_open() || fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1) return {};
  struct stat folder{};
  if (stat(folder_of(path).c_str(), &folder) != 0) return {};
  if (status.st_uid != geteuid() && status.st_uid != 0 && status.st_uid != folder.st_uid) return {};
  return fd;
}

/// The kept file when it has `size` bytes on the disk.
FileDescriptor open_room(const std::filesystem::path& room, std::size_t size) {
  struct stat status{};
  FileDescriptor fd = open_own(room, O_RDWR, status);
  if (!fd.is_open()) return {};
  const auto has = static_cast<std::size_t>(status.st_size);
  const bool on_disk = static_cast<std::size_t>(status.st_blocks) * 512 >= std::min(size, has);
  return has >= size && on_disk ? std::move(fd) : FileDescriptor();
}

/// The kept room becomes the new file: its blocks are there already.
bool use_room(const std::filesystem::path& path, std::string_view content, mode_t mode) {
  const auto room = room_of(path);
  const FileDescriptor fd = open_room(room, content.size());
  if (!fd.is_open()) return false;
  return fill(fd.get(), folder_of(path), content, mode) == 0 &&
         ftruncate(fd.get(), static_cast<off_t>(content.size())) == 0 && fsync(fd.get()) == 0 &&
         rename(room.c_str(), path.c_str()) == 0 && sync_directory(folder_of(path));
}

/// A file that is mounted by itself, as containers do with single files, cannot be replaced.
bool is_own_mount(const std::filesystem::path& path) {
  struct statx status{};
  return statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, 0, &status) == 0 && S_ISREG(status.stx_mode) &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/// Writes over what stands there, with one write for as much as the kernel takes, and blank lines where it was longer:
/// so nothing is ever cut short, and no block is needed that is not there.
std::expected<void, OsError> write_in_place(const std::filesystem::path& path, std::string_view content) {
  const FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status{};
  if (!fd.is_open() || fstat(fd.get(), &status) != 0) return file_failure("cannot write", path, errno);
  std::string padded(content);
  padded.resize(std::max(padded.size(), static_cast<std::size_t>(status.st_size)), '\n');
  int number = write_all(fd.get(), padded);
  BAMGATE_FAULT_POINT("file_overwritten");
  if (number == 0 && fsync(fd.get()) != 0) number = errno;
  wipe(std::as_writable_bytes(std::span(padded)));
  if (number != 0) return file_failure("cannot write", path, number);
  return {};
}

void remove_pending(const std::filesystem::path& pending) {
  if (unlink(pending.c_str()) == 0) (void)sync_directory(folder_of(pending));
}

/// In a folder that cannot be written there is no copy: then a file of one block, as all of ours are, is torn only by a
/// disk that tears blocks.
std::expected<void, OsError> write_mounted(const std::filesystem::path& path, std::string_view content, mode_t mode) {
  const auto pending = pending_of(path);
  (void)put_in_place(pending, content, mode, Existing::kReplaced);
  auto written = write_in_place(path, content);
  if (written) remove_pending(pending);
  return written;
}

/// Bytes that no file system can store as less than they are.
int write_incompressible(int fd, std::size_t size) {
  std::array<char, 256> piece{};  // as many as getrandom(2) gives at once
  while (size > 0) {
    const std::size_t part = std::min(size, piece.size());
    if (getrandom(piece.data(), part, 0) != static_cast<ssize_t>(part)) return errno;
    if (const int number = write_all(fd, {piece.data(), part}); number != 0) return number;
    size -= part;
  }
  return fsync(fd) != 0 ? errno : 0;
}

}  // namespace

std::expected<void, OsError> write_file_atomically(const std::filesystem::path& path, std::string_view content,
                                                   mode_t mode) {
  auto done = put_in_place(path, content, mode, Existing::kReplaced);
  if (done) return done;
  if (is_full(done.error().number) && use_room(path, content, mode)) return {};
  if (is_own_mount(path)) return write_mounted(path, content, mode);
  return done;
}

std::expected<void, OsError> finish_write(const std::filesystem::path& path) {
  const auto pending = pending_of(path);
  struct stat status{};
  if (!open_own(pending, O_RDONLY, status).is_open()) return {};
  std::expected<void, OsError> done;
  if (is_own_mount(path)) {
    auto content = read_file(pending, static_cast<std::size_t>(status.st_size));
    if (!content) return std::unexpected(content.error());
    done = write_in_place(path, *content);
    wipe(std::as_writable_bytes(std::span(*content)));
  }
  if (done) remove_pending(pending);
  return done;
}

std::expected<void, OsError> move_over(const std::filesystem::path& from, const std::filesystem::path& to) {
  struct stat status{};
  if (lstat(from.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return file_failure("cannot move", from, errno);
  }
  if (!is_own_mount(to)) {
    if (rename(from.c_str(), to.c_str()) != 0) return file_failure("cannot write", to, errno);
    BAMGATE_FAULT_POINT("file_moved");
    return sync_directory(folder_of(to));
  }
  auto content = read_file(from, static_cast<std::size_t>(status.st_size));
  if (!content) return std::unexpected(content.error());
  auto written = write_file_atomically(to, *content, status.st_mode & 07777);
  wipe(std::as_writable_bytes(std::span(*content)));
  if (!written) return written;
  BAMGATE_FAULT_POINT("file_moved");
  if (unlink(from.c_str()) != 0) return file_failure("cannot remove", from, errno);
  return sync_directory(folder_of(to));
}

std::expected<void, OsError> create_file_atomically(const std::filesystem::path& path, std::string_view content,
                                                    mode_t mode) {
  // Nobody waits for the content when the answer is known already.
  std::error_code ignored;
  const bool exists = std::filesystem::symlink_status(path, ignored).type() != std::filesystem::file_type::not_found;
  if (exists) return file_failure("cannot write", path, EEXIST);
  return put_in_place(path, content, mode, Existing::kKept);
}

std::expected<void, OsError> keep_room(const std::filesystem::path& path, std::size_t size) {
  const auto room = room_of(path);
  if (is_own_mount(path) || open_room(room, size).is_open()) return {};
  const FileDescriptor fd(open(room.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.is_open()) return file_failure("cannot keep room for", path, errno);
  int number = follow_owner(fd.get(), folder_of(path));
  if (number == 0) number = write_incompressible(fd.get(), size);
  if (number == 0) return sync_directory(folder_of(path));
  unlink(room.c_str());
  return file_failure("cannot keep room for", path, number);
}

void give_up_room(const std::filesystem::path& path) { unlink(room_of(path).c_str()); }

std::expected<void, OsError> sync_directory(const std::filesystem::path& folder) {
  const FileDescriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems (SMB, some of FUSE) cannot sync a folder, and say so.
  if (fd.is_open() && (fsync(fd.get()) == 0 || lacks_flags(errno))) return {};
  return file_failure("cannot sync", folder, errno);
}

}  // namespace bamgate::os
