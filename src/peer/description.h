// Session descriptions for one data channel association: SDP (RFC 8866) with ICE (RFC 8839), DTLS (RFC 8842) and
// SCTP (RFC 8841), the subset of RFC 9429 that data channels need.
// The `sctpmap` form of the drafts before RFC 8841 is understood and answered, because aiortc still offers it.
// Left out: audio and video sections (refused), several m-lines, identity.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "dtls/certificate.h"
#include "ice/candidate.h"
#include "ice/credentials.h"
#include "peer/error.h"

namespace bamgate::peer {

/// RFC 4145 §4 and RFC 8842 §5: who starts the DTLS handshake. The active side is the DTLS client.
enum class Setup : std::uint8_t { kActpass, kActive, kPassive };

/// RFC 8841 §6.1: what a peer accepts that does not say.
inline constexpr std::uint64_t kDefaultMaxMessageSize = 65536;

/// What we accept: the largest message of the data channel, in bytes.
inline constexpr std::uint64_t kMaxMessageSize = 262144;

struct Description {
  std::uint64_t session_id = 0;       // o= line; RFC 9429 §5.2.1
  std::uint64_t session_version = 2;  // likewise, and written only: one more in each later description (RFC 3264 §8)
  std::string mid = "0";              // a=mid, mirrored by the answer
  ice::Credentials ice;
  dtls::Fingerprints fingerprints;  // one of them names the certificate (RFC 8122 §5.1)
  Setup setup = Setup::kActpass;
  std::uint16_t sctp_port = 5000;
  bool old_form = false;  // "DTLS/SCTP 5000" and a=sctpmap; an answer has the form of its offer (RFC 3264 §6)
  std::uint64_t max_message_size = kDefaultMaxMessageSize;  // bytes; 0: no limit (RFC 8841 §6)
  std::vector<ice::Candidate> candidates;
  bool end_of_candidates = false;
};

/// Writes an offer or an answer, lines ended by CRLF.
std::string write_description(const Description& description);

/// Reads an offer or an answer; unknown lines are ignored, candidates that we cannot use too.
/// Errors: kMalformedDescription; kUnsupportedDescription when there is no section for a data channel, no SHA-256
/// fingerprint or a second media section.
std::expected<Description, Error> parse_description(std::string_view sdp);

}  // namespace bamgate::peer
