// Keys and certificates of a TLS server: made by ourselves, and the fingerprint by which a client pins them (RFC 7469
// §2.4 hashes the same bytes).
#pragma once

#include <string>
#include <string_view>

#include "core/crypto.h"
#include "core/random.h"
#include "core/time.h"
#include "net/error.h"

namespace bamgate::net {

/// A private key and its certificate, both PEM. Keep the key secret: store it with mode 0600 only.
struct TlsIdentity {
  std::string key_pem;
  std::string cert_pem;
};

/// Makes an ECDSA P-256 key and a self-signed certificate for `common_name`, which also stands in it as a DNS name.
/// Valid from one day before `now` for `days`. Errors: kInvalid for a name that a certificate cannot hold.
Result<TlsIdentity> make_self_signed(Random& random, std::string_view common_name, UnixTime now, int days = 36500);

/// The same for a key that is there already: whoever pinned it does not notice. Errors: also kInvalid when it cannot be
/// read.
Result<TlsIdentity> certify_key(Random& random, std::string key_pem, std::string_view common_name, UnixTime now,
                                int days = 36500);

/// The SHA-256 of the SubjectPublicKeyInfo (DER) of the first certificate in `cert_pem`. Errors: kInvalid.
Result<Sha256Digest> spki_sha256(std::string_view cert_pem);

}  // namespace bamgate::net
