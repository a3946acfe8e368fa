// The networks that people have, by name, and the table of how they reach each other (nat_grid.txt).
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "sim/world.h"

namespace bamgate::sim {

struct GridCell {
  std::string one;    // the kind of the offerer's network, or the name of a place for both
  std::string other;  // empty for such a place
  bool direct = false;

  const std::string& place_of_other() const { return other.empty() ? one : other; }
  std::string name() const { return other.empty() ? one : one + " to " + other; }
};

/// For GoogleTest.
inline void PrintTo(const GridCell& cell, std::ostream* out) { *out << cell.name(); }

/// All cells of nat_grid.txt. Throws when a line cannot be read: the file is part of the test.
std::vector<GridCell> read_grid();

/// Puts the two devices, "anna" who offers and "bert", where the cell says.
void add_pair(World& world, const GridCell& cell);

}  // namespace bamgate::sim
