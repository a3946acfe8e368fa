#include "agent/send_queue.h"

#include <gtest/gtest.h>

#include "core/buffer_pool.h"

namespace bamgate::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SendQueueTest : public ::testing::Test {
 protected:
  PacketBuffer packet() { return pool_.copy(as_bytes("a packet")); }

  BufferPool pool_;
  SendQueue queue_;
  Instant now_{seconds(1)};
};

TEST_F(SendQueueTest, GivesPacketsInTheOrderInWhichTheyCame) {
  queue_.push(now_, pool_.copy(as_bytes("one")));
  queue_.push(now_, pool_.copy(as_bytes("two")));
  auto first = queue_.pop(now_);
  ASSERT_TRUE(first);
  EXPECT_EQ(as_text(first->data()), "one");
  queue_.unpop(std::move(*first));
  EXPECT_EQ(as_text(queue_.pop(now_)->data()), "one");
  EXPECT_EQ(as_text(queue_.pop(now_)->data()), "two");
  EXPECT_FALSE(queue_.pop(now_));
}

TEST_F(SendQueueTest, NeverHoldsMoreThanItsLimit) {
  for (std::size_t i = 0; i < SendQueue::kMaxPackets; ++i) EXPECT_TRUE(queue_.push(now_, packet()));
  EXPECT_FALSE(queue_.push(now_, packet()));
  EXPECT_EQ(queue_.size(), SendQueue::kMaxPackets);
  EXPECT_EQ(queue_.dropped(), 1U);
}

TEST_F(SendQueueTest, NothingThatWaitedThroughAnOutageIsGivenOut) {
  for (int i = 0; i < 100; ++i) queue_.push(now_, packet());
  now_ += SendQueue::kMaxAge + milliseconds(1);
  EXPECT_FALSE(queue_.pop(now_));
  EXPECT_EQ(queue_.dropped(), 100U);
}

TEST_F(SendQueueTest, PacketPutBackKeepsItsAge) {
  queue_.push(now_, packet());
  queue_.unpop(*queue_.pop(now_ + milliseconds(400)));
  EXPECT_FALSE(queue_.pop(now_ + SendQueue::kMaxAge + milliseconds(1)));
}

TEST_F(SendQueueTest, ShortBurstPassesWithoutADrop) {
  for (int i = 0; i < 200; ++i) queue_.push(now_, packet());
  int given = 0;
  // 200 packets drain in 80 ms: the delay is above the target, but not for a whole interval.
  for (; queue_.pop(now_); now_ += std::chrono::microseconds(400)) ++given;
  EXPECT_EQ(given, 200);
  EXPECT_EQ(queue_.dropped(), 0U);
}

TEST_F(SendQueueTest, StandingQueueIsDrainedByDropsThatComeEverFaster) {
  // 1,100 packets a second into 1,000 a second: a standing queue grows, until drops hold it down.
  std::uint64_t in_first_second = 0;
  std::size_t longest = 0;
  for (int ms = 0; ms < 10'000; ++ms, now_ += milliseconds(1)) {
    queue_.push(now_, packet());
    if (ms % 10 == 0) queue_.push(now_, packet());
    (void)queue_.pop(now_);
    if (ms == 1000) in_first_second = queue_.dropped();
    if (ms > 8000) longest = std::max(longest, queue_.size());
  }
  EXPECT_GT(in_first_second, 0U);
  EXPECT_GT(queue_.dropped(), 10 * in_first_second);
  EXPECT_LT(longest, 300U);
}

}  // namespace
}  // namespace bamgate::agent
