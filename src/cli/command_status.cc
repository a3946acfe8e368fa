// bamgate status: what is connected, and how; once, or again and again in place.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <optional>

#include "cli/commands.h"
#include "cli/control.h"
#include "cli/status_text.h"
#include "cli/terminal.h"
#include "host/status_json.h"
#include "json/write.h"
#include "os/answer.h"

namespace bamgate::cli {
namespace {

constexpr auto kRefresh = std::chrono::seconds(1);

std::string render(const json::Value& status, const StatusArguments& arguments) {
  if (arguments.json) return json::write(status) + "\n";
  const std::string text = status_text(status, use_colour(STDOUT_FILENO));
  return arguments.verbose ? text + "\n" + counters_text(status, host::counter_groups()) : text;
}

/// Until Ctrl-C, or until nobody reads it any more (os::AnswerLost). An agent that ends may come back: a restart is
/// worth watching.
ExitCode watch(net::Loop& loop, const host::ConfigFolder& folder, const StatusArguments& arguments) {
  bool asked_to_stop = false;
  loop.on_signal([&](int) { asked_to_stop = true; });
  std::optional<LiveScreen> screen;
  if (is_terminal(STDOUT_FILENO) && !arguments.json) screen.emplace(stdout);
  while (!asked_to_stop) {
    const auto status = ask_agent(loop, folder, "status");
    const std::string text = status ? render(*status, arguments) : status.error().text + "\n";
    if (screen) {
      if (!screen->show(text)) os::flush_answer(stdout);
    } else {
      // In a file or a pipe each state is a paragraph, or a line of JSON; what is no state goes to stderr.
      std::fputs(text.c_str(), status ? stdout : stderr);
      if (status && !arguments.json) std::fputs("\n", stdout);
      os::flush_answer(stdout);
    }
    loop.run_until([&] { return asked_to_stop; }, kRefresh);
  }
  return ExitCode::kDone;
}

}  // namespace

ExitCode run_status(const StatusArguments& arguments) {
  net::Loop loop;
  const host::ConfigFolder folder(arguments.config);
  const auto status = ask_agent(loop, folder, "status");
  if (!status) return fail(status.error().code, status.error().text);
  if (arguments.watch) return watch(loop, folder, arguments);
  std::fputs(render(*status, arguments).c_str(), stdout);
  return ExitCode::kDone;
}

}  // namespace bamgate::cli
