// What happens on a simulated network: a running hash over everything that arrives, so that two runs are equal if their
// hashes are; and, with BAMGATE_TRACE in the environment, a line for people for each datagram at each link.
// BAMGATE_TRACE=1 prints to stderr, any other value names a file that is appended to.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/endpoint.h"
#include "core/time.h"

namespace bamgate::sim {

/// Seconds since the world began, to the microsecond: "12.345678".
std::string clock_text(Instant now);

class Trace {
 public:
  /// Lines go where BAMGATE_TRACE says.
  Trace();
  /// Lines go to `file`, which must outlive the trace; nullptr: nowhere.
  explicit Trace(std::FILE* file) : lines_(file) {}

  /// Notes that `bytes` were seen at `now`, in the role that `what` names. Goes into the hash.
  void note(Instant now, std::string_view what, Bytes bytes);

  /// Whether anybody reads lines; ask before you put one together.
  bool prints() const { return lines_ != nullptr; }
  /// One datagram and what became of it `where`, the name of a link or a router. Does not go into the hash.
  void line(Instant now, std::string_view where, const Endpoint& from, const Endpoint& to, Bytes bytes,
            std::string_view fate);
  /// Anything else that helps to read the lines around it.
  void remark(Instant now, std::string_view text);

  std::uint64_t hash() const { return hash_; }
  std::uint64_t entries() const { return entries_; }

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void mix(Bytes bytes);
  void number(std::uint64_t value);

  std::unique_ptr<std::FILE, CloseFile> own_file_;
  std::FILE* lines_ = nullptr;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::uint64_t entries_ = 0;
};

}  // namespace bamgate::sim
