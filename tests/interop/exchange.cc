#include "interop/exchange.h"

#include <algorithm>
#include <utility>

#include "core/encoding.h"

namespace bamgate::interop {
namespace {

constexpr std::uint32_t kLargest = 1312;
constexpr std::uint32_t kHuge = 65536;
constexpr std::size_t kHashBytes = 8;

std::vector<std::byte> content(std::uint32_t number, std::uint32_t size) {
  std::vector<std::byte> message(size);
  const std::uint32_t start = number % 251;
  for (std::uint32_t i = 0; i < size; ++i) {
    const std::uint32_t place = start + i - 4;
    message[i] = static_cast<std::byte>(i < 4 ? number >> (8 * i) : place * 7 + (place >> 8));
  }
  return message;
}

}  // namespace

void Exchange::begin(std::uint32_t first, std::uint32_t count, bool huge, std::size_t expect) {
  next_ = first;
  end_ = first + count;
  huge_ = huge;
  expected_ = expect;
}

void Exchange::take(Bytes message) {
  const Sha256Digest digest = crypto_->sha256({message});
  arrived_.push_back(to_hex(Bytes(digest).first(kHashBytes)));
}

json::Array Exchange::report() {
  json::Array hashes(std::make_move_iterator(arrived_.begin()), std::make_move_iterator(arrived_.end()));
  arrived_.clear();
  expected_ = 0;
  return hashes;
}

void Exchange::fill(const std::function<bool(Bytes)>& send) {
  for (; next_ != end_; ++next_) {
    if (!send(content(next_, 1 + next_ * 997 % kLargest))) return;
  }
  if (huge_ && send(content(end_, kHuge))) huge_ = false;
}

}  // namespace bamgate::interop
