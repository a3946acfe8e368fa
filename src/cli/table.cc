#include "cli/table.h"

#include <algorithm>
#include <utility>

#include "cli/terminal.h"

namespace bamgate::cli {
namespace {

// SGR parameters (ECMA-48 §8.3.117).
const char* sequence(Colour colour) {
  switch (colour) {
    case Colour::kNone:
      break;
    case Colour::kGood:
      return "\x1b[32m";
    case Colour::kWaiting:
      return "\x1b[33m";
    case Colour::kBad:
      return "\x1b[31m";
    case Colour::kFaint:
      return "\x1b[2m";
  }
  return "";
}

}  // namespace

std::string paint(const std::string& text, Colour colour, bool with_colour) {
  if (!with_colour || colour == Colour::kNone || text.empty()) return text;
  return sequence(colour) + text + "\x1b[m";
}

std::string Table::to_string() const {
  std::vector<std::size_t> widths;
  for (const Row& row : rows_) {
    widths.resize(std::max(widths.size(), row.cells.size()));
    for (std::size_t i = 0; i < row.cells.size(); ++i) widths[i] = std::max(widths[i], width_of(row.cells[i]));
  }
  std::string text;
  for (const Row& row : rows_) {
    std::size_t blanks = 0;
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      if (!row.cells[i].empty()) text += std::string(std::exchange(blanks, 0), ' ') + row.cells[i];
      blanks += widths[i] - width_of(row.cells[i]) + 2;
    }
    text += '\n';
    for (const std::string& note : row.notes) text += note + '\n';
  }
  return text;
}

}  // namespace bamgate::cli
