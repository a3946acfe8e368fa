#include "os/answer.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace bamgate::os {
namespace {

const char* advice(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      return "; make room there, and ask again";
    case EFBIG:
      return "; this process may not make a file of that size: look at 'ulimit -f'";
    case EPIPE:
      return "; whoever was to read it has ended";
    case EBADF:
      return "; it was closed, or open for reading alone, when this command was started";
    default:
      return "";
  }
}

}  // namespace

void collect_answer() {
  static std::array<char, 64 * 1024> room;
  if (isatty(STDOUT_FILENO) != 1) (void)std::setvbuf(stdout, room.data(), _IOFBF, room.size());
}

std::optional<int> lost_output(std::FILE* out) {
  errno = 0;
  const bool failed_before = std::ferror(out) != 0;
  if (std::fflush(out) != 0 || failed_before) return errno != 0 ? errno : EIO;
  // Some file systems (NFS) tell only at a close what became of what was written; the file itself stays open.
  const int copy = dup(fileno(out));
  if (copy >= 0 && close(copy) != 0 && errno != EINTR) return errno;
  return std::nullopt;
}

std::string lost_answer(int number) {
  return "cannot write the answer to standard output: " + std::generic_category().message(number) + advice(number);
}

void flush_answer(std::FILE* out) {
  static bool has_begun = false;
  if (const auto number = lost_output(out)) throw AnswerLost(*number, has_begun);
  has_begun = true;
}

}  // namespace bamgate::os
