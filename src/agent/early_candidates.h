// Candidates that came before their description, which may overtake them: kept by ufrag until the description tells
// which ufrag is the right one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bamgate::agent {

class EarlyCandidates {
 public:
  /// `dropped` outlives it: it counts those that were for no description that came.
  explicit EarlyCandidates(std::uint64_t& dropped) : dropped_(dropped) {}

  /// A flood of them is worth nothing: beyond this the oldest gives way.
  static constexpr std::size_t kMax = 32;

  /// `line` is a whole candidate line, `ufrag` the one that it names; empty when it names none.
  void add(std::string ufrag, std::string line) {
    if (entries_.size() == kMax) {
      entries_.erase(entries_.begin());
      ++dropped_;
    }
    entries_.push_back({std::move(ufrag), std::move(line)});
  }
  /// The lines for this ufrag, and those that name none, in the order in which they came. All others are of older
  /// descriptions and forgotten.
  std::vector<std::string> take(const std::string& ufrag) {
    std::vector<std::string> lines;
    for (Entry& entry : entries_) {
      if (entry.ufrag.empty() || entry.ufrag == ufrag) lines.push_back(std::move(entry.line));
    }
    dropped_ += entries_.size() - lines.size();
    entries_ = {};
    return lines;
  }

 private:
  struct Entry {
    std::string ufrag;
    std::string line;
  };
  std::uint64_t& dropped_;
  std::vector<Entry> entries_;
};

}  // namespace bamgate::agent
