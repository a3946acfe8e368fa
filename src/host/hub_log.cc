#include "host/hub_log.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "json/write.h"

namespace bamgate::host {
namespace {

spdlog::level::level_enum level_of(hub::LogLevel level) {
  switch (level) {
    case hub::LogLevel::kDebug:
      return spdlog::level::debug;
    case hub::LogLevel::kInfo:
      return spdlog::level::info;
    case hub::LogLevel::kWarning:
      return spdlog::level::warn;
  }
  return spdlog::level::warn;
}

bool is_plain(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
         std::string_view("-_.:/[]").find(letter) != std::string_view::npos;
}

std::string text_of(const json::Value& value) {
  const std::string* text = value.as_string();
  return text != nullptr && !text->empty() && std::ranges::all_of(*text, is_plain) ? *text : json::write(value);
}

}  // namespace

std::optional<LogFormat> parse_log_format(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return std::nullopt;
}

std::string write_event(LogFormat format, std::string_view event, const json::Object& fields) {
  if (format == LogFormat::kJson) {
    json::Object all{{"event", event}};
    all.insert(all.end(), fields.begin(), fields.end());
    const std::string object = json::write(std::move(all));
    return object.substr(1, object.size() - 2);
  }
  std::string line(event);
  std::ranges::replace(line, '_', ' ');
  for (const auto& [name, value] : fields) line += " " + name + "=" + text_of(value);
  return line;
}

HubLog::HubLog(LogFormat format, bool verbose) : format_(format) {
  if (verbose) spdlog::set_level(spdlog::level::debug);
  if (format_ == LogFormat::kText) return;
  // RFC 3339 §5.6.
  spdlog::set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})", spdlog::pattern_time_type::utc);
}

void HubLog::write(hub::LogLevel level, std::string_view event, const json::Object& fields) const {
  const auto spdlog_level = level_of(level);
  if (spdlog::should_log(spdlog_level)) spdlog::log(spdlog_level, "{}", write_event(format_, event, fields));
}

void HubLog::error(std::string_view event, std::string_view text) const {
  spdlog::error("{}", write_event(format_, event, {{"text", text}}));
}

}  // namespace bamgate::host
