#include "core/ring.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>

#include "support/seeded_random.h"

namespace bamgate {
namespace {

TEST(Ring, GivesBackWhatWasPutInInTheSameOrderAsADequeDoes) {
  testing::SeededRandom random(1);
  Ring<std::string> ring;
  std::deque<std::string> model;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t choice = random.below(5);
    if (choice < 3 || model.empty()) {
      ring.push_back(std::to_string(step));
      model.push_back(std::to_string(step));
    } else if (choice == 3) {
      ring.pop_front();
      model.pop_front();
    } else {
      ring.pop_back();
      model.pop_back();
    }
    if (step % 5000 == 4999) {
      ring.clear();
      model.clear();
    }
    ASSERT_EQ(ring.size(), model.size());
    ASSERT_EQ(ring.empty(), model.empty());
    if (model.empty()) continue;
    ASSERT_EQ(ring.front(), model.front());
    ASSERT_EQ(ring.back(), model.back());
  }
}

TEST(Ring, DestroysWhatIsTakenOutAtOnce) {
  const auto shared = std::make_shared<int>(1);
  Ring<std::shared_ptr<int>> ring;
  for (int i = 0; i < 100; ++i) ring.push_back(shared);
  ring.pop_front();
  ring.pop_back();
  EXPECT_EQ(shared.use_count(), 99);
  ring.clear();
  EXPECT_EQ(shared.use_count(), 1);
}

TEST(Ring, StaysWhereItIsWhileItDoesNotGrow) {
  Ring<int> ring;
  ring.push_back(1);
  const int* first = &ring.front();
  for (int i = 0; i < 1000; ++i) {
    ring.push_back(i);
    ring.pop_front();
    EXPECT_LE(&ring.front(), first + 8);
    EXPECT_GE(&ring.front(), first);
  }
}

TEST(Ring, OneThatWasLargeWorksOnAfterItWasEmptied) {
  Ring<int> ring;
  for (std::size_t i = 0; i < 4 * Ring<int>::kKept; ++i) ring.push_back(static_cast<int>(i));
  ring.clear();
  ring.push_back(5);
  EXPECT_EQ(ring.front(), 5);
  EXPECT_EQ(ring.size(), 1U);
}

}  // namespace
}  // namespace bamgate
