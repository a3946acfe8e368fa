#include "ice/candidate.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace bamgate::ice {
namespace {

// No sensible line is longer; what is longer is not read at all.
constexpr std::size_t kLongestLine = 1024;
constexpr std::size_t kLongestFoundation = 32;  // RFC 8839 §5.1
constexpr std::size_t kLongestUfrag = 256;      // RFC 8839 §5.4
constexpr std::uint32_t kHighestPriority = 0x7fffffff;

constexpr std::array kTypes = {CandidateType::kHost, CandidateType::kServerReflexive, CandidateType::kPeerReflexive,
                               CandidateType::kRelayed};

// RFC 8445 §5.1.2.2: the recommended type preferences.
std::uint32_t type_preference(CandidateType type) {
  switch (type) {
    case CandidateType::kHost:
      return 126;
    case CandidateType::kPeerReflexive:
      return 110;
    case CandidateType::kServerReflexive:
      return 100;
    case CandidateType::kRelayed:
      return 0;
  }
  return 0;
}

// Takes the next word; empty at the end.
std::string_view next_word(std::string_view& rest) {
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

bool is_udp(std::string_view transport) {
  return transport.size() == 3 && (transport[0] | 0x20) == 'u' && (transport[1] | 0x20) == 'd' &&
         (transport[2] | 0x20) == 'p';
}

template <typename T>
std::optional<T> parse_number(std::string_view digits) {
  T value{};
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || stop != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<CandidateType> parse_type(std::string_view text) {
  const auto found = std::ranges::find_if(kTypes, [&](CandidateType type) { return to_string(type) == text; });
  if (found == kTypes.end()) return std::nullopt;
  return *found;
}

// What follows the type: raddr, rport and extensions, all in pairs of name and value (RFC 8839 §5.1).
void parse_extensions(std::string_view rest, ParsedCandidate& parsed) {
  std::optional<IpAddress> address;
  std::optional<std::uint16_t> port;
  while (true) {
    const std::string_view name = next_word(rest);
    const std::string_view value = next_word(rest);
    if (value.empty()) break;
    if (name == "raddr") address = IpAddress::parse(value);
    if (name == "rport") port = parse_number<std::uint16_t>(value);
    if (name == "ufrag" && is_ice_chars(value) && value.size() <= kLongestUfrag) parsed.ufrag = value;
  }
  if (address && port) parsed.candidate.related = Endpoint{*address, *port};
}

}  // namespace

std::string_view to_string(CandidateType type) {
  switch (type) {
    case CandidateType::kHost:
      return "host";
    case CandidateType::kServerReflexive:
      return "srflx";
    case CandidateType::kPeerReflexive:
      return "prflx";
    case CandidateType::kRelayed:
      return "relay";
  }
  return "unknown";
}

bool is_ice_chars(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
}

std::uint32_t candidate_priority(CandidateType type, std::uint16_t local_preference) {
  constexpr std::uint32_t kComponent = 1;
  return type_preference(type) << 24 | std::uint32_t{local_preference} << 8 | (256 - kComponent);
}

std::string Candidate::to_string(std::string_view ufrag) const {
  std::string line = "candidate:" + foundation + " 1 udp " + std::to_string(priority) + ' ';
  line += endpoint.address.to_string() + ' ' + std::to_string(endpoint.port) + " typ ";
  line += ice::to_string(type);
  if (related) line += " raddr " + related->address.to_string() + " rport " + std::to_string(related->port);
  if (!ufrag.empty()) line.append(" ufrag ").append(ufrag);
  return line;
}

std::string Candidate::describe() const {
  return std::string(ice::to_string(type)) + ' ' + endpoint.to_string() + " udp";
}

std::expected<ParsedCandidate, Error> parse_candidate(std::string_view line) {
  constexpr std::string_view kPrefix = "candidate:";
  if (line.starts_with("a=")) line.remove_prefix(2);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() > kLongestLine || !line.starts_with(kPrefix)) return std::unexpected(Error::kBadCandidate);
  line.remove_prefix(kPrefix.size());

  const std::string_view foundation = next_word(line);
  const auto component = parse_number<std::uint16_t>(next_word(line));
  const std::string_view transport = next_word(line);
  const auto priority = parse_number<std::uint32_t>(next_word(line));
  const std::string_view host = next_word(line);
  const auto port = parse_number<std::uint16_t>(next_word(line));
  const std::string_view typ = next_word(line);
  const auto type = parse_type(next_word(line));

  const bool good_foundation =
      !foundation.empty() && foundation.size() <= kLongestFoundation && is_ice_chars(foundation);
  if (!good_foundation || !component || transport.empty() || !priority || *priority == 0 ||
      *priority > kHighestPriority || host.empty() || !port || typ != "typ" || !type) {
    return std::unexpected(Error::kBadCandidate);
  }
  if (!is_udp(transport)) return std::unexpected(Error::kTcpCandidate);
  if (*component != 1) return std::unexpected(Error::kOtherComponent);
  const auto address = IpAddress::parse(host);
  if (!address) return std::unexpected(Error::kHostName);
  if (*port == 0) return std::unexpected(Error::kUnusableAddress);

  ParsedCandidate parsed{{*type, std::string(foundation), *priority, {*address, *port}, std::nullopt}, {}};
  parse_extensions(line, parsed);
  return parsed;
}

}  // namespace bamgate::ice
