// The JSON reader for Wasm: nlohmann-json's event parser, which neither throws nor recurses. It never builds a
// nlohmann::json, whose accessors abort on a type mismatch where exceptions are off.
#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "json/reader_rules.h"

namespace bamgate::json {
namespace {

using Events = nlohmann::json_sax<nlohmann::json>;

/// Builds a Value from the events. Returning false stops the parser.
class Builder final : public Events {
 public:
  bool null() override { return add(Value()); }
  bool boolean(bool value) override { return add(Value(value)); }
  bool number_integer(std::int64_t value) override { return add(Value(value)); }
  bool number_unsigned(std::uint64_t value) override { return add(Value(value)); }
  bool number_float(double value, const std::string& text) override {
    // An integer of more than 64 bits comes as a double; simdjson refuses it.
    if (text.find_first_of(".eE") == std::string::npos) return false;
    return add(Value(value));
  }
  bool string(std::string& value) override { return add(Value(std::move(value))); }
  bool binary(nlohmann::json::binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(Value(Object{})); }
  bool key(std::string& key) override {
    open_.back().key = std::move(key);
    return true;
  }
  bool end_object() override {
    // Noted, not refused at once: a syntax error further on goes first, as with simdjson.
    if (has_duplicate_key(*open_.back().value.as_object())) duplicate_key_ = true;
    return close();
  }
  bool start_array(std::size_t) override { return open(Value(Array{})); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  bool duplicate_key() const { return duplicate_key_; }
  Value take() { return std::move(root_); }

 private:
  struct Open {
    Value value;
    std::string key;  // of the field whose value comes next
  };

  bool open(Value container) {
    open_.push_back({std::move(container), {}});
    return true;
  }
  bool close() {
    Value value = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(value));
  }
  bool add(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Array* array = open_.back().value.as_array()) {
      array->push_back(std::move(value));
    } else {
      open_.back().value.as_object()->emplace_back(std::move(open_.back().key), std::move(value));
    }
    return true;
  }

  std::vector<Open> open_;
  Value root_;
  bool duplicate_key_ = false;
};

}  // namespace

std::expected<Value, Error> parse_with_nlohmann(std::string_view text, Limits limits) {
  if (const auto checked = check_text(text, limits); !checked) return std::unexpected(checked.error());
  Builder builder;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return std::unexpected(Error::kSyntax);
  if (builder.duplicate_key()) return std::unexpected(Error::kDuplicateKey);
  return builder.take();
}

}  // namespace bamgate::json
