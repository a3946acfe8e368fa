// Which key each device of the network has, as this device met it first: the file `pins` of its folder (docs/agent.md,
// "Pins"). One line for each name, as in known_hosts of ssh:
//   # bamgate pins 1
//   network FINGERPRINT-OR-HOST
//   pin NAME KEY SINCE HOW
//   refused NAME KEY SINCE
// A key is base64 of 32 bytes, SINCE is Unix seconds, HOW is hub or trusted. The first line makes an empty file a
// broken one.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.h"
#include "core/time.h"

namespace bamgate::config {

using PinnedKey = std::array<std::byte, 32>;

/// The way a key became a device's.
enum class PinnedBy : std::uint8_t {
  kHub,      // the hub named it when the name was new here
  kTrusted,  // a person said so: bamgate devices trust
};

struct Pin {
  struct Refused {
    PinnedKey key{};
    UnixTime since;
    bool operator==(const Refused&) const = default;
  };

  std::string name;
  PinnedKey key{};
  UnixTime since;
  PinnedBy by = PinnedBy::kHub;
  std::optional<Refused> refused = {};  // the other key that the hub names for it now
  bool operator==(const Pin&) const = default;
};

/// So many names are kept: four times as many as a network has at once.
inline constexpr std::size_t kMaxPins = 4096;

struct Pins {
  std::string network;    // whose devices they are; those of another network mean nothing
  std::vector<Pin> pins;  // each name once
  bool operator==(const Pins&) const = default;
};

/// Stops at the first error: what is doubtful here must not be taken for "nothing is pinned".
[[nodiscard]] std::expected<Pins, ConfigError> parse_pins(std::string_view text);
/// parse_pins(write_pins(p)) == p for a valid p.
[[nodiscard]] std::string write_pins(const Pins& pins);

}  // namespace bamgate::config
