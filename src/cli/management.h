// What is done to the network's devices and join strings, by an administrator ('bamgate devices') or on the hub itself
// ('bamgate hub devices'): the same for both, but for the way on which the hub is asked.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "host/hub_api.h"
#include "json/value.h"

namespace bamgate::cli {

struct Management {
  enum class Action : std::uint8_t { kList, kRevoke, kForget, kRenew, kRename, kTokens, kWithdraw };
  Action action = Action::kList;
  bool json = false;
  bool yes = false;    // do not ask back
  std::string which;   // a device's id or name, or a join string's id
  std::string rename;  // kRename: the new name
};

/// One request of the HTTP API (protocol.md); the body of a 200.
using AskHub = std::function<host::ApiResult<json::Value>(const std::string& method, const std::string& target,
                                                          const json::Value& body)>;

/// `own_id`: the device that asks; empty on the hub. `words`: how the command is called, for what to do next
/// ("bamgate devices" or "bamgate hub").
ExitCode manage(const Management& what, const AskHub& ask, const std::string& own_id, const std::string& words);

}  // namespace bamgate::cli
