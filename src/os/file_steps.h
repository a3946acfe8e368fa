// Steps that reading, replacing and locking files share; private to os.
#pragma once

#include <sys/types.h>

#include <expected>
#include <filesystem>
#include <string_view>

#include "os/os_error.h"

namespace bamgate::os {

/// The refusal of a system call on a file, with what to do about the disk, the mount or the rights.
std::unexpected<OsError> file_failure(std::string_view what, const std::filesystem::path& path, int number);

/// Writes all of `content` from the descriptor's position on; 0 or an errno.
int write_all(int fd, std::string_view content);

/// What root makes in a folder belongs to the folder's owner; 0 or an errno. Where owners cannot be changed (NFS with
/// root_squash, a user namespace that does not know the owner) the file stays ours: that is no failure.
int follow_owner(int fd, const std::filesystem::path& folder);

std::filesystem::path folder_of(const std::filesystem::path& path);

}  // namespace bamgate::os
