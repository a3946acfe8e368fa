#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace bamgate::cli {
namespace {

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

/// The command among those of `app`; hidden ones count too.
const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

/// The named option, as in "--config" or "-f"; one with "=value" needs none.
const CLI::Option* find_option(const CLI::App& app, const std::string& word) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->check_name(word)) return option;
  }
  return nullptr;
}

void add(std::vector<Candidate>& to, std::string_view begin, const std::string& word, const std::string& meaning) {
  if (word.starts_with(begin)) to.push_back({word, meaning});
}

}  // namespace

std::vector<Candidate> complete(const CLI::App& app, std::span<const std::string> words) {
  const CLI::App* command = &app;
  bool value_wanted = false;
  std::vector<Candidate> result;
  if (words.empty()) return result;
  if (words.size() > 1 && words.front() == "help") return complete(app, words.subspan(1));  // a command's name follows
  for (const std::string& word : words.first(words.size() - 1)) {
    if (std::exchange(value_wanted, false)) continue;
    if (const CLI::App* next = find_command(*command, word)) command = next;
    const CLI::Option* option = word.starts_with("-") ? find_option(*command, word) : nullptr;
    value_wanted = option != nullptr && takes_value(*option);
  }
  if (value_wanted) return result;
  const std::string& last = words.back();
  if (last.starts_with("-")) {
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) add(result, last, "--" + name, option->get_description());
      for (const std::string& name : option->get_snames()) add(result, last, "-" + name, option->get_description());
    }
    return result;
  }
  for (const CLI::App* one : command->get_subcommands([](const CLI::App* any) { return !any->get_group().empty(); })) {
    add(result, last, one->get_name(), one->get_description());
  }
  return result;
}

void print_candidates(const std::vector<Candidate>& candidates) {
  for (const Candidate& one : candidates) std::printf("%s\t%s\n", one.word.c_str(), one.meaning.c_str());
}

}  // namespace bamgate::cli
