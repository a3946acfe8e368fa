#include "sctp/reassembly.h"

#include <iterator>

namespace bamgate::sctp {

std::expected<std::optional<Reassembly::Whole>, Error> Reassembly::insert(const DataChunk& fragment, std::uint32_t ppid,
                                                                          Bytes content) {
  auto [run, is_new] = runs_.try_emplace(fragment.tsn);
  if (!is_new) return std::nullopt;
  run->second = {.end = fragment.tsn + 1,
                 .stream = fragment.stream,
                 .ppid = ppid,
                 .begins = fragment.begins,
                 .ends = fragment.ends,
                 .size = content.size(),
                 .cost = cost(content.size()),
                 .fragments = {{content.begin(), content.end()}}};
  bytes_ += run->second.cost;
  if (const auto next = std::next(run); next != runs_.end() && fit(run, next)) join(run, next);
  if (run != runs_.begin() && fit(std::prev(run), run)) {
    run = std::prev(run);
    join(run, std::next(run));
  }
  if (run->second.size > max_message_) return std::unexpected(Error::kMessageTooLarge);
  if (!run->second.begins || !run->second.ends) return std::nullopt;
  Whole whole{.ppid = run->second.ppid, .content = {}};
  whole.content.reserve(run->second.size);
  for (const auto& part : run->second.fragments) whole.content.insert(whole.content.end(), part.begin(), part.end());
  forget(run);
  return whole;
}

std::size_t Reassembly::settle(std::uint32_t cumulative_tsn) {
  std::size_t forgotten = 0;
  const auto is_settled = [&](std::uint32_t tsn) { return !is_after(tsn, cumulative_tsn); };
  for (auto run = runs_.begin(); run != runs_.end(); ++forgotten) {
    const bool lacks_begin = !run->second.begins && is_settled(run->first - 1);
    const bool lacks_end = !run->second.ends && is_settled(run->second.end);
    if (!lacks_begin && !lacks_end) break;  // and all that follow lie behind the cumulative TSN
    run = forget(run);
  }
  return forgotten;
}

void Reassembly::clear() {
  runs_.clear();
  bytes_ = 0;
}

bool Reassembly::fit(Runs::const_iterator run, Runs::const_iterator next) {
  return run->second.end == next->first && run->second.stream == next->second.stream && !run->second.ends &&
         !next->second.begins;
}

void Reassembly::join(Runs::iterator run, Runs::iterator next) {
  run->second.end = next->second.end;
  run->second.ends = next->second.ends;
  run->second.size += next->second.size;
  run->second.cost += next->second.cost;
  run->second.fragments.splice(run->second.fragments.end(), next->second.fragments);
  runs_.erase(next);
}

Reassembly::Runs::iterator Reassembly::forget(Runs::iterator run) {
  bytes_ -= run->second.cost;
  return runs_.erase(run);
}

}  // namespace bamgate::sctp
