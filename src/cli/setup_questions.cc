#include "cli/setup_questions.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "cli/terminal.h"
#include "core/device_name.h"
#include "core/plain_text.h"
#include "os/device_name.h"

namespace bamgate::cli {
namespace {

constexpr const char* kNoJoinString =
    "no join string: give --join STRING, or --join - to read it from standard input; 'bamgate hub token' on the hub "
    "prints one";

/// `text` and the lines after it, as far as they belong to it: a program may have wrapped the line, and its end is what
/// holds the fingerprint. How fast they come says nothing: a person is asked, and answers with an empty line.
std::string with_rest(std::string text) {
  const bool asks = is_terminal(STDIN_FILENO);
  std::string line;
  while (config::may_go_on(text)) {
    if (asks) {
      std::fprintf(stderr, "This has no fingerprint (fp=) so far. Its next line, or Enter if that was all: ");
    }
    if (!std::getline(std::cin, line) || (asks && trim_text(line).empty())) break;
    text += "\n" + line;
  }
  return text;
}

/// What a person has to know before a join string is asked for.
void introduce(const Before& before) {
  if (before) {
    std::fprintf(stderr, "This machine is '%s' in the network of %s; a new join string registers it again.\n",
                 before->device.name.c_str(), before->network.server_url.authority().c_str());
  }
  std::fprintf(stderr,
               "A join string comes from 'bamgate hub token' on the hub, or from 'bamgate devices add' on a device of\n"
               "the network.\n");
}

std::expected<std::string, Failure> read_text(const SetupArguments& arguments) {
  if (arguments.join == "-") {
    std::string line;
    std::getline(std::cin, line);
    return with_rest(std::string(trim_text(line)));  // PowerShell and some editors put a mark in front
  }
  if (!arguments.join.empty()) return arguments.join;
  auto answer = ask("Join string: ", kNoJoinString);
  if (!answer) return answer;
  return with_rest(std::move(*answer));
}

std::string no_name(const std::string& name) {
  return "'" + name + "' is no device name: use a to z, 0 to 9 and '-', as in " + os::clean_device_name(name);
}

void say(const std::string& text) { std::fprintf(stderr, "bamgate: %s\n", text.c_str()); }

}  // namespace

bool asks(const SetupArguments& arguments) { return arguments.join.empty() && is_terminal(STDIN_FILENO); }

std::expected<void, Failure> check_name(const SetupArguments& arguments) {
  if (arguments.name.empty() || is_device_name(arguments.name)) return {};
  return std::unexpected(Failure{ExitCode::kUsage, no_name(arguments.name)});
}

std::expected<config::JoinString, Failure> read_join_string(const SetupArguments& arguments, const Before& before) {
  if (asks(arguments)) introduce(before);
  while (true) {
    const auto text = read_text(arguments);
    if (!text) return std::unexpected(text.error());
    auto join = config::parse_join_string(*text);
    if (join) {
      const std::string warning = config::missing_pin_warning(*join);
      if (!warning.empty()) say("careful: " + warning);
      return std::move(*join);
    }
    if (!asks(arguments)) return std::unexpected(Failure{ExitCode::kUsage, join.error().message()});
    say(join.error().message());
  }
}

std::expected<std::string, Failure> choose_name(const SetupArguments& arguments, const Before& before,
                                                const std::string& refused) {
  if (!arguments.name.empty() && refused.empty()) return arguments.name;
  const std::string proposed = before ? before->device.name : os::default_device_name();
  while (asks(arguments)) {
    const std::string hint = proposed == refused ? "" : " [" + proposed + "]";
    const auto answer = ask("Name of this device" + hint + ": ", "");
    if (!answer) return std::unexpected(answer.error());
    const std::string name = answer->empty() && !hint.empty() ? proposed : *answer;
    if (is_device_name(name)) return name;
    say(no_name(name));
  }
  return proposed;
}

}  // namespace bamgate::cli
