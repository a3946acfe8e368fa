// Completion of command lines in bash, zsh and fish. The shells ask the program itself (`bamgate complete WORD...`),
// which knows its commands and options, so nothing is written twice. Left out: values, such as the names of devices.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace bamgate::cli {

/// One word that may stand at the end of the line, and what it means.
struct Candidate {
  std::string word;
  std::string meaning;
};

/// What may stand in place of the last of `words`, which follow the program's name; the last may be empty. Empty: a
/// value is wanted there, and the shell offers file names.
std::vector<Candidate> complete(const CLI::App& app, std::span<const std::string> words);

/// Prints one candidate a line: word, tab, meaning; the form that fish reads.
void print_candidates(const std::vector<Candidate>& candidates);

}  // namespace bamgate::cli
