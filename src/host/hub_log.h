// The hub's log: one line an event, as text for people or as one JSON object for machines. Each goes to stderr with
// time and level in front; docs/hub.md lists the events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hub/effect.h"
#include "json/value.h"

namespace bamgate::host {

enum class LogFormat : std::uint8_t { kText, kJson };

/// "text" or "json".
std::optional<LogFormat> parse_log_format(std::string_view text);

/// An event as it stands behind time and level. Text: `device registered device=home`, values quoted where they hold
/// anything but letters, digits and a few signs, so that nobody forges a line. JSON: the fields of an object without
/// its braces.
std::string write_event(LogFormat format, std::string_view event, const json::Object& fields);

class HubLog {
 public:
  /// Sets up the process's log. Times are local in text, and UTC as RFC 3339 says them in JSON. Events at debug level
  /// are written only when `verbose`.
  HubLog(LogFormat format, bool verbose);

  void write(hub::LogLevel level, std::string_view event, const json::Object& fields = {}) const;
  /// Something of the machine failed; `text` says what.
  void error(std::string_view event, std::string_view text) const;

 private:
  LogFormat format_;
};

}  // namespace bamgate::host
