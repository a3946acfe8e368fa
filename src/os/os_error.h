// How the operating system's refusals are told: a code to branch on and a sentence for a person.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bamgate::os {

enum class Error : std::uint8_t {
  kNotPermitted,  // root or a capability is missing
  kNotFound,      // no such file, interface or route
  kExists,        // what was to be made stands there already
  kBusy,          // another process holds it
  kUnsupported,   // this kernel has it not, or it is switched off
  kInvalid,       // a name or value that the system cannot take
  kTooLarge,      // more content than the caller allows
  kInsecure,      // a secret that others can read
  kUnreachable,   // no route leads there
  kSystem,        // anything else; `number` says what
};

/// The name of the value, without the k: "NotPermitted".
std::string_view to_string(Error error);

/// One refusal. `text` says what was tried, why it failed and what to do; it has no line break and no secret.
struct OsError {
  Error code = Error::kSystem;
  int number = 0;  // errno; 0 when the refusal is our own
  std::string text;
};

/// The refusal of a system call: `what` was tried ("cannot open /dev/net/tun") and failed with `number` (an errno);
/// `advice` says what to do and may be empty. EPERM and EACCES without advice get that for missing privileges.
OsError system_failure(std::string_view what, int number, std::string_view advice = {});

}  // namespace bamgate::os
