// The traffic of one data channel in a test: what has arrived on it since the last report, as hashes, and what is still
// to be sent. The messages are those of messages.py; whether the right ones arrived is judged there alone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/crypto.h"
#include "json/value.h"

namespace bamgate::interop {

class Exchange {
 public:
  explicit Exchange(Crypto& crypto) : crypto_(&crypto) {}

  /// Sends `count` messages from number `first` on, and one of 64 KiB behind them if `huge`; reports when `expect`
  /// messages have arrived (0: only when asked).
  void begin(std::uint32_t first, std::uint32_t count, bool huge, std::size_t expect);
  /// Takes a message that arrived.
  void take(Bytes message);
  /// Whether all that was expected has arrived; report() then says so once.
  bool complete() const { return expected_ != 0 && arrived_.size() == expected_; }
  /// The hashes of what arrived since the last report, in the order of arrival.
  json::Array report();
  /// Hands messages to `send` as long as it takes them.
  void fill(const std::function<bool(Bytes)>& send);

 private:
  Crypto* crypto_;
  std::vector<std::string> arrived_;
  std::size_t expected_ = 0;
  std::uint32_t next_ = 0;
  std::uint32_t end_ = 0;
  bool huge_ = false;
};

}  // namespace bamgate::interop
