// The hub's data folder: database, key and certificate, and what `bamgate hub token` must know of the running hub.
//   hub.db        SQLite: devices, tokens, signing keys
//   hub-key.pem   0600, made on first start
//   hub-cert.pem
//   hub.json      public URL, the fingerprint that join strings carry, and the id of the network in hub.db
//   hub.begun     there while the first start is under way: what is missing may be made
//   hub.sock      while it runs: where it is asked by whoever holds it (hub_control.h)
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
  std::string network =
      {};  // hub::Hub::network_id() of the database that belongs to it; empty: written by an older hub
};

inline constexpr const char* kHubBegun = "hub.begun";

/// What a start of the hub asks of its folder.
struct HubStart {
  bool own_identity = true;  // the hub's own key and certificate serve TLS
  bool knows_url = false;    // --public-url was given, so hub.json need not remember it
  bool begin_new = false;    // --new
};

class HubFolder {
 public:
  explicit HubFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database() const { return path_ / "hub.db"; }
  std::filesystem::path control_socket() const { return path_ / "hub.sock"; }
  std::filesystem::path lock() const { return path_ / "hub.lock"; }
  std::filesystem::path key() const { return path_ / "hub-key.pem"; }
  std::filesystem::path certificate() const { return path_ / "hub-cert.pem"; }
  std::filesystem::path address() const { return path_ / "hub.json"; }
  std::filesystem::path begun() const { return path_ / kHubBegun; }
  /// Makes the folder (0700). The error is a sentence.
  std::expected<void, std::string> create() const;
  /// To be called with the lock held, before anything is made. A folder that holds a part of a hub and not all of it
  /// has lost the rest: a hub that started so would be another one, and its devices would be turned away. Refused,
  /// unless `start` says that a new hub is meant. The error is a sentence that names each file and says what to do.
  std::expected<void, std::string> check(const HubStart& start) const;
  /// The hub has started: its folder is whole.
  std::expected<void, std::string> settle() const;
  /// The hub's own key and certificate; what is missing is made, and a key that is there is never replaced.
  std::expected<net::TlsIdentity, std::string> identity(Random& random) const;
  std::expected<void, std::string> write_address(const HubAddress& address) const;
  /// hub.json names the database of `network` from now on; nothing is done where there is no hub.json.
  std::expected<void, std::string> name_network(const std::string& network) const;
  /// What the hub wrote at its last start.
  std::expected<HubAddress, std::string> read_address() const;

 private:
  std::filesystem::path path_;
};

}  // namespace bamgate::host
