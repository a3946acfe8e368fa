// The hub's data folder: database, key and certificate, and what `bamgate hub token` must know of the running hub.
//   hub.db        SQLite: devices, tokens, signing keys
//   hub-key.pem   0600, made on first start
//   hub-cert.pem
//   hub.json      public URL and the fingerprint that join strings carry
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "core/random.h"
#include "net/tls_identity.h"

namespace bamgate::host {

struct HubAddress {
  std::string public_url;   // "https://hub.example:8443"; empty when nobody said and it cannot be guessed
  std::string fingerprint;  // base64url of the SHA-256 of the certificate's public key; empty: the CA store decides
};

class HubFolder {
 public:
  explicit HubFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database() const { return path_ / "hub.db"; }
  std::filesystem::path lock() const { return path_ / "hub.lock"; }
  /// Makes the folder (0700). The error is a sentence.
  std::expected<void, std::string> create() const;
  /// The hub's own key and certificate; made and kept when there are none.
  std::expected<net::TlsIdentity, std::string> identity(Random& random) const;
  std::expected<void, std::string> write_address(const HubAddress& address) const;
  /// What the hub wrote at its last start.
  std::expected<HubAddress, std::string> read_address() const;

 private:
  std::filesystem::path path_;
};

}  // namespace bamgate::host
