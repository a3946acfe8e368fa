#include "json/value.h"

#include <algorithm>

namespace bamgate::json {

std::optional<bool> Value::as_bool() const {
  const bool* value = std::get_if<bool>(&value_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<std::int64_t> Value::as_int() const {
  const std::int64_t* value = std::get_if<std::int64_t>(&value_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<std::uint64_t> Value::as_uint() const {
  if (const std::uint64_t* value = std::get_if<std::uint64_t>(&value_)) return *value;
  const std::int64_t* value = std::get_if<std::int64_t>(&value_);
  if (value == nullptr || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::optional<double> Value::as_double() const {
  if (const double* value = std::get_if<double>(&value_)) return *value;
  if (const std::int64_t* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
  if (const std::uint64_t* value = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*value);
  return std::nullopt;
}

const Value* Value::find(std::string_view key) const {
  const Object* object = as_object();
  if (object == nullptr) return nullptr;
  const auto member = std::ranges::find(*object, key, &Member::first);
  return member != object->end() ? &member->second : nullptr;
}

Value* Value::find(std::string_view key) { return const_cast<Value*>(std::as_const(*this).find(key)); }

const std::string* Value::get_string(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr ? value->as_string() : nullptr;
}

std::optional<std::int64_t> Value::get_int(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr ? value->as_int() : std::nullopt;
}

std::optional<bool> Value::get_bool(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr ? value->as_bool() : std::nullopt;
}

const Array* Value::get_array(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr ? value->as_array() : nullptr;
}

const Object* Value::get_object(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr ? value->as_object() : nullptr;
}

void Value::set(std::string_view key, Value value) {
  if (as_object() == nullptr) value_ = Object{};
  if (Value* present = find(key)) {
    *present = std::move(value);
  } else {
    as_object()->emplace_back(std::string(key), std::move(value));
  }
}

bool Value::erase(std::string_view key) {
  Object* object = as_object();
  if (object == nullptr) return false;
  const auto member = std::ranges::find(*object, key, &Member::first);
  if (member == object->end()) return false;
  object->erase(member);
  return true;
}

}  // namespace bamgate::json
