#include "sctp/send_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "core/buffer_pool.h"

namespace bamgate::sctp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kMaxAge{500};
constexpr std::size_t kMaxMessages = 1024;
constexpr QueueLimits kLimits{
    .max_bytes = std::size_t{1} << 20, .max_messages = kMaxMessages, .max_age = kMaxAge, .codel = true};

class SctpSendQueue : public ::testing::Test {
 protected:
  bool push(std::string_view text = "a message") {
    if (!queue_.has_room(text.size())) return false;
    queue_.push(now_, MessageKind::kText, pool_.copy(as_bytes(text)));
    return true;
  }
  // What is sent now; empty when there is nothing.
  std::string pop() {
    const SendQueue::Entry* head = queue_.head(now_);
    if (head == nullptr) return {};
    std::string text(as_text(head->data.data()));
    queue_.pop();
    return text;
  }

  BufferPool pool_;
  SendQueue queue_{kLimits};
  Instant now_{seconds(1)};
};

TEST_F(SctpSendQueue, GivesMessagesInTheOrderInWhichTheyCame) {
  push("one");
  push("two");
  EXPECT_EQ(as_text(queue_.head(now_)->data.data()), "one");
  EXPECT_EQ(queue_.bytes(), 6U);
  EXPECT_EQ(pop(), "one") << "looking at the head does not take it away";
  EXPECT_EQ(pop(), "two");
  EXPECT_EQ(queue_.head(now_), nullptr);
  EXPECT_EQ(queue_.bytes(), 0U);
}

TEST_F(SctpSendQueue, NeverHoldsMoreMessagesThanItsLimit) {
  for (std::size_t i = 0; i < kMaxMessages; ++i) EXPECT_TRUE(push());
  EXPECT_FALSE(push());
  EXPECT_EQ(queue_.size(), kMaxMessages);
}

TEST_F(SctpSendQueue, NeverHoldsMoreBytesThanItsLimitExceptOneLongMessage) {
  queue_.set_limits({.max_bytes = 10});
  EXPECT_TRUE(push("longer than ten"));
  EXPECT_FALSE(push("x"));
  pop();
  EXPECT_TRUE(push("12345"));
  EXPECT_TRUE(push("12345"));
  EXPECT_FALSE(push("1"));
  queue_.set_limits({.max_bytes = 0});
  queue_.clear();
  EXPECT_FALSE(push("x")) << "a queue without room takes nothing";
}

TEST_F(SctpSendQueue, NothingThatWaitedThroughAnOutageIsGivenOut) {
  for (int i = 0; i < 100; ++i) push();
  now_ += kMaxAge + milliseconds(1);
  EXPECT_EQ(queue_.head(now_), nullptr);
  EXPECT_EQ(queue_.dropped(), 100U);
}

TEST_F(SctpSendQueue, WithoutAnAgeNothingIsEverTooOld) {
  queue_.set_limits({});
  for (int i = 0; i < 100; ++i) push();
  now_ += std::chrono::hours(1);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(pop().empty());
  EXPECT_EQ(queue_.dropped(), 0U);
}

TEST_F(SctpSendQueue, AHeadThatIsNotTakenKeepsItsAge) {
  push();
  now_ += milliseconds(200);
  EXPECT_NE(queue_.head(now_), nullptr);
  now_ += milliseconds(51);
  EXPECT_EQ(queue_.head(now_), nullptr);
}

TEST_F(SctpSendQueue, WhatIsGivenOutUnderOverloadHasHalfOfItsTimeLeft) {
  // Without CoDel the head is as old as it may be, always.
  queue_.set_limits({.max_bytes = kLimits.max_bytes, .max_age = kMaxAge});
  Duration oldest{};
  for (int ms = 0; ms < 2000; ++ms, now_ += milliseconds(1)) {
    for (int i = 0; i < 3; ++i) push();
    if (const SendQueue::Entry* head = queue_.head(now_); head != nullptr)
      oldest = std::max(oldest, now_ - head->since);
    pop();
  }
  EXPECT_EQ(oldest, kMaxAge / 2);
}

TEST_F(SctpSendQueue, AShortBurstPassesWithoutADrop) {
  for (int i = 0; i < 200; ++i) push();
  int given = 0;
  // 200 messages drain in 80 ms: the delay is above the target, but not for a whole interval.
  for (; !pop().empty(); now_ += std::chrono::microseconds(400)) ++given;
  EXPECT_EQ(given, 200);
  EXPECT_EQ(queue_.dropped(), 0U);
}

TEST_F(SctpSendQueue, TheLastMessageOfAQueueIsNeverDroppedForItsDelay) {
  // One message waits at a time, always longer than the target: that is no standing queue.
  for (int i = 0; i < 100; ++i) {
    push();
    now_ += milliseconds(50);
    EXPECT_FALSE(pop().empty());
  }
  EXPECT_EQ(queue_.dropped(), 0U);
}

TEST_F(SctpSendQueue, AStandingQueueIsDrainedByDropsThatComeEverFaster) {
  // 1,100 messages a second into 1,000 a second: a standing queue grows, until drops hold it down. None is dropped for
  // its age.
  queue_.set_limits({.max_bytes = kLimits.max_bytes, .max_messages = kMaxMessages, .codel = true});
  std::uint64_t in_first_second = 0;
  std::size_t longest = 0;
  for (int ms = 0; ms < 10'000; ++ms, now_ += milliseconds(1)) {
    push();
    if (ms % 10 == 0) push();
    pop();
    if (ms == 1000) in_first_second = queue_.dropped();
    if (ms > 8000) longest = std::max(longest, queue_.size());
  }
  EXPECT_GT(in_first_second, 0U);
  EXPECT_GT(queue_.dropped(), 10 * in_first_second);
  EXPECT_LT(longest, 300U);
}

TEST_F(SctpSendQueue, WithoutCodelAStandingQueueOnlyGrowsOld) {
  queue_.set_limits({.max_bytes = kLimits.max_bytes, .max_age = kMaxAge});
  for (int ms = 0; ms < 300; ++ms, now_ += milliseconds(1)) {
    push();
    push();
    EXPECT_FALSE(pop().empty());
  }
  EXPECT_EQ(queue_.dropped(), 0U);
}

}  // namespace
}  // namespace bamgate::sctp
