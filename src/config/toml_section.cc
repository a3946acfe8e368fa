#include "config/toml_section.h"

#include <algorithm>

#include "core/plain_text.h"

namespace bamgate::config {
namespace {

/// Far more than a thousand peers with routes need.
constexpr std::size_t kMaxFile = 1 << 20;
constexpr std::string_view kBlanks = " \t\n\v\f\r";

/// The length of the string that `text` begins with, its delimiters included; all of `text` when it does not end. It
/// ends early at a byte that is not ASCII and comes behind a backslash, directly (which is no escape) or after the
/// blanks that the backslash takes away: toml++ 3.3 asks there whether it is a blank, too, and meets some with
/// undefined behaviour. Such a byte counts as stray.
std::size_t string_length(std::string_view text) {
  const char quote = text.front();
  const std::string triple(3, quote);
  const std::string_view delimiter = text.starts_with(triple) ? std::string_view(triple) : text.substr(0, 1);
  for (std::size_t i = delimiter.size(); i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      const std::size_t next = std::min(text.find_first_not_of(kBlanks, i + 1), text.size());
      if (next < text.size() && static_cast<unsigned char>(text[next]) >= 0x80) return next;
      ++i;
    } else if (text.substr(i).starts_with(delimiter)) {
      return i + delimiter.size();
    } else if (text[i] == '\n' && delimiter.size() == 1) {
      return i;  // not closed on its line
    }
  }
  return text.size();
}

/// Where a parser of TOML stands, as far as it decides whether a quote begins a string: behind 0 in "a=0'" or "a=0['"
/// it is still within the number.
class Context {
 public:
  bool string_may_begin() const { return may_begin_; }
  /// The next character that belongs neither to a string nor to a comment.
  void take(char next) {
    const bool could = may_begin_;
    switch (next) {
      case ' ':
      case '\t':
      case '\r':
        return;
      case '\n':
        if (open_.empty()) in_value_ = false;
        may_begin_ = true;
        return;
      case '=':
        may_begin_ = !in_value_;
        in_value_ = true;
        return;
      case '.':
        may_begin_ = !in_value_;
        return;
      case '[':
        if (could && in_value_) open_ += next;
        return;
      case '{':
        may_begin_ = could && in_value_;
        if (!may_begin_) return;
        open_ += next;
        in_value_ = false;
        return;
      case ',':
        may_begin_ = !open_.empty();
        if (may_begin_) in_value_ = open_.back() == '[';
        return;
      case ']':
      case '}':
        if (!open_.empty() && open_.back() == (next == ']' ? '[' : '{')) open_.pop_back();
        in_value_ = in_value_ || next == '}';
        may_begin_ = false;
        return;
      default:
        may_begin_ = false;
    }
  }

 private:
  std::string open_;  // brackets around what comes next: [ of an array, { of an inline table
  bool in_value_ = false;
  bool may_begin_ = true;
};

/// The line, from 1, of the first byte outside of strings and comments that is not ASCII; 0 when there is none. TOML
/// 1.0.0 has no place for one, and toml++ 3.3 meets some of them with undefined behaviour.
unsigned line_of_stray_byte(std::string_view text) {
  Context context;
  unsigned line = 1;
  while (!text.empty()) {
    const char next = text.front();
    std::size_t length = 1;
    if (next == '#') {
      length = std::min(text.find('\n'), text.size());
    } else if ((next == '"' || next == '\'') && context.string_may_begin()) {
      length = string_length(text);
      context.take(next);
    } else if (static_cast<unsigned char>(next) >= 0x80) {
      return line;
    } else {
      context.take(next);
    }
    line += static_cast<unsigned>(std::ranges::count(text.substr(0, length), '\n'));
    text.remove_prefix(length);
  }
  return 0;
}

}  // namespace

std::optional<toml::table> read_toml(std::string_view text, Quote quote, Findings& findings) {
  if (text.size() > kMaxFile) {
    findings.fail({Error::kTooLarge, 0, {}, "the file is larger than 1 MiB", "is it the right file?"});
    return std::nullopt;
  }
  if (is_utf16(text)) {
    findings.fail({Error::kSyntax, 0, {}, "the file is UTF-16", "save it as UTF-8"});
    return std::nullopt;
  }
  text = without_byte_order_mark(text);
  if (const unsigned line = line_of_stray_byte(text)) {
    findings.fail({Error::kSyntax,
                   line,
                   {},
                   "a character outside of quotes, or behind a backslash, is not ASCII",
                   "put the text into quotes"});
    return std::nullopt;
  }
  toml::parse_result result = toml::parse(text);
  if (result) return std::move(result).table();
  findings.fail({Error::kSyntax,
                 result.error().source().begin.line,
                 {},
                 quote == Quote::kAllowed ? std::string(result.error().description()) : "it is no TOML",
                 "mend that line; values are written as in name = \"home\""});
  return std::nullopt;
}

toml::node* Section::take(std::string_view key, Need need, std::string_view type) {
  known_.push_back(key);
  toml::node* node = table_ != nullptr ? table_->get(key) : nullptr;
  if (node == nullptr && need == Need::kRequired) {
    fail(Error::kMissing, key, "it is missing", "add it as " + std::string(type) + ", or run 'bamgate setup' again");
  }
  return node;
}

