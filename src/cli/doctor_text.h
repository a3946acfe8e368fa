// What the doctor found, for a person and for a machine.
#pragma once

#include <string>

#include "doctor/conclusions.h"
#include "json/value.h"

namespace bamgate::cli {

/// One conclusion a line, each with what to do below it where something can be done.
std::string doctor_text(const doctor::Findings& findings, bool with_colour);

/// {"direct_possible":…,"conclusions":[{"level","topic","text","todo"}],…} and the findings themselves.
json::Value doctor_json(const doctor::Findings& findings);

}  // namespace bamgate::cli
