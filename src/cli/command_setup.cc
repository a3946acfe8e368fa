// bamgate setup: makes this machine a device of a network, by a join string.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "cli/commands.h"
#include "cli/hub_api.h"
#include "config/join_string.h"
#include "os/device_name.h"
#include "os/random.h"

namespace bamgate::cli {
namespace {

// docs/hub.md: one of the two error codes whose text is fixed because clients search for it.
constexpr const char* kDeviceGone = "device not found or revoked";

std::expected<std::string, Failure> read_join_string(const std::string& given) {
  if (!given.empty() && given != "-") return given;
  if (given.empty()) {
    if (isatty(STDIN_FILENO) != 1) {
      return std::unexpected(Failure{ExitCode::kUsage,
                                     "no join string: give --join STRING, or --join - to read it from "
                                     "standard input; 'bamgate hub token' on the hub prints one"});
    }
    std::fprintf(stderr, "Join string ('bamgate hub token' on the hub prints one): ");
  }
  std::string line;
  std::getline(std::cin, line);
  return line;
}

/// True when the hub says that the device which this folder holds was revoked. Its key is then dead: other devices keep
/// refusing it. Any other answer, or none, leaves the key as it is.
bool was_revoked(net::Loop& loop, const ConfigFolder& folder, config::Secrets& secrets) {
  if (!folder.has_device() || secrets.refresh_token.empty()) return false;
  const auto device = folder.load();
  if (!device) return false;
  const auto& network = device->config.network;
  const auto refreshed = loop.block_on(
      refresh_token(loop, hub_access(network), network.device_id, std::string(secrets.refresh_token.view())));
  if (!refreshed) return refreshed.error().text.find(kDeviceGone) != std::string::npos;
  secrets.refresh_token = config::SecretText(refreshed->refresh_token);
  (void)folder.save_secrets(secrets);  // a token that is lost here is replaced by the registration that follows
  return false;
}

/// The key of an earlier run is used again, so that a registration whose reply was lost can be repeated.
std::expected<config::Secrets, Failure> own_secrets(net::Loop& loop, const ConfigFolder& folder) {
  config::Secrets secrets;
  std::error_code ignored;
  if (std::filesystem::exists(folder.path() / "secrets.toml", ignored)) {
    auto before = folder.load_secrets();
    if (!before || !was_revoked(loop, folder, *before)) return before;
    std::fprintf(stderr, "this device was revoked: it gets a new key\n");
  }
  os::SystemRandom random;
  const auto key = wg::PrivateKey::generate(random);
  secrets.private_key = config::PrivateKey(key.bytes());
  if (const auto saved = folder.save_secrets(secrets); !saved) return std::unexpected(saved.error());
  return secrets;
}

std::expected<config::Config, Failure> make_config(const ConfigFolder& folder, const config::JoinString& join,
                                                   const Registration& registration, const std::string& name) {
  config::Config config;
  if (folder.has_device()) {
    if (const auto before = folder.load()) config = before->config;  // what a person set there stays
  }
  config.network.server_url = join.server_url();
  config.network.hub_fingerprint = join.fingerprint;
  config.network.device_id = registration.device_id;
  if (config.network.name.empty()) config.network.name = "home";
  config.device.name = name;
  const auto address = IpPrefix::parse(registration.address);
  if (!address) return std::unexpected(Failure{ExitCode::kFailed, "the hub gave an address that cannot be read"});
  config.device.address = *address;
  config.device.address6 = IpPrefix::parse(registration.address6);
  const config::StunConfig defaults;
  config.stun.servers = registration.stun;
  config.stun.servers.insert(config.stun.servers.end(), defaults.servers.begin(), defaults.servers.end());
  return config;
}

std::expected<void, Failure> set_up(const SetupArguments& arguments) {
  const auto text = read_join_string(arguments.join);
  if (!text) return std::unexpected(text.error());
  const auto join = config::parse_join_string(*text);
  if (!join) return std::unexpected(Failure{ExitCode::kUsage, join.error().message()});
  const std::string name = arguments.name.empty() ? os::default_device_name() : arguments.name;
  if (!is_device_name(name)) {
    return std::unexpected(Failure{ExitCode::kUsage, "'" + name +
                                                         "' is no device name: use a to z, 0 to 9 and '-', as in "
                                                         "--name " +
                                                         os::clean_device_name(name)});
  }
  const ConfigFolder folder(arguments.config);
  if (const auto made = folder.create(); !made) return std::unexpected(made.error());
  net::Loop loop;
  auto secrets = own_secrets(loop, folder);
  if (!secrets) return std::unexpected(secrets.error());

  std::fprintf(stderr, "registering '%s' at %s\n", name.c_str(), join->server_url().authority().c_str());
  const auto registered = loop.block_on(register_device(loop, hub_access(join->server_url(), join->fingerprint),
                                                        std::string(join->token.view()), name,
                                                        private_key(*secrets).public_key().to_string()));
  if (!registered) return std::unexpected(registered.error());
  secrets->refresh_token = config::SecretText(registered->refresh_token);
  secrets->turn_secret = config::SecretText(registered->turn_secret);
  if (const auto saved = folder.save_secrets(*secrets); !saved) return saved;
  const auto config = make_config(folder, *join, *registered, name);
  if (!config) return std::unexpected(config.error());
  if (const auto saved = folder.save_config(*config); !saved) return saved;
  std::fprintf(stderr, "this device is '%s' with the address %s; its configuration is in %s\n", name.c_str(),
               registered->address.c_str(), folder.path().c_str());
  std::fprintf(stderr, "connect with 'bamgate up%s'\n",
               arguments.config.empty() ? "" : (" --config " + arguments.config).c_str());
  return {};
}

}  // namespace

ExitCode run_setup(const SetupArguments& arguments) {
  const auto result = set_up(arguments);
  return result ? ExitCode::kDone : fail(result.error().code, result.error().text);
}

}  // namespace bamgate::cli
