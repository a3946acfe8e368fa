// Would a device start here now? Asked before the one that runs is stopped: its machine may be reached through the
// tunnel alone.
#pragma once

#include <cstdint>
#include <expected>

#include "host/config_folder.h"
#include "os/failure.h"

namespace bamgate::cli {

enum class Starter : std::uint8_t {
  kOurselves,  // this process starts it, and keeps its log
  kSystemd,    // with rights that this process may not have
};

/// Tries everything that a start needs and that can be missing: configuration, lock, log, /dev/net/tun and its rights,
/// and the interface's name. A device may be running in `folder`: what it holds is good. Leaves nothing behind.
std::expected<void, Failure> try_start(const host::ConfigFolder& folder, Starter starter);

}  // namespace bamgate::cli
