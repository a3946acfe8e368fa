// A device's configuration folder: config.toml, secrets.toml, pins, and where its control socket is.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/pins.h"
#include "os/failure.h"
#include "os/os_error.h"
#include "wg/keys.h"

namespace bamgate::host {

struct Device {
  config::Config config;
  config::Secrets secrets;
  std::vector<config::Pin> pins;  // of this network
};

/// What names a network in the file of pins: its hub's key, or its hub's address where the CA store vouches for it.
std::string network_id(const config::NetworkConfig& network);

class ConfigFolder {
 public:
  /// `given` is --config; empty: BAMGATE_CONFIG_DIR, or /etc/bamgate.
  explicit ConfigFolder(const std::string& given);

  const std::filesystem::path& path() const { return path_; }
  /// True for /etc/bamgate, the folder of the service.
  bool is_default() const;
  std::filesystem::path control_socket() const;
  std::filesystem::path lock() const { return path_ / "agent.lock"; }
  std::filesystem::path setup_lock() const { return path_ / "setup.lock"; }

  bool has_device() const;
  /// True when there is a secrets.toml with anything in it. An empty one is as good as none: a crash of another system,
  /// or a file made for a container to mount.
  bool has_secrets() const;
  /// All files, checked. Odd things that hinder nobody are printed to stderr.
  std::expected<Device, Failure> load() const;
  std::expected<config::Config, Failure> load_config() const;
  std::expected<config::Secrets, Failure> load_secrets() const;
  /// Those of that network; none when there is no such file, or it is another network's.
  std::expected<std::vector<config::Pin>, Failure> load_pins(const config::NetworkConfig& network) const;
  std::expected<void, Failure> save_pins(const config::Pins& pins) const;
  /// Makes it where it is missing, and gives it to the service's user where there is one (hand_over() says when).
  std::expected<void, Failure> create() const;
  std::expected<void, Failure> save_config(const config::Config& config) const;
  /// On disk, synced, before this returns. On a full disk the room serves that keep_room() has kept; what has been
  /// written makes new room where it can.
  std::expected<void, Failure> save_secrets(const config::Secrets& secrets) const;
  /// Keeps room on the disk for the next secrets. To be called before the hub is asked for new ones: what it gives and
  /// nobody can keep would be lost. Failure: the disk is full, or not to be written.
  std::expected<void, Failure> keep_room() const;

  /// What a registration gave, and this folder is to become: on disk, synced, before this returns, beside what is in
  /// force. From then on the next start has it, however whoever called this ends.
  std::expected<void, Failure> save_joined(const config::Config& config, const config::Secrets& secrets) const;
  /// Puts in force what save_joined() has kept; nothing when there is none. To be called under the folder's lock.
  std::expected<void, Failure> take_over_joined() const;
  /// The same for whoever holds no lock, as after a 'bamgate setup' that was interrupted; nothing while somebody holds
  /// it. load() begins with it.
  std::expected<void, Failure> settle() const;
  /// Room for save_joined(), as keep_room() keeps it for save_secrets().
  std::expected<void, Failure> keep_joined_room() const;
  void give_up_joined_room() const;

 private:
  std::expected<std::string, os::OsError> read(const std::filesystem::path& file) const;

  std::filesystem::path path_;
};

wg::PrivateKey private_key(const config::Secrets& secrets);

}  // namespace bamgate::host
