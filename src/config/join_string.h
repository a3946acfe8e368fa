// The one line by which a new device finds its hub and is let in: bamgate://HOST:PORT/#token=<token>,fp=<fingerprint>
// `fp` is the base64url SHA-256 of the hub certificate's SubjectPublicKeyInfo (protocol.md).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "config/error.h"
#include "config/secret_text.h"
#include "config/url.h"
#include "core/crypto.h"

namespace bamgate::config {

struct JoinString {
  std::string host;  // in lower case; an IPv6 address without brackets
  std::uint16_t port = 0;
  SecretText token;
  std::optional<Sha256Digest> fingerprint;  // none: the system's certificate authorities decide

  /// https://HOST:PORT
  Url server_url() const { return {Url::Scheme::kHttps, host, port, "/"}; }
  bool operator==(const JoinString&) const = default;
};

/// White space around it is ignored, and so are parameters that are not known. White space inside, as of a line that a
/// program has wrapped, is taken out when a whole fingerprint proves that nothing is missing, and refused otherwise. No
/// error repeats the token. Errors: kTooLarge (over 1,024 characters), kSyntax (also a cut end), kMissing (port or
/// token), kBadValue (token or fingerprint).
[[nodiscard]] std::expected<JoinString, ConfigError> parse_join_string(std::string_view text);

/// True when a further line may belong to it, as of a line that a program has wrapped: it begins as a join string, and
/// its end, the fingerprint, is not there yet. A hub with a public certificate has none: only a person knows.
[[nodiscard]] bool may_go_on(std::string_view text);

/// What to tell a person whose string has no fingerprint although the host is none that a public authority certifies
/// (an address, a single label, .local and the like). Empty when there is nothing to tell.
[[nodiscard]] std::string missing_pin_warning(const JoinString& join);

/// One line, without its end.
[[nodiscard]] std::string write_join_string(const JoinString& join);

}  // namespace bamgate::config
