// Going on in the background: the process forks, the child leaves the terminal's session, and the parent waits until
// the child says that its work has begun, or hears how it failed.
#pragma once

#include <sys/types.h>

#include <expected>
#include <memory>
#include <optional>

#include "os/file_descriptor.h"
#include "os/os_error.h"

namespace bamgate::os {

/// The two halves of a process that has split. Each holds one end of a pipe, which also ends with the child.
class Detached {
 public:
  /// Splits the process: returns in both halves. Must be called before the process has a second thread, a Loop or
  /// anything else that two processes must not share. Errors: kSystem.
  [[nodiscard]] static std::expected<Detached, OsError> split();

  bool is_child() const { return child_ == 0; }
  pid_t child() const { return child_; }

  /// Parent: waits. From here on SIGINT and SIGTERM are passed on to the child. Nothing once the child's work has
  /// begun; the child's exit code when it ended before (128 and more: a signal).
  [[nodiscard]] std::optional<int> wait();

  /// Parent, after that: the child's exit code if it has ended meanwhile.
  [[nodiscard]] std::optional<int> ended() const;

  /// Child: the work has begun. The parent may go; standard input, output and error lead nowhere from now on.
  void ready();

 private:
  Detached(pid_t child, FileDescriptor pipe) : child_(child), pipe_(std::move(pipe)) {}
  class PassOn;

  pid_t child_ = 0;
  FileDescriptor pipe_;
  std::shared_ptr<PassOn> pass_on_;
};

}  // namespace bamgate::os
