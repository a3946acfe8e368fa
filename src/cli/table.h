// Columns of text under a headline.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace bamgate::cli {

enum class Colour : unsigned char { kNone, kGood, kWaiting, kBad, kFaint };

/// `text` in that colour, or as it is.
std::string paint(const std::string& text, Colour colour, bool with_colour);

class Table {
 public:
  /// Cells may hold colours.
  explicit Table(std::vector<std::string> headline) { rows_.push_back({std::move(headline), {}}); }

  void add_row(std::vector<std::string> cells) { rows_.push_back({std::move(cells), {}}); }
  /// A line of its own below the newest row.
  void add_note(std::string line) { rows_.back().notes.push_back(std::move(line)); }

  /// Each column as wide as its widest cell; two blanks between; no blanks at the end of a line.
  std::string to_string() const;

 private:
  struct Row {
    std::vector<std::string> cells;
    std::vector<std::string> notes;
  };
  std::vector<Row> rows_;
};

}  // namespace bamgate::cli
