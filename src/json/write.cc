#include "json/write.h"

#include <nlohmann/json.hpp>
#include <type_traits>

#include "json/parse.h"

namespace bamgate::json {
namespace {

using Output = nlohmann::ordered_json;

Output to_output(const Value& value, std::size_t depth) {
  return value.visit([depth](const auto& content) -> Output {
    using Content = std::decay_t<decltype(content)>;
    if constexpr (std::is_same_v<Content, std::monostate>) {
      return nullptr;
    } else if constexpr (std::is_same_v<Content, Array>) {
      if (depth == kMaxDepth) return nullptr;
      Output::array_t array;
      array.reserve(content.size());
      for (const Value& element : content) array.push_back(to_output(element, depth + 1));
      return array;
    } else if constexpr (std::is_same_v<Content, Object>) {
      if (depth == kMaxDepth) return nullptr;
      Output::object_t object;
      // The container below the ordered map: its own insertion looks at every key that is there already.
      Output::object_t::Container& fields = object;
      fields.reserve(content.size());
      for (const auto& [key, field] : content) fields.emplace_back(key, to_output(field, depth + 1));
      return object;
    } else {
      return content;
    }
  });
}

}  // namespace

std::string write(const Value& value) {
  return to_output(value, 0).dump(-1, ' ', false, Output::error_handler_t::replace);
}

}  // namespace bamgate::json
