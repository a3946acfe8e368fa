#include "cli/command_words.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace bamgate::cli {
namespace {

constexpr const char* kHelp = "help";

const CLI::App* command_named(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App* any) { return !any->get_group().empty(); })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// The command to which the words lead, and its whole name.
struct Reached {
  const CLI::App* command;
  std::string name = {};
};

Reached reached(const CLI::App& app, const std::vector<std::string>& words) {
  Reached result{&app};
  for (const std::string& word : words) {
    const CLI::App* next = command_named(*result.command, word);
    if (next == nullptr) continue;
    result.command = next;
    result.name += (result.name.empty() ? "" : " ") + word;
  }
  return result;
}

std::string quoted(const std::string& text) { return "'" + text + "'"; }

/// What to do about a word that nothing takes.
std::string about_word(const CLI::App& app, const Reached& at, const std::string& word) {
  const std::string program = at.name.empty() ? "bamgate" : "bamgate " + at.name;
  if (word.starts_with("-")) {
    const std::string name = word.substr(0, word.find('='));
    const auto meant = nearest(name, options_of(*at.command));
    return quoted(program) + " has no option " + quoted(name) + (meant ? "; did you mean " + *meant + "?" : "");
  }
  if (!at.name.empty() && command_named(app, word) != nullptr) {
    return quoted(at.name) + " and " + quoted(word) + " are two commands: give one at a time";
  }
  const auto commands = commands_of(*at.command);
  const auto meant = nearest(word, commands);
  const std::string suggestion =
      meant ? "; did you mean " + quoted((at.name.empty() ? "" : at.name + " ") + *meant) + "?" : "";
  if (at.name.empty()) return "there is no command " + quoted(word) + suggestion;
  return quoted(program) + " takes no " + quoted(word) + suggestion;
}

std::string usage_line(const std::string& text, const Reached& at) {
  const std::string command = at.name.empty() ? "COMMAND" : at.name;
  return "bamgate: " + text + "; 'bamgate help' lists the commands, 'bamgate help " + command + "' explains one\n";
}

}  // namespace

// Optimal string alignment: rows of the table of distances between the beginnings of both words.
std::size_t letters_between(std::string_view one, std::string_view other) {
  std::vector<std::vector<std::size_t>> table(one.size() + 1, std::vector<std::size_t>(other.size() + 1));
  for (std::size_t i = 0; i <= one.size(); ++i) table[i][0] = i;
  for (std::size_t j = 0; j <= other.size(); ++j) table[0][j] = j;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const std::size_t changed = table[i - 1][j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
      table[i][j] = std::min({table[i - 1][j] + 1, table[i][j - 1] + 1, changed});
      const bool swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
      if (swapped) table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
    }
  }
  return table[one.size()][other.size()];
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& words) {
  constexpr std::size_t kLongest = 64;  // no word of ours is nearly as long
  if (word.empty() || word.size() > kLongest) return std::nullopt;
  std::optional<std::string> best;
  std::size_t least = 0;
  bool several = false;
  for (const std::string& candidate : words) {
    const bool begins = word.size() >= 2 && candidate.starts_with(word);
    const std::size_t distance = begins ? 0 : letters_between(word, candidate);
    if (!begins && distance * 3 > std::max<std::size_t>(word.size(), 3)) continue;
    if (best && distance == least) several = true;
    if (best && distance >= least) continue;
    best = candidate;
    least = distance;
    several = false;
  }
  return several ? std::nullopt : best;
}

std::expected<std::vector<std::string>, std::string> help_as_option(const CLI::App& app,
                                                                    std::vector<std::string> words) {
  if (words.empty() || words.front() != kHelp) return words;
  if (std::ranges::any_of(words, [](const std::string& word) { return word.starts_with("-"); })) return words;
  words.erase(words.begin());
  Reached at{&app};
  for (const std::string& word : words) {
    const CLI::App* next = command_named(*at.command, word);
    if (next == nullptr) return std::unexpected(usage_line(about_word(app, at, word), at));
    at.command = next;
    at.name += (at.name.empty() ? "" : " ") + word;
  }
  words.emplace_back("--help");
  return words;
}

std::string usage_message(const CLI::App& app, const CLI::Error& error, const std::vector<std::string>& words) {
  const Reached at = reached(app, words);
  std::string text = error.what();
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    const std::vector<std::string> left = app.remaining(true);
    if (!left.empty()) text = about_word(app, at, left.front());
  }
  return usage_line(text, at);
}

}  // namespace bamgate::cli
