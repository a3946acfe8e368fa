// Traffic both ways over a link of two peer connections, of which no message may be missing.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

#include "peer/link.h"

namespace bamgate::peer::testing {

/// Both directions at once, a numbered message each 2 ms on the tunnel's channel.
struct Flow {
  explicit Flow(Link& carrier) : link(carrier) {
    link.a.on_message = [this](Message& message) { at_a.push_back(number_of(message)); };
    link.b.on_message = [this](Message& message) { at_b.push_back(number_of(message)); };
  }
  static std::uint32_t number_of(const Message& message) {
    std::uint32_t number = 0;
    std::memcpy(&number, message.data.data().data(), sizeof number);
    return number;
  }
  void run(Duration span, const std::function<void()>& between = [] {}) {
    for (const Instant end = link.now() + span; link.now() < end; link.run(2ms)) {
      between();
      const Bytes bytes = std::as_bytes(std::span(&sent, 1));
      if (!link.a.send(link.now(), bytes) || !link.b.send(link.now(), bytes)) ++refused;
      ++sent;
    }
  }
  /// What is on its way arrives; then each number is there once.
  void expect_all() {
    link.run(1s);
    EXPECT_EQ(refused, 0U);
    for (auto* numbers : {&at_a, &at_b}) {
      std::ranges::sort(*numbers);
      ASSERT_EQ(numbers->size(), sent);
      for (std::uint32_t i = 0; i < sent; ++i) ASSERT_EQ((*numbers)[i], i);
    }
  }

  Link& link;
  std::uint32_t sent = 0;
  unsigned refused = 0;
  std::vector<std::uint32_t> at_a;
  std::vector<std::uint32_t> at_b;
};

inline bool both_at(const Link& link, std::size_t paths) {
  return link.a.paths.size() == paths && link.b.paths.size() == paths;
}

}  // namespace bamgate::peer::testing
