// A device's configuration folder: config.toml, secrets.toml, and where its control socket is.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "config/config.h"
#include "os/failure.h"
#include "wg/keys.h"

namespace bamgate::host {

struct Device {
  config::Config config;
  config::Secrets secrets;
};

class ConfigFolder {
 public:
  /// `given` is --config; empty: BAMGATE_CONFIG_DIR, or /etc/bamgate.
  explicit ConfigFolder(const std::string& given);

  const std::filesystem::path& path() const { return path_; }
  /// True for /etc/bamgate, the folder of the service.
  bool is_default() const;
  std::filesystem::path control_socket() const;
  std::filesystem::path lock() const { return path_ / "agent.lock"; }

  bool has_device() const;
  /// Both files, checked. Odd things that hinder nobody are printed to stderr.
  std::expected<Device, Failure> load() const;
  std::expected<config::Config, Failure> load_config() const;
  std::expected<config::Secrets, Failure> load_secrets() const;
  /// Makes it where it is missing, and gives it to the service's user where there is one (hand_over() says when).
  std::expected<void, Failure> create() const;
  std::expected<void, Failure> save_config(const config::Config& config) const;
  /// On disk, synced, before this returns.
  std::expected<void, Failure> save_secrets(const config::Secrets& secrets) const;

 private:
  std::filesystem::path path_;
};

wg::PrivateKey private_key(const config::Secrets& secrets);

}  // namespace bamgate::host
