#include "config/error.h"

namespace bamgate::config {

const char* to_string(Error error) {
  switch (error) {
    case Error::kTooLarge:
      return "too large";
    case Error::kSyntax:
      return "not readable";
    case Error::kMissing:
      return "missing";
    case Error::kWrongType:
      return "of the wrong type";
    case Error::kBadValue:
      return "of no use";
  }
  return "unknown configuration error";
}

std::string ConfigError::message() const {
  std::string text;
  if (line != 0) text = "line " + std::to_string(line);
  if (!key.empty()) text += (text.empty() ? "" : ", ") + key;
  if (!text.empty()) text += ": ";
  text += what;
  if (!what_to_do.empty()) text += "; " + what_to_do;
  return text;
}

}  // namespace bamgate::config
