// What follows from the findings: one conclusion a line, with what to do where something can be done. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "doctor/findings.h"

namespace bamgate::doctor {

enum class Level : std::uint8_t {
  kGood,
  kNote,  // it works, with a drawback
  kBad,
};
/// "good", "note", "bad".
const char* to_string(Level level);

struct Conclusion {
  Level level = Level::kGood;
  std::string topic;      // "NAT", "hub"
  std::string text;       // what is
  std::string todo = {};  // what to do; empty: nothing
};

std::vector<Conclusion> conclude(const Findings& findings);

/// Whether this network lets a direct path come about: UDP passes, and others can be told to where. A NAT that shows
/// each destination another port reaches only peers whose NAT lets in everybody, so it counts as no.
bool direct_is_possible(const Findings& findings);

}  // namespace bamgate::doctor
