// The command line of the shaper: what each direction of the path does to packets, as options with units and bounds.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "sim/link.h"

namespace bamgate::shaper {

struct CommandLine {
  bool help = false;
  std::string a;  // the TAP interfaces
  std::string b;
  sim::LinkOptions to_b;
  sim::LinkOptions to_a;
  std::uint64_t seed = 1;
};

/// Reads the arguments behind the program's name. An error is a sentence for the person who typed them.
[[nodiscard]] std::expected<CommandLine, std::string> parse_command_line(std::span<const std::string_view> arguments);

/// What --help prints.
std::string help_text();

}  // namespace bamgate::shaper
