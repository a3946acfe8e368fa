// The object of `bamgate status --json` (docs: "bamgate status --json").
#pragma once

#include <string>

#include "agent/status.h"
#include "config/config.h"
#include "json/value.h"

namespace bamgate::host {

json::Value status_json(const config::Config& config, const std::string& public_key, const agent::Status& status);

}  // namespace bamgate::host
