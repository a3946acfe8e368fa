#include "sim/trace.h"

#include <array>
#include <cinttypes>
#include <cstdlib>

#include "sim/agenda.h"
#include "sim/datagram_name.h"

namespace bamgate::sim {

std::string clock_text(Instant now) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now - Agenda::kStart).count();
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%" PRId64 ".%06" PRId64, std::int64_t{us / 1'000'000},
                std::int64_t{us % 1'000'000});
  return text.data();
}

Trace::Trace() {
  const char* where = std::getenv("BAMGATE_TRACE");
  if (where == nullptr || *where == '\0' || std::string_view(where) == "0") return;
  if (std::string_view(where) == "1") {
    lines_ = stderr;
    return;
  }
  own_file_.reset(std::fopen(where, "a"));
  lines_ = own_file_.get();
}

void Trace::note(Instant now, std::string_view what, Bytes bytes) {
  number(static_cast<std::uint64_t>(now.time_since_epoch().count()));
  mix(as_bytes(what));
  number(bytes.size());
  mix(bytes);
  ++entries_;
}

void Trace::line(Instant now, std::string_view where, const Endpoint& from, const Endpoint& to, Bytes bytes,
                 std::string_view fate) {
  if (lines_ == nullptr) return;
  const std::string text = clock_text(now) + "  " + std::string(where) + "  " + from.to_string() + " > " +
                           to.to_string() + "  " + std::to_string(bytes.size()) + "  " + datagram_name(bytes) + "  " +
                           std::string(fate) + '\n';
  std::fputs(text.c_str(), lines_);
}

void Trace::remark(Instant now, std::string_view text) {
  if (lines_ == nullptr) return;
  std::fputs((clock_text(now) + "  " + std::string(text) + '\n').c_str(), lines_);
}

// FNV-1a, 64 bits.
void Trace::mix(Bytes bytes) {
  for (const std::byte byte : bytes) hash_ = (hash_ ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
}

void Trace::number(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3; }

}  // namespace bamgate::sim
