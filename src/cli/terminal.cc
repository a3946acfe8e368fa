#include "cli/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "os/file_descriptor.h"

namespace bamgate::cli {
namespace {

constexpr const char* kSecondScreen = "\x1b[?1049h\x1b[?25l";  // and no cursor
constexpr const char* kFirstScreen = "\x1b[?25h\x1b[?1049l";
constexpr const char* kHome = "\x1b[H";
constexpr const char* kClearLine = "\x1b[K";
constexpr const char* kClearBelow = "\x1b[J";
constexpr const char* kPlain = "\x1b[m";

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// Length of the colour sequence at `at`; 0 when there is none.
std::size_t colour_length(const std::string& line, std::size_t at) {
  if (line[at] != '\x1b' || at + 1 >= line.size() || line[at + 1] != '[') return 0;
  const std::size_t end = line.find('m', at);
  return end == std::string::npos ? line.size() - at : end - at + 1;
}

// nohup(1), whose point is to go on.
bool is_hangup_ignored() {
  struct sigaction action{};
  return sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool has_controlling_terminal() {
  // tty(4): ENXIO when the process has none, also after it was hung up.
  const os::FileDescriptor terminal(open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC));
  return terminal.is_open();
}

}  // namespace

TerminalWatch::TerminalWatch() : had_one_(!is_hangup_ignored() && has_controlling_terminal()) {}

bool TerminalWatch::is_gone() const { return had_one_ && !has_controlling_terminal(); }

bool is_terminal(int descriptor) { return isatty(descriptor) == 1; }

bool use_colour(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  return is_terminal(descriptor) && (no_color == nullptr || *no_color == '\0');
}

TerminalSize terminal_size(int descriptor) {
  winsize size{};
  TerminalSize result;
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return result;
  result.columns = size.ws_col;
  result.rows = size.ws_row;
  return result;
}

std::expected<std::string, Failure> ask(const std::string& question, const std::string& otherwise) {
  if (!is_terminal(STDIN_FILENO)) return std::unexpected(Failure{ExitCode::kUsage, otherwise});
  std::fprintf(stderr, "%s", question.c_str());
  std::string line;
  if (!std::getline(std::cin, line)) {
    std::fprintf(stderr, "\n");
    return std::unexpected(Failure{ExitCode::kFailed, "no answer; nothing was changed"});
  }
  const std::size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return std::string();
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

std::size_t width_of(const std::string& line) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < line.size();) {
    if (const std::size_t colour = colour_length(line, at); colour > 0) {
      at += colour;
      continue;
    }
    if (!is_continuation(line[at])) ++width;
    ++at;
  }
  return width;
}

std::string cut_line(const std::string& line, std::size_t columns) {
  std::size_t width = 0;
  bool coloured = false;
  for (std::size_t at = 0; at < line.size();) {
    if (const std::size_t colour = colour_length(line, at); colour > 0) {
      coloured = true;
      at += colour;
      continue;
    }
    if (!is_continuation(line[at]) && ++width > columns) return line.substr(0, at) + (coloured ? kPlain : "");
    ++at;
  }
  return line;
}

LiveScreen::LiveScreen(std::FILE* terminal) : terminal_(terminal) { std::fputs(kSecondScreen, terminal_); }

LiveScreen::~LiveScreen() {
  std::fputs(kFirstScreen, terminal_);
  std::fflush(terminal_);
}

bool LiveScreen::show(const std::string& text) {
  const TerminalSize size = terminal_size(fileno(terminal_));
  std::string frame = kHome;
  std::size_t row = 0;
  for (std::size_t begin = 0; begin < text.size() && row < size.rows; ++row) {
    const std::size_t end = text.find('\n', begin);
    if (row > 0) frame += "\r\n";
    frame += cut_line(text.substr(begin, end - begin), size.columns) + kClearLine;
    begin = end == std::string::npos ? text.size() : end + 1;
  }
  frame += kClearBelow;
  std::fputs(frame.c_str(), terminal_);
  return std::fflush(terminal_) == 0;
}

}  // namespace bamgate::cli
