// What stands at the other end of stdin, stdout and stderr: a person at a terminal, or a file or another program.
// Left out: terminfo; the few ECMA-48 sequences used here are understood by every terminal of today.
#pragma once

#include <cstddef>
#include <cstdio>
#include <expected>
#include <string>

#include "os/failure.h"

namespace bamgate::cli {

bool is_terminal(int descriptor);

/// True when `descriptor` is a terminal and NO_COLOR is not set (or empty).
bool use_colour(int descriptor);

/// SIGHUP has two meanings: read the configuration again, and: the terminal is gone. Whoever was started on a terminal
/// asks this which it is.
class TerminalWatch {
 public:
  TerminalWatch();
  /// There was a controlling terminal when this object was made, and now there is none. Never under nohup(1).
  bool is_gone() const;

 private:
  bool had_one_;
};

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};
/// Of the terminal behind `descriptor`; the defaults when it does not say.
TerminalSize terminal_size(int descriptor);

/// Asks on stderr and reads one line from stdin, without blanks around it. Failure: kUsage with `otherwise` when stdin
/// is no terminal, kFailed when it ends.
std::expected<std::string, Failure> ask(const std::string& question, const std::string& otherwise);

/// Shows a text that changes, in place: on the terminal's second screen, so that what stood there before comes back.
class LiveScreen {
 public:
  explicit LiveScreen(std::FILE* terminal);
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;
  ~LiveScreen();

  /// Replaces what is shown by `text`, cut to the terminal's size. False: nobody can see it any more.
  bool show(const std::string& text);

 private:
  std::FILE* terminal_;
};

/// The first `columns` columns of a line of UTF-8 in which ECMA-48 colours may stand; colours do not count, and end
/// with it.
std::string cut_line(const std::string& line, std::size_t columns);

/// How many columns a line of UTF-8 takes; colours take none. Each other code point counts as one.
std::size_t width_of(const std::string& line);

}  // namespace bamgate::cli
