// One transport address at which a peer may be reached (RFC 8445 §5.1), and its line in SDP (RFC 8839 §5.1).
// Only UDP and component 1 exist here: a data channel needs no more. TCP candidates (RFC 6544) and names are refused
// with errors of their own, so that callers can ignore them.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/endpoint.h"
#include "ice/error.h"

namespace bamgate::ice {

enum class CandidateType : std::uint8_t { kHost, kServerReflexive, kPeerReflexive, kRelayed };

/// "host", "srflx", "prflx" or "relay" (RFC 8839 §5.1).
std::string_view to_string(CandidateType type);

struct Candidate {
  CandidateType type = CandidateType::kHost;
  std::string foundation;      // 1 to 32 ice-chars; equal for candidates of the same type, base and server
  std::uint32_t priority = 0;  // 1 to 2^31 - 1
  Endpoint endpoint;           // where packets are to be sent
  std::optional<Endpoint>
      related;  // the base of a reflexive, the mapped address of a relayed candidate; for people only

  /// The line without "a=": `candidate:… 1 udp … typ host`, with raddr and rport when `related` is set, and with
  /// `ufrag …` when `ufrag` is not empty (RFC 8839 §5.1, RFC 8838 §9).
  std::string to_string(std::string_view ufrag = {}) const;
  /// What `bamgate status` shows: "host 192.168.1.2:41000 udp".
  std::string describe() const;

  bool operator==(const Candidate&) const = default;
};

struct ParsedCandidate {
  Candidate candidate;
  std::string ufrag;  // empty when the line has none
};

/// Reads one candidate line, with or without "a=". Extensions that are not known are ignored.
/// Errors: kBadCandidate, kTcpCandidate, kHostName, kOtherComponent, kUnusableAddress (port 0).
std::expected<ParsedCandidate, Error> parse_candidate(std::string_view line);

/// RFC 8445 §5.1.2.1: type preference, then local preference (larger is better), then the component, which is always 1.
std::uint32_t candidate_priority(CandidateType type, std::uint16_t local_preference);

/// True for what ICE may write into a foundation, ufrag or password: letters, digits, '+' and '/' (RFC 8839 §5.1).
bool is_ice_chars(std::string_view text);

}  // namespace bamgate::ice
