// What the hub said first to an agent that has just begun, so that whoever started it in the background knows.
#pragma once

#include <functional>
#include <string>

#include "host/config_folder.h"

namespace bamgate::cli {

enum class FirstAnswer : std::uint8_t {
  kConnected,  // the hub took this device's join
  kRefused,    // an attempt has failed; the agent goes on trying
  kNone,       // nothing within the time that a person waits
  kEnded,      // the agent has ended
};

struct Heard {
  FirstAnswer what = FirstAnswer::kNone;
  std::string why = {};  // kRefused, kEnded: in words; may be empty after kEnded
};

/// Asks the agent of this folder until one of these is so, 10 s at most. `has_ended` is asked when it does not answer.
Heard await_first_answer(const host::ConfigFolder& folder, const std::function<bool()>& has_ended);

/// The sentence for a person: `who` runs, and what came.
std::string first_answer_text(const std::string& who, const Heard& heard);

}  // namespace bamgate::cli