void Section::text(std::string_view key, Need need, std::string& into) {
  toml::node* node = take(key, need, "a text");
  if (node == nullptr) return;
  if (toml::value<std::string>* value = node->as_string()) {
    into = value->get();
    if (need == Need::kRequired && into.empty()) {
      fail(Error::kMissing, key, "it is empty", "fill it in, or run 'bamgate setup' again");
    }
  } else {
    fail_type(key, "a text in quotes");
  }
}

void Section::secret(std::string_view key, Need need, SecretText& into) {
  toml::node* node = take(key, need, "a text");
  if (node == nullptr) return;
  if (toml::value<std::string>* value = node->as_string()) {
    into = SecretText(value->get());
    wipe(std::as_writable_bytes(std::span(value->get())));
  } else {
    fail_type(key, "a text in quotes");
  }
}

void Section::boolean(std::string_view key, bool& into) {
  toml::node* node = take(key, Need::kOptional, "true or false");
  if (node == nullptr) return;
  if (const toml::value<bool>* value = node->as_boolean()) {
    into = value->get();
  } else {
    fail_type(key, "true or false");
  }
}

void Section::number(std::string_view key, unsigned lowest, unsigned highest, unsigned& into) {
  toml::node* node = take(key, Need::kOptional, "a number");
  if (node == nullptr) return;
  const toml::value<std::int64_t>* value = node->as_integer();
  if (value == nullptr) return fail_type(key, "a number");
  if (value->get() < lowest || value->get() > highest) {
    return fail(
        Error::kBadValue, key,
        std::to_string(value->get()) + " is not between " + std::to_string(lowest) + " and " + std::to_string(highest),
        "set it to " + std::to_string(into) + ", or take the line out");
  }
  into = static_cast<unsigned>(value->get());
}

void Section::texts(std::string_view key, std::vector<std::string>& into) {
  toml::node* node = take(key, Need::kOptional, "a list");
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr) return fail_type(key, "a list of texts, as in [\"a\", \"b\"]");
  into.clear();
  for (const toml::node& element : *array) {
    const toml::value<std::string>* value = element.as_string();
    if (value == nullptr) return fail_type(key, "a list of texts, as in [\"a\", \"b\"]");
    into.push_back(value->get());
  }
}

void Section::address(std::string_view key, Need need, Family family, std::optional<IpPrefix>& into) {
  std::string value;
  text(key, need, value);
  if (value.empty()) return;
  const auto prefix = IpPrefix::parse(value);
  if (!prefix || prefix->address.family() != family) {
    const bool v4 = family == Family::kV4;
    return fail(Error::kBadValue, key, "\"" + value + "\" is no " + (v4 ? "IPv4" : "IPv6") + " address with a length",
                v4 ? "write it as in \"10.100.0.2/16\"" : "write it as in \"fd12:3456:789a::2/64\"");
  }
  into = prefix;
}

void Section::prefixes(std::string_view key, std::vector<IpPrefix>& into) {
  std::vector<std::string> values;
  texts(key, values);
  into.clear();
  for (const std::string& value : values) {
    const auto prefix = IpPrefix::parse(value);
    if (!prefix) {
      return fail(Error::kBadValue, key, "\"" + value + "\" is no network", "write it as in \"192.168.1.0/24\"");
    }
    into.push_back(prefix->network());
  }
}

toml::table* Section::table(std::string_view key) {
  toml::node* node = take(key, Need::kOptional, "a section");
  if (node == nullptr) return nullptr;
  if (node->as_table() == nullptr) {
    fail(Error::kWrongType, key, "it is not a section", "begin the section with [" + path_of(key) + "]");
  }
  return node->as_table();
}

std::vector<toml::table*> Section::tables(std::string_view key, std::size_t most, std::string_view form) {
  std::vector<toml::table*> result;
  toml::node* node = take(key, Need::kOptional, "a list");
  if (node == nullptr) return result;
  toml::array* array = node->as_array();
  const std::string type = "a list, as in " + std::string(form);
  if (array != nullptr && array->size() > most) {
    fail(Error::kBadValue, key, std::to_string(array->size()) + " are too many",
         "keep at most " + std::to_string(most) + " of them");
    return result;
  }
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    toml::table* table = array->get(i)->as_table();
    if (table == nullptr) {
      array = nullptr;
      result.clear();
    } else {
      result.push_back(table);
    }
  }
  if (array == nullptr) fail_type(key, type);
  return result;
}

void Section::finish() {
  if (table_ == nullptr) return;
  for (auto&& [key, node] : *table_) {
    if (std::ranges::find(known_, key.str()) != known_.end()) continue;
    findings_.warnings.push_back({node.source().begin.line, path_of(key.str()), "is not known and has no effect"});
  }
}

unsigned Section::line_of(std::string_view key) const {
  if (table_ == nullptr) return 0;
  const toml::node* node = table_->get(key);
  return node != nullptr ? node->source().begin.line : table_->source().begin.line;
}

std::string Section::path_of(std::string_view key) const { return (name_.empty() ? "" : name_ + ".").append(key); }

void Section::fail(Error code, std::string_view key, std::string what, std::string what_to_do) {
  findings_.fail({code, line_of(key), path_of(key), std::move(what), std::move(what_to_do)});
}

void Section::fail_type(std::string_view key, std::string_view type) {
  fail(Error::kWrongType, key, "it is not " + std::string(type), "write it as " + std::string(type));
}

}  // namespace bamgate::config
