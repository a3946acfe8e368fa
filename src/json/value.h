// A small JSON document in memory (RFC 8259): what the readers build and the writer prints.
// Objects keep their fields in the order of the text, so that a message that is only passed on stays as it was.
// Left out: lookup by hash (messages are small), comments, numbers wider than 64 bits.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace bamgate::json {

class Value;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;
/// Fields in order. The readers refuse a key that stands twice; set() replaces.
using Object = std::vector<Member>;

/// One JSON value. No accessor throws or aborts: asked for another type it answers nullptr or nullopt.
/// Pointers into a value are valid until that value is changed or destroyed.
class Value {
 public:
  // NOLINTBEGIN(google-explicit-constructor): a document is to be written down as it looks.
  /// null.
  Value() = default;
  Value(std::nullptr_t) {}
  Value(bool value) : value_(value) {}
  /// Any integer type. One that fits is kept as std::int64_t, so that equal numbers compare equal.
  template <std::integral T>
    requires(!std::same_as<T, bool> && !std::same_as<T, char>)
  Value(T value) {
    if (std::in_range<std::int64_t>(value)) {
      value_ = static_cast<std::int64_t>(value);
    } else {
      value_ = static_cast<std::uint64_t>(value);
    }
  }
  Value(double value) : value_(value) {}
  Value(std::string value) : value_(std::move(value)) {}
  Value(std::string_view value) : value_(std::string(value)) {}
  Value(const char* value) : value_(std::string(value)) {}
  Value(Array value) : value_(std::move(value)) {}
  Value(Object value) : value_(std::move(value)) {}
  /// A pointer would otherwise become `true`.
  template <typename T>
  Value(T*) = delete;
  // NOLINTEND(google-explicit-constructor)

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  std::optional<bool> as_bool() const;
  /// An integer that fits; nullopt for any number written with a fraction or an exponent.
  std::optional<std::int64_t> as_int() const;
  std::optional<std::uint64_t> as_uint() const;
  /// Any number, rounded to the nearest double.
  std::optional<double> as_double() const;
  const std::string* as_string() const { return std::get_if<std::string>(&value_); }
  std::string* as_string() { return std::get_if<std::string>(&value_); }
  const Array* as_array() const { return std::get_if<Array>(&value_); }
  Array* as_array() { return std::get_if<Array>(&value_); }
  const Object* as_object() const { return std::get_if<Object>(&value_); }
  Object* as_object() { return std::get_if<Object>(&value_); }

  /// The field `key`; nullptr when there is none or this is no object.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  /// The field `key` when it has that type; nullptr or nullopt when it is missing or has another.
  const std::string* get_string(std::string_view key) const;
  std::optional<std::int64_t> get_int(std::string_view key) const;
  std::optional<bool> get_bool(std::string_view key) const;
  const Array* get_array(std::string_view key) const;
  const Object* get_object(std::string_view key) const;

  /// Replaces the field `key` where it stands, or appends it. What is no object becomes an empty one first.
  void set(std::string_view key, Value value);
  /// Takes the field `key` away; true when there was one.
  bool erase(std::string_view key);

  /// Calls `visitor` with what is held: std::monostate (null), bool, std::int64_t, std::uint64_t, double, std::string,
  /// Array or Object.
  template <typename Visitor>
  decltype(auto) visit(Visitor&& visitor) const {
    return std::visit(std::forward<Visitor>(visitor), value_);
  }

  /// Objects are equal only with their fields in the same order.
  bool operator==(const Value&) const = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> value_;
};

}  // namespace bamgate::json
