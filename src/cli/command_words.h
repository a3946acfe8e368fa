// The words of a command line that CLI11 does not take: what a person probably meant, and `help X` as `X --help`.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace bamgate::cli {

/// How many letters have to be put in, left out, changed or swapped with the next one to make one word of the other.
std::size_t letters_between(std::string_view one, std::string_view other);

/// The one of `words` that a person may have meant by `word`: at most a third of its letters differ, or it begins so.
/// nullopt when none is near, or two are equally near.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& words);

/// `words` follow the program's name. "help hub token" becomes "hub token --help", which then runs nothing; what does
/// not begin with "help", or has an option, stays. The error: the message for a word behind help that names no command.
std::expected<std::vector<std::string>, std::string> help_as_option(const CLI::App& app,
                                                                    std::vector<std::string> words);

/// The message for a line that `app` has refused with `error`: with what was probably meant, or that two commands stand
/// on it.
std::string usage_message(const CLI::App& app, const CLI::Error& error, const std::vector<std::string>& words);

}  // namespace bamgate::cli
