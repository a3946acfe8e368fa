#include "core/ip_address.h"

#include <algorithm>
#include <charconv>

#include "core/reader.h"
#include "core/writer.h"

namespace bamgate::inline core {
namespace {

std::optional<std::array<std::byte, 4>> parse_v4(std::string_view text) {
  std::array<std::byte, 4> bytes{};
  for (std::size_t part = 0; part < 4; ++part) {
    const std::size_t end = part == 3 ? text.size() : text.find('.');
    if (end == std::string_view::npos || end == 0 || end > 3) return std::nullopt;
    const std::string_view digits = text.substr(0, end);
    if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
    unsigned value = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || stop != digits.data() + digits.size() || value > 255) return std::nullopt;
    bytes[part] = static_cast<std::byte>(value);
    text.remove_prefix(part == 3 ? end : end + 1);
  }
  return bytes;
}

// One side of a "::" (or the whole text): groups of hex digits, the last one perhaps dotted IPv4.
// Returns the number of 16-bit groups written, or nullopt.
std::optional<std::size_t> parse_groups(std::string_view text, std::array<std::uint16_t, 8>& groups) {
  std::size_t count = 0;
  if (text.empty()) return 0;
  while (true) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(group);
      if (!v4 || count > 6) return std::nullopt;
      Reader reader(*v4);
      while (!reader.at_end()) groups[count++] = reader.u16();
      return count;
    }
    if (group.empty() || group.size() > 4 || count == 8) return std::nullopt;
    unsigned value = 0;
    const auto [stop, error] = std::from_chars(group.data(), group.data() + group.size(), value, 16);
    if (error != std::errc{} || stop != group.data() + group.size()) return std::nullopt;
    groups[count++] = static_cast<std::uint16_t>(value);
    if (colon == std::string_view::npos) return count;
    text.remove_prefix(colon + 1);
  }
}

std::optional<std::array<std::byte, 16>> parse_v6(std::string_view text) {
  std::array<std::uint16_t, 8> head{};
  std::array<std::uint16_t, 8> tail{};
  const std::size_t gap = text.find("::");
  const auto head_count = parse_groups(text.substr(0, gap), head);
  if (!head_count) return std::nullopt;
  if (gap == std::string_view::npos) {
    if (*head_count != 8) return std::nullopt;
  } else {
    const auto tail_count = parse_groups(text.substr(gap + 2), tail);
    if (!tail_count || *head_count + *tail_count > 7) return std::nullopt;
    std::copy_backward(tail.begin(), tail.begin() + static_cast<std::ptrdiff_t>(*tail_count), head.end());
  }
  std::array<std::byte, 16> bytes{};
  Writer writer(bytes);
  for (const std::uint16_t group : head) writer.u16(group);
  return bytes;
}

std::string v6_to_string(Bytes bytes) {
  std::array<std::uint16_t, 8> groups{};
  Reader reader(bytes);
  for (std::uint16_t& group : groups) group = reader.u16();
  // RFC 5952 §4.2: the longest run of at least two zero groups is shortened, the first one among equals.
  std::size_t best = 8;
  std::size_t best_length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t length = 0;
    while (i + length < 8 && groups[i + length] == 0) ++length;
    if (length > best_length) {
      best = i;
      best_length = length;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best) {
      text += "::";
      i += best_length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), groups[i], 16).ptr;
    text.append(digits.data(), end);
  }
  return text;
}

}  // namespace

IpAddress IpAddress::from_bytes(Bytes network_order) {
  IpAddress address;
  if (network_order.size() == 4) address.family_ = Family::kV4;
  if (network_order.size() == 16) address.family_ = Family::kV6;
  if (address.family_ != Family::kNone) copy_bytes(network_order, address.bytes_);
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() > 45) return std::nullopt;
  if (text.find(':') == std::string_view::npos) {
    if (const auto bytes = parse_v4(text)) return from_bytes(*bytes);
    return std::nullopt;
  }
  if (const auto bytes = parse_v6(text)) return from_bytes(*bytes);
  return std::nullopt;
}

std::uint32_t IpAddress::v4_value() const { return is_v4() ? Reader(bytes()).u32() : 0; }

bool IpAddress::is_unspecified() const {
  return std::ranges::all_of(bytes(), [](std::byte byte) { return byte == std::byte{0}; });
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[0] == std::byte{127};
  return is_v6() && bytes_[15] == std::byte{1} &&
         std::ranges::all_of(bytes().first(15), [](std::byte byte) { return byte == std::byte{0}; });
}

bool IpAddress::is_link_local() const {
  if (is_v4()) return bytes_[0] == std::byte{169} && bytes_[1] == std::byte{254};
  return is_v6() && bytes_[0] == std::byte{0xfe} && (bytes_[1] & std::byte{0xc0}) == std::byte{0x80};
}

bool IpAddress::is_multicast() const {
  if (is_v4()) return (bytes_[0] & std::byte{0xf0}) == std::byte{0xe0};
  return is_v6() && bytes_[0] == std::byte{0xff};
}

bool IpAddress::is_v4_mapped() const {
  return is_v6() && bytes_[10] == std::byte{0xff} && bytes_[11] == std::byte{0xff} &&
         std::ranges::all_of(bytes().first(10), [](std::byte byte) { return byte == std::byte{0}; });
}

std::string IpAddress::to_string() const {
  if (is_v6()) return v6_to_string(bytes());
  if (!is_v4()) return "none";
  std::string text;
  for (const std::byte byte : bytes()) {
    if (!text.empty()) text += '.';
    text += std::to_string(std::to_integer<int>(byte));
  }
  return text;
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned longest = address->is_v4() ? 32 : 128;
  unsigned length = longest;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (digits.empty() || error != std::errc{} || stop != digits.data() + digits.size()) return std::nullopt;
    if (length > longest || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  }
  return IpPrefix{*address, static_cast<std::uint8_t>(length)};
}

bool IpPrefix::contains(const IpAddress& other) const {
  if (other.family() != address.family() || address.family() == Family::kNone) return false;
  return IpPrefix{other, length}.network().address == network().address;
}

IpPrefix IpPrefix::network() const {
  std::array<std::byte, 16> bytes{};
  const Bytes from = address.bytes();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::size_t bit = 8 * i;
    if (bit >= length) break;
    const std::size_t kept = std::min<std::size_t>(8, length - bit);
    bytes[i] = from[i] & static_cast<std::byte>(0xff << (8 - kept));
  }
  return {IpAddress::from_bytes(Bytes(bytes).first(from.size())), length};
}

std::string IpPrefix::to_string() const { return address.to_string() + "/" + std::to_string(length); }

}  // namespace bamgate::inline core
