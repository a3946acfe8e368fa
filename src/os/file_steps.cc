#include "os/file_steps.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace bamgate::os {
namespace {

std::string_view file_advice(int number) {
  switch (number) {
    case ENOSPC:
      return "the disk is full: make room on it (df and df -i show of what)";
    case EFBIG:
      return "this process may not make a file of that size: look at 'ulimit -f'";
    case EDQUOT:
      return "the disk quota is used up: make room, or have it raised";
    case EROFS:
      return "the disk is mounted read-only: mount it for writing, or name a folder on another one";
    case EIO:
      return "the disk fails: look at what the kernel says of it (dmesg)";
    case EPERM:
    case EACCES:
      // Root is not almighty everywhere, and "run as root" would send it in a circle.
      if (geteuid() == 0) {
        return "root itself may not do this here (NFS with root_squash, a container, an immutable file): use a folder "
               "on a disk of this machine";
      }
      return {};
    default:
      return {};
  }
}

/// The file system has no owners, or not this one.
bool owners_cannot_change(int number) {
  return number == EPERM || number == EACCES || number == EINVAL || number == ENOSYS || number == EOPNOTSUPP;
}

}  // namespace

std::unexpected<OsError> file_failure(std::string_view what, const std::filesystem::path& path, int number) {
  return std::unexpected(system_failure(std::string(what) + " " + path.string(), number, file_advice(number)));
}

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t count = ::write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

int follow_owner(int fd, const std::filesystem::path& folder) {
  struct stat status{};
  if (geteuid() != 0) return 0;
  if (stat(folder.c_str(), &status) != 0) return errno;
  if (fchown(fd, status.st_uid, status.st_gid) == 0 || owners_cannot_change(errno)) return 0;
  return errno;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

}  // namespace bamgate::os
