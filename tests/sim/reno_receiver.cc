#include "sim/reno_receiver.h"

#include <algorithm>
#include <iterator>

namespace bamgate::sim {

void RenoReceiver::handle_segment(Instant now, std::uint32_t number) {
  ++received_;
  const bool in_order = number == next_ && blocks_.empty();
  const bool second = deadline_ != kNever;
  if (number >= next_) {
    latest_ = number;
    auto after = blocks_.upper_bound(number);
    const auto before = after == blocks_.begin() ? blocks_.end() : std::prev(after);
    if (before == blocks_.end() || before->second <= number) {
      std::uint32_t begin = number;
      std::uint32_t end = number + 1;
      if (before != blocks_.end() && before->second == number) begin = before->first;
      if (after != blocks_.end() && after->first == end) {
        end = after->second;
        blocks_.erase(after);
      }
      blocks_[begin] = end;
    }
    if (!blocks_.empty() && blocks_.begin()->first == next_) {
      next_ = blocks_.begin()->second;
      blocks_.erase(blocks_.begin());
    }
  }
  // RFC 5681 §4.2: every second segment, and at once whatever is out of order or fills a gap.
  deadline_ = in_order && !second ? now + options_.delayed_ack : now;
}

// RFC 2018 §4: the block that grew last comes first.
std::vector<SackBlock> RenoReceiver::take_ack() {
  deadline_ = kNever;
  std::vector<SackBlock> said;
  const auto add = [&said](const auto& block) {
    const SackBlock sack{block.first, block.second};
    if (said.size() < kMaxBlocks && std::ranges::find(said, sack) == said.end()) said.push_back(sack);
  };
  const auto after = blocks_.upper_bound(latest_);
  if (after != blocks_.begin() && std::prev(after)->second > latest_) add(*std::prev(after));
  for (const auto& block : blocks_) add(block);
  return said;
}

}  // namespace bamgate::sim
