// What became of an answer: printing into a full disk or a pipe that nobody reads fails late and in silence.
#pragma once

#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>

namespace bamgate::os {

/// Gives standard output, where it is no terminal, room for a whole answer: it is then written by the flush whose
/// failure says why. To be called before anything is printed.
void collect_answer();

/// Why what was printed to `out` has not arrived, as an errno; none when it has. Writes out what is still in memory.
std::optional<int> lost_output(std::FILE* out);

/// "cannot write to standard output: No space left on device; …", for lost_output() of it.
std::string lost_answer(int number);

/// Ends a command whose answer goes nowhere.
class AnswerLost : public std::runtime_error {
 public:
  AnswerLost(int number, bool has_begun)
      : std::runtime_error(lost_answer(number)), number_(number), has_begun_(has_begun) {}
  int number() const { return number_; }
  /// A part of it had arrived before.
  bool has_begun() const { return has_begun_; }

 private:
  int number_;
  bool has_begun_;
};

/// For those who print again and again: writes out what is in memory. Throws AnswerLost.
void flush_answer(std::FILE* out);

}  // namespace bamgate::os
