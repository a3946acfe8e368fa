// Files that survive a crash whole: read with a bound, replaced atomically, locked against a second process.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "os/file_descriptor.h"
#include "os/os_error.h"

namespace bamgate::os {

/// The content of a file of at most `max` bytes. Errors: kNotFound, kNotPermitted, kTooLarge, kInvalid (a folder),
/// kSystem.
[[nodiscard]] std::expected<std::string, OsError> read_file(const std::filesystem::path& path, std::size_t max);

/// The ends of names of temporary files, of the room kept for a file, and of what is being written into a mounted one.
/// Nobody else names files so.
inline constexpr std::string_view kUnfinished = ".unfinished";
inline constexpr std::string_view kKeptRoom = ".room";
inline constexpr std::string_view kPending = ".pending";

/// Replaces (or makes) `path` so that at any moment, also after a power cut, it holds either all of the old content or
/// all of the new: a temporary file of the same folder, with `mode` from the start, is synced and renamed over it, then
/// the folder is synced. A symbolic link is replaced, not followed. What root writes belongs to the folder's owner, so
/// that a service which owns the folder can go on with it. Errors: kNotFound (no such folder), kNotPermitted,
/// kSystem; after an error the old file is untouched and no temporary file is left.
/// A file that is a mount of its own cannot be replaced: it is written in place and synced, with blank lines behind a
/// text that is shorter than the old one. Where the folder can be written, all of the new text stands beside it
/// meanwhile (.NAME.pending), so that finish_write() mends what a power cut in that moment has left.
[[nodiscard]] std::expected<void, OsError> write_file_atomically(const std::filesystem::path& path,
                                                                 std::string_view content, mode_t mode);

/// To be called before a file is read that write_file_atomically() writes: when it was interrupted while it wrote in
/// place, does it to the end. Does nothing otherwise, and for whoever may not read what stands beside the file.
/// Errors: kNotPermitted, kSystem.
[[nodiscard]] std::expected<void, OsError> finish_write(const std::filesystem::path& path);

/// Gives `from`, a file of this folder that is whole, the place of `to`, so that at any moment one of both is there,
/// and syncs the folder. Does nothing when `from` is not there. Where `to` is a mount of its own its content is
/// written. Errors: kNotPermitted, kSystem; then it may be repeated.
[[nodiscard]] std::expected<void, OsError> move_over(const std::filesystem::path& from,
                                                     const std::filesystem::path& to);

/// As write_file_atomically(), for a file that must not be there yet. Errors: also kExists (something stands there; it
/// is untouched).
[[nodiscard]] std::expected<void, OsError> create_file_atomically(const std::filesystem::path& path,
                                                                  std::string_view content, mode_t mode);

/// Keeps `size` bytes on the disk beside `path`, in a file .NAME.room, so that the next write_file_atomically() of so
/// much succeeds on a full disk too; it uses the room up. Does nothing when it is there already, or when `path` is a
/// mount of its own, which needs none. Errors: kSystem (the disk is full), kNotPermitted; nothing is left then.
[[nodiscard]] std::expected<void, OsError> keep_room(const std::filesystem::path& path, std::size_t size);
void give_up_room(const std::filesystem::path& path);

/// Writes the entries of a folder to disk: what was made, renamed or removed in it stays so after a power cut.
[[nodiscard]] std::expected<void, OsError> sync_directory(const std::filesystem::path& folder);

/// Makes the folder with `mode`, and those above it with 0755, where they are missing. One that exists keeps its mode.
/// Errors: kExists (a file stands there), kNotPermitted, kSystem.
[[nodiscard]] std::expected<void, OsError> ensure_directory(const std::filesystem::path& path, mode_t mode);

/// Refuses a file of secrets that is not a regular file, belongs to neither us, root nor the folder's owner, or that
/// group or others may touch. Errors: kInsecure (the text says which command helps), kNotFound, kSystem.
[[nodiscard]] std::expected<void, OsError> check_private(const std::filesystem::path& path);

/// Who holds a lock.
struct LockHolder {
  pid_t process = 0;
  std::string note;        // as given to acquire()
  std::int64_t since = 0;  // Unix seconds
};

/// The right to write into a folder: a lock on a file in it that ends with its owner, also when the process is killed
/// (flock(2)). The file stays. What an earlier writer left unfinished when it was killed is removed by the next owner.
class FileLock {
 public:
  /// kKeep: for a lock that gives no right to write into the folder, as whoever has that may be writing.
  enum class Unfinished : std::uint8_t { kRemove, kKeep };

  /// Takes the lock at once or not at all, and writes our process id and `note` (one line) into the file.
  /// On a full disk the note may be missing; the lock is not. Errors: kBusy (the text names the process that holds
  /// it), kNotFound (no such folder), kNotPermitted, kSystem.
  [[nodiscard]] static std::expected<FileLock, OsError> acquire(const std::filesystem::path& path,
                                                                std::string_view note = {},
                                                                Unfinished unfinished = Unfinished::kRemove);
  /// Who holds it now; none when nobody does, or when the file must not be read.
  [[nodiscard]] static std::optional<LockHolder> holder(const std::filesystem::path& path);

 private:
  explicit FileLock(FileDescriptor fd) : fd_(std::move(fd)) {}
  FileDescriptor fd_;
};

}  // namespace bamgate::os
