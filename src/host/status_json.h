// The object of `bamgate status --json` (docs: "bamgate status --json").
#pragma once

#include <string>
#include <vector>

#include "agent/counters.h"
#include "agent/status.h"
#include "config/config.h"
#include "json/value.h"

namespace bamgate::host {

/// All counters that may stand in it, in the order and the words for a person.
std::vector<agent::CounterGroup> counter_groups();

json::Value status_json(const config::Config& config, const std::string& public_key, const agent::Status& status);

}  // namespace bamgate::host
