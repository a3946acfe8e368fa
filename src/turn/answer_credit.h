// Keeps the relay from making forged datagrams larger: to whom it has not authenticated it sends no more bytes than
// came from there. A challenge is longer than the request of most clients, which ask again when nothing comes (RFC 8489
// §6.2.1); what they sent counts together, so that their second or third request is answered.
// The table has a fixed size, and a place in it goes to whoever comes: a stranger can take another's credit away by a
// collision that he cannot choose, which costs that one a repetition.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "core/endpoint.h"
#include "core/random.h"
#include "core/time.h"

namespace bamgate::turn {

class AnswerCredit {
 public:
  static constexpr std::size_t kPlaces = 4096;
  /// RFC 8489 §6.2.1: a client that repeats its request has given up by then.
  static constexpr auto kMemory = std::chrono::seconds(40);

  explicit AnswerCredit(Random& random) : seed_(random.number<std::uint64_t>()), places_(kPlaces) {}

  /// `received` bytes came from there. True: the answer of `answer` bytes may be sent, and is paid for.
  bool pay(Instant now, const Endpoint& from, std::size_t received, std::size_t answer) {
    Place& place = places_[index(from)];
    if (place.from != from || now - place.since > kMemory) place = {.from = from, .since = now, .credit = 0};
    place.credit += received;
    if (place.credit < answer) return false;
    place.credit -= answer;
    place.since = now;
    return true;
  }

 private:
  struct Place {
    Endpoint from;
    Instant since{};
    std::size_t credit = 0;
  };

  // The seed stands in front, so that nobody who does not know it can choose a place.
  std::size_t index(const Endpoint& from) const {
    std::array<char, 8 + 16 + 2> key{};
    for (std::size_t i = 0; i < 8; ++i) key[i] = static_cast<char>(seed_ >> (8 * i));
    const std::string_view address = as_text(from.address.bytes());
    address.copy(&key[8], address.size());
    key[24] = static_cast<char>(from.port >> 8);
    key[25] = static_cast<char>(from.port);
    return std::hash<std::string_view>()({key.data(), key.size()}) % kPlaces;
  }

  std::uint64_t seed_;
  std::vector<Place> places_;
};

}  // namespace bamgate::turn
