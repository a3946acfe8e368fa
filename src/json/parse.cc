#include "json/parse.h"

namespace bamgate::json {

std::expected<Value, Error> parse(std::string_view text, Limits limits) {
#ifdef __wasm__
  return parse_with_nlohmann(text, limits);
#else
  return parse_with_simdjson(text, limits);
#endif
}

const char* to_string(Error error) {
  switch (error) {
    case Error::kTooLarge:
      return "JSON text too large";
    case Error::kTooDeep:
      return "JSON text nested too deeply";
    case Error::kSyntax:
      return "no valid JSON text";
    case Error::kDuplicateKey:
      return "a JSON object names a field twice";
  }
  return "unknown JSON error";
}

}  // namespace bamgate::json
