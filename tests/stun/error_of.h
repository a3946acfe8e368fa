// Asks for an error without harm when there is none.
#pragma once

#include <expected>
#include <optional>

namespace bamgate::testing {

/// The error of `result`; nullopt when it holds a value.
template <typename T, typename E>
std::optional<E> error_of(const std::expected<T, E>& result) {
  if (result) return std::nullopt;
  return result.error();
}

}  // namespace bamgate::testing
