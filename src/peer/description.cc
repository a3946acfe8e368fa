#include "peer/description.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace bamgate::peer {
namespace {

// What is longer is not a description of one data channel; signaling messages end at 64 KiB as well.
constexpr std::size_t kMaxSize = 64 * 1024;
constexpr std::size_t kMaxCandidates = 64;

std::string_view setup_name(Setup setup) {
  switch (setup) {
    case Setup::kActpass:
      return "actpass";
    case Setup::kActive:
      return "active";
    case Setup::kPassive:
      return "passive";
  }
  std::unreachable();
}

std::optional<Setup> parse_setup(std::string_view name) {
  for (const Setup setup : {Setup::kActpass, Setup::kActive, Setup::kPassive}) {
    if (name == setup_name(setup)) return setup;
  }
  return std::nullopt;
}

template <typename T>
bool parse_number(std::string_view text, T& number) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && stop == text.data() + text.size();
}

std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view next_word(std::string_view& rest) {
  const std::size_t end = rest.find(' ');
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return word;
}

/// Collects the attributes; what must be there is checked at the end.
class Parser {
 public:
  bool line(std::string_view text) {
    if (text.starts_with("o=")) return origin(text.substr(2));
    if (text.starts_with("m=")) {
      ++sections_;
      media(text.substr(2));
      return true;
    }
    if (!text.starts_with("a=")) return true;
    text.remove_prefix(2);
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    return attribute(name, colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1), text);
  }

  std::expected<Description, Error> finish() {
    if (sections_ != 1 || !data_channel_ || fingerprint_level_ < 0)
      return std::unexpected(Error::kUnsupportedDescription);
    if (!result_.ice.valid() || !has_setup_) return std::unexpected(Error::kMalformedDescription);
    return std::move(result_);
  }

 private:
  bool origin(std::string_view value) {
    next_word(value);  // the user name
    return parse_number(next_word(value), result_.session_id);
  }

  /// "application 9 UDP/DTLS/SCTP webrtc-datachannel", or the older "application 9 DTLS/SCTP 5000" with a=sctpmap.
  void media(std::string_view value) {
    if (next_word(value) != "application") return;
    std::uint16_t port = 0;
    // RFC 3264 §6: port 0 refuses the section. Any other is only that of the default candidate.
    if (!parse_number(next_word(value), port) || port == 0) return;
    const std::string_view protocol = next_word(value);
    // RFC 8841 §4.2: over TCP the same section is called TCP/DTLS/SCTP.
    if (protocol == "UDP/DTLS/SCTP" || protocol == "TCP/DTLS/SCTP") {
      data_channel_ = value == "webrtc-datachannel";
    } else if (protocol == "DTLS/SCTP") {
      result_.old_form = parse_number(value, result_.sctp_port);
    }
  }

  bool sctpmap(std::string_view value) {
    std::uint16_t port = 0;
    const bool ours = parse_number(next_word(value), port) && next_word(value) == "webrtc-datachannel";
    if (result_.old_form && ours && port == result_.sctp_port) data_channel_ = true;
    return true;
  }

  bool attribute(std::string_view name, std::string_view value, std::string_view whole) {
    if (name == "ice-ufrag") result_.ice.ufrag = value;
    if (name == "ice-pwd") result_.ice.pwd = value;
    if (name == "mid") return mid(value);
    if (name == "sctpmap") return sctpmap(value);
    if (name == "sctp-port") return parse_number(value, result_.sctp_port);
    if (name == "max-message-size") return parse_number(value, result_.max_message_size);
    if (name == "end-of-candidates") result_.end_of_candidates = true;
    if (name == "fingerprint") return fingerprint(value);
    if (name == "candidate") return candidate(whole);
    if (name == "setup") {
      const auto setup = parse_setup(value);
      has_setup_ = setup.has_value();
      result_.setup = setup.value_or(Setup::kActpass);
      return has_setup_;
    }
    return true;
  }

  bool mid(std::string_view value) {
    // It is mirrored into our answer: nothing but the token characters of RFC 5888 §4 may pass.
    const bool token = !value.empty() && value.size() <= 64 && std::ranges::all_of(value, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
    result_.mid = value;
    return token;
  }

  // RFC 8122 §5: of several fingerprints only those of SHA-256 count, the hash that WebRTC asks for (RFC 8827 §6.5),
  // and those of the section count more than those of the session.
  bool fingerprint(std::string_view value) {
    dtls::Fingerprints found;
    if (!found.add_attribute(value)) return false;
    if (found.empty()) return true;
    if (sections_ > fingerprint_level_) result_.fingerprints = {};
    fingerprint_level_ = sections_;
    result_.fingerprints.add(found.all().front());
    return true;
  }

  bool candidate(std::string_view line) {
    const auto parsed = ice::parse_candidate(line);
    if (parsed && result_.candidates.size() < kMaxCandidates) result_.candidates.push_back(parsed->candidate);
    return true;  // a candidate of an unknown kind is no reason to refuse the rest (RFC 8839 §5.1)
  }

  Description result_;
  int sections_ = 0;
  bool data_channel_ = false;
  int fingerprint_level_ = -1;  // 0: of the session, 1: of the section
  bool has_setup_ = false;
};

}  // namespace

std::string write_description(const Description& description) {
  std::string sdp;
  const auto line = [&sdp](std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) sdp += part;
    sdp += "\r\n";
  };
  line({"v=0"});
  line({"o=- ", std::to_string(description.session_id), " ", std::to_string(description.session_version),
        " IN IP4 127.0.0.1"});
  line({"s=-"});
  line({"t=0 0"});
  line({"a=group:BUNDLE ", description.mid});
  line({"a=msid-semantic: WMS"});
  const std::string port = std::to_string(description.sctp_port);
  if (description.old_form) {
    line({"m=application 9 DTLS/SCTP ", port});
  } else {
    line({"m=application 9 UDP/DTLS/SCTP webrtc-datachannel"});
  }
  line({"c=IN IP4 0.0.0.0"});
  line({"a=mid:", description.mid});
  line({"a=ice-ufrag:", description.ice.ufrag});
  line({"a=ice-pwd:", description.ice.pwd});
  line({"a=ice-options:trickle"});
  for (const dtls::Fingerprint& fingerprint : description.fingerprints.all()) {
    line({"a=fingerprint:sha-256 ", fingerprint.to_string()});
  }
  line({"a=setup:", setup_name(description.setup)});
  if (description.old_form) {
    line({"a=sctpmap:", port, " webrtc-datachannel 256"});
  } else {
    line({"a=sctp-port:", port});
  }
  line({"a=max-message-size:", std::to_string(description.max_message_size)});
  for (const ice::Candidate& candidate : description.candidates) line({"a=", candidate.to_string()});
  if (description.end_of_candidates) line({"a=end-of-candidates"});
  return sdp;
}

std::expected<Description, Error> parse_description(std::string_view sdp) {
  if (sdp.size() > kMaxSize || !sdp.starts_with("v=0")) return std::unexpected(Error::kMalformedDescription);
  Parser parser;
  while (!sdp.empty()) {
    if (!parser.line(next_line(sdp))) return std::unexpected(Error::kMalformedDescription);
  }
  return parser.finish();
}

}  // namespace bamgate::peer
