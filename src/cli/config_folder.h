// A device's configuration folder: config.toml, secrets.toml, and where its control socket is.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "cli/output.h"
#include "config/config.h"
#include "wg/keys.h"

namespace bamgate::cli {

/// What could not be done, with the exit code that tells it.
struct Failure {
  ExitCode code = ExitCode::kFailed;
  std::string text;
};

struct Device {
  config::Config config;
  config::Secrets secrets;
};

class ConfigFolder {
 public:
  /// `given` is --config; empty: BAMGATE_CONFIG_DIR, or /etc/bamgate.
  explicit ConfigFolder(const std::string& given);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path control_socket() const;
  std::filesystem::path lock() const { return path_ / "agent.lock"; }

  bool has_device() const;
  /// Both files, checked. Odd things that hinder nobody are printed to stderr.
  std::expected<Device, Failure> load() const;
  std::expected<config::Secrets, Failure> load_secrets() const;
  std::expected<void, Failure> create() const;
  std::expected<void, Failure> save_config(const config::Config& config) const;
  /// On disk, synced, before this returns.
  std::expected<void, Failure> save_secrets(const config::Secrets& secrets) const;

 private:
  std::filesystem::path path_;
};

wg::PrivateKey private_key(const config::Secrets& secrets);

}  // namespace bamgate::cli
