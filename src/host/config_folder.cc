#include "host/config_folder.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "core/encoding.h"
#include "core/plain_text.h"
#include "host/service_user.h"
#include "os/file.h"

namespace bamgate::host {
namespace {

constexpr const char* kDefaultFolder = "/etc/bamgate";
constexpr const char* kDefaultSocket = "/run/bamgate/control.sock";
constexpr std::size_t kMaxFile = 1024 * 1024;

// More than a key and three tokens of the longest kind take.
constexpr std::size_t kSecretsRoom = 4096;
// More than a registration writes; what a person has added comes on top.
constexpr std::size_t kConfigRoom = 4096;

// What a registration gave and is not in force yet. The secrets are written last: with them it counts.
constexpr const char* kJoinedConfig = "config.toml.joined";
constexpr const char* kJoinedSecrets = "secrets.toml.joined";

std::unexpected<Failure> malformed(const std::filesystem::path& file, const config::ConfigError& error) {
  return std::unexpected(Failure{ExitCode::kFailed, file.string() + ": " + error.message()});
}

void print_warnings(const std::filesystem::path& file, const std::vector<config::Warning>& warnings) {
  for (const config::Warning& warning : warnings) {
    std::fprintf(stderr, "bamgate: %s:%u: %s: %s\n", file.c_str(), warning.line, warning.key.c_str(),
                 warning.what.c_str());
  }
}

}  // namespace

ConfigFolder::ConfigFolder(const std::string& given) : path_(given) {
  const char* variable = std::getenv("BAMGATE_CONFIG_DIR");
  if (path_.empty() && variable != nullptr) path_ = variable;
  if (path_.empty()) path_ = kDefaultFolder;
  path_ = std::filesystem::absolute(path_).lexically_normal();
}

bool ConfigFolder::is_default() const { return path_ == kDefaultFolder; }

std::filesystem::path ConfigFolder::control_socket() const {
  return is_default() ? std::filesystem::path(kDefaultSocket) : path_ / "control.sock";
}

bool ConfigFolder::has_device() const {
  std::error_code ignored;
  return std::filesystem::exists(path_ / "config.toml", ignored);
}

std::expected<config::Config, Failure> ConfigFolder::load_config() const {
  const auto file = path_ / "config.toml";
  const auto text = read(file);
  if (!text) {
    if (text.error().code != os::Error::kNotFound) return refuse(text.error());
    std::error_code ignored;
    if (std::filesystem::exists(path_ / "secrets.toml", ignored)) {
      return std::unexpected(
          Failure{ExitCode::kFailed, file.string() +
                                         " is missing, though secrets.toml is there: bring it back from a backup, or "
                                         "run 'bamgate setup' with a new join string, which keeps the key"});
    }
    return std::unexpected(Failure{ExitCode::kFailed, "this device is not set up (there is no " + file.string() +
                                                          "): run 'bamgate setup' first; 'bamgate hub "
                                                          "token' on the hub prints the string"});
  }
  std::vector<config::Warning> warnings;
  auto parsed = config::parse_config(*text, &warnings);
  print_warnings(file, warnings);
  if (!parsed) return malformed(file, parsed.error());
  return std::move(*parsed);
}

/// What was being written when the machine lost power is written to its end first.
std::expected<std::string, os::OsError> ConfigFolder::read(const std::filesystem::path& file) const {
  if (const auto whole = os::finish_write(file); !whole) return std::unexpected(whole.error());
  return os::read_file(file, kMaxFile);
}

std::expected<Device, Failure> ConfigFolder::load() const {
  if (const auto settled = settle(); !settled) return std::unexpected(settled.error());
  auto config = load_config();
  if (!config) return std::unexpected(config.error());
  auto secrets = load_secrets();
  if (!secrets) return std::unexpected(secrets.error());
  if (const auto known = config::check_credentials(config->turn, secrets->turn); !known) {
    return malformed(path_ / "config.toml", known.error());
  }
  auto pins = load_pins(config->network);
  if (!pins) return std::unexpected(pins.error());
  return Device{std::move(*config), std::move(*secrets), std::move(*pins)};
}

std::expected<std::vector<config::Pin>, Failure> ConfigFolder::load_pins(const config::NetworkConfig& network) const {
  const auto file = path_ / "pins";
  const auto text = read(file);
  if (!text && text.error().code == os::Error::kNotFound) return std::vector<config::Pin>();
  if (!text) return refuse(text.error());
  auto parsed = config::parse_pins(*text);
  if (!parsed) return malformed(file, parsed.error());
  if (parsed->network != network_id(network)) return std::vector<config::Pin>();
  return std::move(parsed->pins);
}

std::expected<void, Failure> ConfigFolder::save_pins(const config::Pins& pins) const {
  const auto written = os::write_file_atomically(path_ / "pins", config::write_pins(pins), 0644);
  if (!written) return refuse(written.error());
  return {};
}

std::string network_id(const config::NetworkConfig& network) {
  return network.hub_fingerprint ? to_base64url(*network.hub_fingerprint) : network.server_url.authority();
}

std::expected<config::Secrets, Failure> ConfigFolder::load_secrets() const {
  const auto file = path_ / "secrets.toml";
  if (!has_secrets()) {
    std::error_code ignored;
    const bool is_there = std::filesystem::exists(file, ignored);
    return std::unexpected(Failure{ExitCode::kFailed, file.string() + (is_there ? " is empty" : " is missing") +
                                                          ": this device's key and its credentials are lost; bring the "
                                                          "file back from a backup, or run 'bamgate setup' "
                                                          "with a new join string, which gives the device a new key"});
  }
  if (const auto secret = os::check_private(file); !secret) return refuse(secret.error());
  auto text = read(file);
  if (!text) return refuse(text.error());
  auto parsed = config::parse_secrets(*text);
  wipe(std::as_writable_bytes(std::span(*text)));
  if (!parsed) return malformed(file, parsed.error());
  return std::move(*parsed);
}

bool ConfigFolder::has_secrets() const {
  std::error_code ignored;
  const auto file = path_ / "secrets.toml";
  const auto type = std::filesystem::status(file, ignored).type();
  if (type != std::filesystem::file_type::regular) return type != std::filesystem::file_type::not_found;
  auto text = read(file);
  if (!text) return true;  // load_secrets() says what is wrong with it
  const bool empty = trim_text(*text).empty();
  wipe(std::as_writable_bytes(std::span(*text)));
  return !empty;
}

std::expected<void, Failure> ConfigFolder::create() const {
  if (const auto made = os::ensure_directory(path_, 0755); !made) return refuse(made.error());
  hand_over(*this);
  return {};
}

std::expected<void, Failure> ConfigFolder::save_config(const config::Config& config) const {
  const auto written = os::write_file_atomically(path_ / "config.toml", config::write_config(config), 0644);
  if (!written) return refuse(written.error());
  return {};
}

std::expected<void, Failure> ConfigFolder::save_secrets(const config::Secrets& secrets) const {
  const auto written = os::write_file_atomically(path_ / "secrets.toml", config::write_secrets(secrets).view(), 0600);
  if (!written) return refuse(written.error());
  (void)keep_room();  // the old file's place has become free; without it, whoever asks the hub next is told
  return {};
}

std::expected<void, Failure> ConfigFolder::keep_room() const {
  const auto kept = os::keep_room(path_ / "secrets.toml", kSecretsRoom);
  if (!kept) return refuse(kept.error());
  return {};
}

// ---- What a registration gave ----

std::expected<void, Failure> ConfigFolder::keep_joined_room() const {
  std::error_code error;
  const auto size = std::filesystem::file_size(path_ / "config.toml", error);
  for (const auto& kept : {os::keep_room(path_ / kJoinedSecrets, kSecretsRoom),
                           os::keep_room(path_ / kJoinedConfig, kConfigRoom + (error ? 0 : size))}) {
    if (!kept) return refuse(kept.error());
  }
  return {};
}

void ConfigFolder::give_up_joined_room() const {
  for (const char* file : {kJoinedSecrets, kJoinedConfig}) os::give_up_room(path_ / file);
}

std::expected<void, Failure> ConfigFolder::save_joined(const config::Config& config,
                                                       const config::Secrets& secrets) const {
  auto written = os::write_file_atomically(path_ / kJoinedConfig, config::write_config(config), 0644);
  if (written) {
    written = os::write_file_atomically(path_ / kJoinedSecrets, config::write_secrets(secrets).view(), 0600);
  }
  give_up_joined_room();
  if (!written) return refuse(written.error());
  return {};
}

std::expected<void, Failure> ConfigFolder::take_over_joined() const {
  std::error_code ignored;
  if (!std::filesystem::exists(path_ / kJoinedSecrets, ignored)) return {};
  // The secrets last: as long as they are there, what is missing is done again.
  for (const auto& [from, to] : {std::pair{kJoinedConfig, "config.toml"}, std::pair{kJoinedSecrets, "secrets.toml"}}) {
    if (auto moved = os::move_over(path_ / from, path_ / to); !moved) return refuse(moved.error());
  }
  (void)keep_room();
  return {};
}

/// What an interrupted 'bamgate setup' has left to be done, unless somebody is at work in the folder.
std::expected<void, Failure> ConfigFolder::settle() const {
  std::error_code ignored;
  if (!std::filesystem::exists(path_ / kJoinedSecrets, ignored)) return {};
  const auto mine = os::FileLock::acquire(lock(), "command");
  if (!mine) return {};
  std::fprintf(stderr, "bamgate: what 'bamgate setup' has registered is in force from now on\n");
  return take_over_joined();
}

wg::PrivateKey private_key(const config::Secrets& secrets) {
  return wg::PrivateKey::from_bytes(secrets.private_key.bytes());
}

}  // namespace bamgate::host
