// A net::Stream over bytes in memory, which come in pieces of a chosen size: where a reader must not depend on how TCP
// cuts.
#pragma once

#include <algorithm>
#include <string>

#include "net/stream.h"

namespace bamgate::testing {

class MemoryStream final : public net::Stream {
 public:
  /// `bytes` must outlive the stream. Each read gives at most `piece` of them; behind the last the stream ends.
  MemoryStream(Bytes bytes, std::size_t piece) : rest_(bytes), piece_(piece) {}

  const std::string& written() const { return written_; }

  asio::awaitable<net::Result<std::size_t>> read_some(MutableBytes buffer) override {
    const std::size_t count = closed_ ? 0 : std::min({piece_, rest_.size(), buffer.size()});
    copy_bytes(rest_.first(count), buffer);
    rest_ = rest_.subspan(count);
    co_return count;
  }
  asio::awaitable<net::Result<void>> write(Bytes data) override {
    written_ += as_text(data);
    co_return net::Result<void>{};
  }
  asio::awaitable<void> shutdown() override { co_return; }
  void close() override { closed_ = true; }
  void set_deadline(Instant) override {}
  Endpoint remote() const override { return {}; }
  Endpoint local() const override { return {}; }
  bool is_gone() const override { return closed_; }

 private:
  Bytes rest_;
  std::size_t piece_;
  std::string written_;
  bool closed_ = false;
};

}  // namespace bamgate::testing
