// The screen of `bamgate status`, made of the object of `bamgate status --json`.
#pragma once

#include <string>

#include "json/value.h"

namespace bamgate::cli {

/// Lines for a person, each with its end. Fields that are missing or of another type are left out.
std::string status_text(const json::Value& status, bool with_colour);

}  // namespace bamgate::cli
