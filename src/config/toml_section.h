// Reads one TOML table key by key, keeping the first error and warning about keys that nobody asked for. Only for the
// .cc files of this layer: nobody else sees toml++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

// toml++ asserts what a malformed file can make untrue (marzer/tomlplusplus#301 is one case), and with NDEBUG takes it
// for true. Behind each such line it reports the error properly, so the assertions are switched off either way.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ASSERT(expression) static_cast<void>(0)
#pragma push_macro("NDEBUG")
#undef NDEBUG
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace bamgate::config {

/// What became of the reading of one file.
struct Findings {
  std::optional<ConfigError> error;  // the first
  std::vector<Warning> warnings;

  void fail(ConfigError failure) {
    if (!error) error = std::move(failure);
  }
};

/// Whether a key must be there; one that need not be leaves its value as it was.
enum class Need { kOptional, kRequired };

class Section {
 public:
  /// `table` may be nullptr: then every key is missing. All arguments must outlive the section.
  Section(toml::table* table, std::string name, Findings& findings)
      : table_(table), name_(std::move(name)), findings_(findings) {}

  void text(std::string_view key, Need need, std::string& into);
  /// Wipes what the parser holds.
  void secret(std::string_view key, Need need, SecretText& into);
  void boolean(std::string_view key, bool& into);
  void number(std::string_view key, unsigned lowest, unsigned highest, unsigned& into);
  void texts(std::string_view key, std::vector<std::string>& into);
  /// "ADDRESS/LENGTH" of that family; the host part stays.
  void address(std::string_view key, Need need, Family family, std::optional<IpPrefix>& into);
  /// Networks: the host part is set to zero.
  void prefixes(std::string_view key, std::vector<IpPrefix>& into);
  /// A table in this one; nullptr when it is missing.
  toml::table* table(std::string_view key);

  /// A list of at most `most` tables; `form` is how to write it. Empty when it is missing or wrong.
  std::vector<toml::table*> tables(std::string_view key, std::size_t most, std::string_view form);

  /// Whether `key` is there, of whatever type.
  bool has(std::string_view key) const { return table_ != nullptr && table_->contains(key); }
  void fail(Error code, std::string_view key, std::string what, std::string what_to_do);
  /// Warns about the keys that nobody asked for.
  void finish();

 private:
  toml::node* take(std::string_view key, Need need, std::string_view type);
  unsigned line_of(std::string_view key) const;
  std::string path_of(std::string_view key) const;
  void fail_type(std::string_view key, std::string_view type);

  toml::table* table_;
  std::string name_;
  Findings& findings_;
  std::vector<std::string_view> known_;
};

/// Whether an error may quote what stands in the file.
enum class Quote { kAllowed, kNever };

/// Reads a file's text. nullopt, and an error in `findings`, when it is too large or no TOML.
[[nodiscard]] std::optional<toml::table> read_toml(std::string_view text, Quote quote, Findings& findings);

}  // namespace bamgate::config
