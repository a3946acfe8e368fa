#include "host/stamp_clock.h"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "os/file.h"

namespace bamgate::host {
namespace {

constexpr std::size_t kMaxFile = 64;

// TAI64N has room for more; so that no sum overflows.
constexpr std::int64_t kLatest = std::numeric_limits<std::int64_t>::max() / 4'000'000'000;

/// Unix seconds; 0 when there are none.
std::int64_t read_last(const std::filesystem::path& file) {
  const auto text = os::read_file(file, kMaxFile);
  std::int64_t last = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), last);
  return last > 0 && last < kLatest ? last : 0;
}

}  // namespace

StampClock::StampClock(std::filesystem::path file, wg::WallClock wall) : file_(std::move(file)), clock_(wall) {
  const std::int64_t last = read_last(file_);
  if (last < clock_.unix.seconds) return;
  clock_.unix.seconds = last + 1;
  clock_.nanoseconds = 0;
}

void StampClock::note(Instant now) const {
  const auto passed = std::chrono::ceil<std::chrono::seconds>(now - clock_.at);
  // Whatever stamp was made until now is smaller than this.
  const std::string text = std::to_string(clock_.unix.seconds + passed.count() + 1) + "\n";
  (void)os::write_file_atomically(file_, text, 0644);
}

}  // namespace bamgate::host
