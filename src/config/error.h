// What is wrong with a file, a join string or a URL that a person wrote: told so that the person can mend it.
#pragma once

#include <string>

namespace bamgate::config {

enum class Error {
  kTooLarge,   // longer than any such text is
  kSyntax,     // no TOML, no URL, no join string
  kMissing,    // a key that is needed is not there
  kWrongType,  // a number where a text belongs, and the like
  kBadValue,   // of the right type, but of no use
};
const char* to_string(Error error);

/// `what` and `what_to_do` are clauses without a full stop. Never holds a secret.
struct ConfigError {
  Error code = Error::kSyntax;
  unsigned line = 0;       // from 1; 0 when there is none to name
  std::string key;         // as in "device.mtu"; may be empty
  std::string what;        // as in "900 is not between 1280 and 1500"
  std::string what_to_do;  // as in "set it to 1280, or take the line out"

  /// All of it on one line.
  std::string message() const;
  bool operator==(const ConfigError&) const = default;
};

}  // namespace bamgate::config
