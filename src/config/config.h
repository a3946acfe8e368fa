// What config.toml and secrets.toml say, as values (docs/configuration.md). Reading and replacing the files is the os
// layer's part.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.h"
#include "config/secret_text.h"
#include "config/url.h"
#include "core/crypto.h"
#include "core/device_name.h"
#include "core/ip_address.h"

namespace bamgate::config {

/// The key of a device: Curve25519, 32 bytes.
using PrivateKey = Secret<32>;

/// RFC 8200 §5: IPv6 needs links of at least 1,280 bytes; kernels drop it on a device below.
inline constexpr unsigned kMinMtu = 1280;
/// Of Ethernet; nothing larger leaves a machine in one datagram.
inline constexpr unsigned kMaxMtu = 1500;

struct NetworkConfig {
  std::string name;                             // for people
  Url server_url;                               // of the hub; needed
  std::string device_id;                        // given by the hub; needed
  std::optional<Sha256Digest> hub_fingerprint;  // of the key that the hub's certificate must have
  bool operator==(const NetworkConfig&) const = default;
};

struct DeviceConfig {
  std::string name;                  // also its peer id; needed
  IpPrefix address;                  // IPv4; needed
  std::optional<IpPrefix> address6;  // IPv6
  std::string interface = "bamgate0";
  unsigned mtu = kMinMtu;        // bytes of an IP packet, kMinMtu to kMaxMtu
  std::vector<IpPrefix> routes;  // networks that others reach through this device; host bits are zero
  bool force_relay = false;      // never a direct path
  bool operator==(const DeviceConfig&) const = default;
};

struct StunConfig {
  /// stun:HOST or stun:HOST:PORT; the hub's own stands first. An empty list is valid, a missing one means these.
  std::vector<std::string> servers = {"stun:stun.cloudflare.com:3478", "stun:stun.l.google.com:19302"};
  bool operator==(const StunConfig&) const = default;
};

/// A TURN server of one's own, beside the hub's relay. Its credential stands in secrets.toml.
struct TurnServer {
  std::string url;       // see turn_url.h
  std::string username;  // of the account there
  bool operator==(const TurnServer&) const = default;
};

struct TurnConfig {
  std::vector<TurnServer> servers;  // at most kMaxTurnServers
  bool operator==(const TurnConfig&) const = default;
};

/// Each is an allocation that is kept alive, and candidates for every peer to try.
inline constexpr std::size_t kMaxTurnServers = 8;
/// RFC 8489 §14.3: fewer than 509 bytes.
inline constexpr std::size_t kMaxTurnUsername = 508;

struct IceConfig {
  /// Interfaces that are no way to anybody: names with * and ? (core/name_pattern.h), as in "docker*".
  std::vector<std::string> exclude;
  bool operator==(const IceConfig&) const = default;
};

/// More than a person writes.
inline constexpr std::size_t kMaxExcluded = 64;

struct WebrtcConfig {
  bool ordered = false;
  unsigned max_retransmits = 0;  // 0 to 65,535
  std::string transport = "datachannel";
  bool operator==(const WebrtcConfig&) const = default;
};

/// What this device accepts from one peer.
struct PeerConfig {
  std::vector<IpPrefix> routes;
  bool operator==(const PeerConfig&) const = default;
};

struct Config {
  NetworkConfig network;
  DeviceConfig device;
  StunConfig stun;
  TurnConfig turn;
  IceConfig ice;
  WebrtcConfig webrtc;
  std::map<std::string, PeerConfig> peers;  // by device name
  bool operator==(const Config&) const = default;
};

/// The credential of one of several TURN servers.
struct TurnCredential {
  std::string url;  // as in config.toml
  SecretText credential;
  bool operator==(const TurnCredential&) const = default;
};

struct TurnSecrets {
  SecretText credential;                // of every server that has none below; may be empty
  std::vector<TurnCredential> servers;  // at most kMaxTurnServers
  bool operator==(const TurnSecrets&) const = default;
};

struct Secrets {
  SecretText turn_secret;             // may be empty
  SecretText refresh_token;           // may be empty: the device must register again
  SecretText previous_refresh_token;  // the one exchanged for it; may be empty (agent/refresh_tokens.h)
  PrivateKey private_key;             // needed
  TurnSecrets turn;
};

/// The credential of that server; nullptr when there is none. Valid as long as `secrets`.
[[nodiscard]] const SecretText* credential_of(const TurnServer& server, const TurnSecrets& secrets);
/// Whether each server has its credential. Error: kMissing.
[[nodiscard]] std::expected<void, ConfigError> check_credentials(const TurnConfig& turn, const TurnSecrets& secrets);

/// Something odd that hinders nobody: a key that is not known, as a newer version may write it or a slip of the pen.
struct Warning {
  unsigned line = 0;
  std::string key;  // as in "device.mtuu"
  std::string what;
  bool operator==(const Warning&) const = default;
};

/// Reads config.toml. Stops at the first error; `warnings`, where given, gets what is appended to it also then.
[[nodiscard]] std::expected<Config, ConfigError> parse_config(std::string_view text,
                                                              std::vector<Warning>* warnings = nullptr);
/// Reads secrets.toml. No error or warning repeats a value. What the parser copied is wiped; `text` is the caller's.
[[nodiscard]] std::expected<Secrets, ConfigError> parse_secrets(std::string_view text,
                                                                std::vector<Warning>* warnings = nullptr);

/// config.toml with comments; the same text for the same values. parse_config(write_config(c)) == c for a valid c.
[[nodiscard]] std::string write_config(const Config& config);
[[nodiscard]] SecretText write_secrets(const Secrets& secrets);

}  // namespace bamgate::config
