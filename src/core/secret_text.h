// A secret of any length that is text, such as a token: wiped when it is destroyed, replaced or moved from.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes.h"

namespace bamgate::inline core {

class SecretText {
 public:
  SecretText() = default;
  /// Copies `text`; wiping that is the caller's part.
  explicit SecretText(std::string_view text) : text_(text.begin(), text.end()) {}
  SecretText(const SecretText&) = default;
  SecretText& operator=(const SecretText& other) {
    if (this != &other) *this = SecretText(other);
    return *this;
  }
  SecretText(SecretText&& other) noexcept = default;
  SecretText& operator=(SecretText&& other) noexcept {
    if (this != &other) {
      clear();
      text_ = std::move(other.text_);
    }
    return *this;
  }
  ~SecretText() { clear(); }

  /// Valid until this object changes.
  std::string_view view() const { return {text_.data(), text_.size()}; }
  bool empty() const { return text_.empty(); }
  /// Adds to the end; the block that a larger one replaces is wiped.
  void append(std::string_view more) {
    if (text_.capacity() - text_.size() < more.size()) {
      SecretText larger;
      larger.text_.reserve(2 * text_.size() + more.size());
      larger.text_.insert(larger.text_.end(), text_.begin(), text_.end());
      *this = std::move(larger);
    }
    text_.insert(text_.end(), more.begin(), more.end());
  }
  void clear() {
    wipe(std::as_writable_bytes(std::span(text_)));
    text_.clear();
  }

  /// In constant time for texts of one length.
  friend bool operator==(const SecretText& left, const SecretText& right) {
    return constant_time_equal(as_bytes(left.view()), as_bytes(right.view()));
  }

 private:
  std::vector<char> text_;  // no std::string: moving a short one would leave its characters behind
};

}  // namespace bamgate::inline core
