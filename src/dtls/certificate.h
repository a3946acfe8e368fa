// Our side's certificate: self-signed, ECDSA on P-256, made afresh for each run (RFC 8827 §6.5, RFC 8122 §6.1).
// Its only meaning is its fingerprint. Certificates from files, chains and RSA are left out.
#pragma once

#include <expected>
#include <memory>

#include "core/bytes.h"
#include "core/random.h"
#include "core/time.h"
#include "dtls/error.h"
#include "dtls/fingerprint.h"

namespace bamgate::dtls {

/// A certificate and its private key. Immutable; many sessions may share it. The key is wiped on destruction.
class Certificate {
 public:
  struct Native;  // mbedTLS's view of it, dtls/certificate_native.h

  explicit Certificate(std::unique_ptr<Native> native);
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate();

  /// Makes a key pair and a certificate that is valid from one day before `now` for 31 days. The same random bytes and
  /// the same `now` give the same certificate. Errors: kLibraryFailed.
  static std::expected<std::shared_ptr<const Certificate>, Error> generate(Random& random, UnixTime now);

  const Fingerprint& fingerprint() const { return fingerprint_; }
  /// The certificate in DER; valid as long as this object is.
  Bytes der() const;
  /// For Engine: mbedTLS asks for mutable pointers, yet only reads.
  Native& native() const { return *native_; }

 private:
  std::unique_ptr<Native> native_;
  Fingerprint fingerprint_;
};

}  // namespace bamgate::dtls
