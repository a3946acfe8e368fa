// The native JSON reader: simdjson's DOM, whose calls are the same in 3.0 and 3.12.
#ifndef __wasm__

#include <simdjson.h>

#include "json/parse.h"
#include "json/reader_rules.h"

namespace bamgate::json {
namespace {

using Element = simdjson::dom::element;

std::expected<Value, Error> to_value(const Element& element);

/// The value of an element that holds a `T`; both asked for and given without exceptions.
template <typename T>
std::expected<Value, Error> scalar(const Element& element) {
  T content{};
  if (element.get(content) != simdjson::SUCCESS) return std::unexpected(Error::kSyntax);
  return Value(content);
}

std::expected<Value, Error> to_array(const Element& element) {
  simdjson::dom::array elements;
  if (element.get(elements) != simdjson::SUCCESS) return std::unexpected(Error::kSyntax);
  Array array;
  for (const Element child : elements) {
    auto value = to_value(child);
    if (!value) return value;
    array.push_back(std::move(*value));
  }
  return Value(std::move(array));
}

std::expected<Value, Error> to_object(const Element& element) {
  simdjson::dom::object fields;
  if (element.get(fields) != simdjson::SUCCESS) return std::unexpected(Error::kSyntax);
  Object object;
  for (const auto field : fields) {
    auto value = to_value(field.value);
    if (!value) return value;
    object.emplace_back(std::string(field.key), std::move(*value));
  }
  if (has_duplicate_key(object)) return std::unexpected(Error::kDuplicateKey);
  return Value(std::move(object));
}

// Recurses as deep as check_text() allowed.
std::expected<Value, Error> to_value(const Element& element) {
  using Type = simdjson::dom::element_type;
  switch (element.type()) {
    case Type::ARRAY:
      return to_array(element);
    case Type::OBJECT:
      return to_object(element);
    case Type::INT64:
      return scalar<std::int64_t>(element);
    case Type::UINT64:
      return scalar<std::uint64_t>(element);
    case Type::DOUBLE:
      return scalar<double>(element);
    case Type::STRING:
      return scalar<std::string_view>(element);
    case Type::BOOL:
      return scalar<bool>(element);
    case Type::NULL_VALUE:
      return Value();
    default:  // the enum is the library's: a later release may know more types
      return std::unexpected(Error::kSyntax);
  }
}

}  // namespace

std::expected<Value, Error> parse_with_simdjson(std::string_view text, Limits limits) {
  if (const auto checked = check_text(text, limits); !checked) return std::unexpected(checked.error());
  simdjson::dom::parser parser;
  Element root;
  // The parser copies the text into a buffer of its own with the padding that it needs.
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return std::unexpected(Error::kSyntax);
  return to_value(root);
}

}  // namespace bamgate::json

#endif
