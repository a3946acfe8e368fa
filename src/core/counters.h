// What a layer counts: a struct of numbers, and one list that gives each of them the name by which scripts know it and
// the words for a person. Sums and all that is shown come out of the list. One that lacks a counter, or has it twice,
// does not compile where it is used.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace bamgate::inline core {

/// One counter of `Owner`.
template <typename Owner>
struct Counter {
  std::string_view name;   // in `bamgate status --json`; it never changes
  std::string_view words;  // what stands behind the number in `bamgate status -v`
  std::uint64_t Owner::* value;
};

/// A struct of std::uint64_t and nothing else, with `static constexpr auto list()`: an array of Counter, each member
/// once.
template <typename T>
concept CounterStruct = requires { T::list()[0].value; };

template <CounterStruct T>
consteval bool lists_each_counter_once() {
  T seen{};
  for (const Counter<T>& counter : T::list()) ++(seen.*counter.value);
  return sizeof(T) == T::list().size() * sizeof(std::uint64_t) &&
         std::ranges::all_of(T::list(), [&](const Counter<T>& counter) { return seen.*counter.value == 1; });
}

/// Drops for one reason, as the layer's enum of errors has it.
template <typename Reason>
struct DropReason {
  Reason reason;
  std::string_view name;
  std::string_view words;
};

/// How much was dropped for each reason. `kList` is an array of DropReason: the values of the enum from 0 on, without a
/// gap. Reasons behind them are never counted.
template <const auto& kList>
class DropCounters {
 public:
  using Reason = decltype(kList[0].reason);

  void add(Reason reason) {
    if (index(reason) < kList.size()) ++counts_[index(reason)];
  }
  std::uint64_t count(Reason reason) const { return index(reason) < kList.size() ? counts_[index(reason)] : 0; }
  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : counts_) sum += count;
    return sum;
  }
  DropCounters& operator+=(const DropCounters& other) {
    for (std::size_t i = 0; i < kList.size(); ++i) counts_[i] += other.counts_[i];
    return *this;
  }

  static constexpr const auto& reasons() { return kList; }

 private:
  static constexpr std::size_t index(Reason reason) { return static_cast<std::size_t>(reason); }
  static consteval bool has_no_gap() {
    for (std::size_t i = 0; i < kList.size(); ++i) {
      if (index(kList[i].reason) != i) return false;
    }
    return true;
  }
  static_assert(has_no_gap(), "the list follows the enum");

  std::array<std::uint64_t, kList.size()> counts_{};
};

template <typename T>
concept DropCounterSet = requires(const T& drops) { drops.count(T::reasons()[0].reason); };

/// Adds each counter of `other` to that of `sum`.
template <CounterStruct T>
constexpr T& add_counters(T& sum, const T& other) {
  static_assert(lists_each_counter_once<T>(), "list() has each counter, and each once");
  for (const Counter<T>& counter : T::list()) sum.*counter.value += other.*counter.value;
  return sum;
}

/// Calls `what(name, words, number)` for each counter, in the order of its list.
template <CounterStruct T, typename What>
constexpr void for_each_counter(const T& counters, What what) {
  static_assert(lists_each_counter_once<T>(), "list() has each counter, and each once");
  for (const Counter<T>& counter : T::list()) what(counter.name, counter.words, counters.*counter.value);
}
template <DropCounterSet T, typename What>
void for_each_counter(const T& drops, What what) {
  for (const auto& entry : T::reasons()) what(entry.name, entry.words, drops.count(entry.reason));
}

}  // namespace bamgate::inline core
