// The screen of `bamgate status`, made of the object of `bamgate status --json`.
#pragma once

#include <string>
#include <vector>

#include "agent/counters.h"
#include "json/value.h"

namespace bamgate::cli {

/// Lines for a person, each with its end. Fields that are missing or of another type are left out.
std::string status_text(const json::Value& status, bool with_colour);

/// The counters of it that are not zero, in the words of `groups`; those that stand in none come last, by name.
std::string counters_text(const json::Value& status, const std::vector<agent::CounterGroup>& groups);

}  // namespace bamgate::cli
