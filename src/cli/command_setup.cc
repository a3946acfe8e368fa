// bamgate setup: makes this machine a device of a network, by a join string.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <utility>

#include "agent/refresh_tokens.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "config/join_string.h"
#include "core/plain_text.h"
#include "host/hub_api.h"
#include "host/refresh.h"
#include "os/device_name.h"
#include "os/file.h"
#include "os/random.h"

namespace bamgate::cli {
namespace {

/// What this machine was before, where it was a device.
using Before = std::optional<config::Config>;

/// A file that cannot be read is for a person to mend: what stands in it must not be lost.
std::expected<Before, Failure> read_before(const host::ConfigFolder& folder) {
  if (!folder.has_device()) return std::nullopt;
  auto config = folder.load_config();
  if (config) return std::move(*config);
  return std::unexpected(Failure{config.error().code, config.error().text + "; mend that file, or move it away"});
}

/// What other commands need to be told to speak of the same device.
std::string option(const SetupArguments& arguments) {
  return arguments.config.empty() ? "" : " --config " + arguments.config;
}

/// What a person has to know before a join string is asked for.
void introduce(const Before& before) {
  if (before) {
    std::fprintf(stderr, "This machine is '%s' in the network of %s; a new join string registers it again.\n",
                 before->device.name.c_str(), before->network.server_url.authority().c_str());
  }
  std::fprintf(stderr,
               "A join string comes from 'bamgate hub token' on the hub, or from 'bamgate devices add' on a device of\n"
               "the network.\n");
}

std::expected<std::string, Failure> read_join_string(const Before& before, const std::string& given) {
  if (given == "-") {
    std::string line;
    std::getline(std::cin, line);
    return std::string(trim_text(line));  // PowerShell and some editors put a mark in front
  }
  if (!given.empty()) return given;
  if (is_terminal(STDIN_FILENO)) introduce(before);
  return ask("Join string: ",
             "no join string: give --join STRING, or --join - to read it from standard input; 'bamgate hub token' on "
             "the hub prints one");
}

/// `given`, or what a person answers who is being asked anyway, or the host's name.
std::expected<std::string, Failure> choose_name(const SetupArguments& arguments, const Before& before) {
  std::string name = arguments.name;
  if (name.empty()) {
    name = before ? before->device.name : os::default_device_name();
    if (arguments.join.empty()) {
      const auto answer = ask("Name of this device [" + name + "]: ", "");
      if (!answer) return std::unexpected(answer.error());
      if (!answer->empty()) name = *answer;
    }
  }
  if (is_device_name(name)) return name;
  return std::unexpected(Failure{ExitCode::kUsage, "'" + name +
                                                       "' is no device name: use a to z, 0 to 9 and '-', as in "
                                                       "--name " +
                                                       os::clean_device_name(name)});
}

/// True when the hub says that the device which this folder holds was revoked. Its key is then dead: other devices keep
/// refusing it. Any other answer, or none, leaves the key as it is.
bool was_revoked(net::Loop& loop, const host::ConfigFolder& folder, const Before& before, config::Secrets& secrets) {
  if (!before || secrets.refresh_token.empty()) return false;
  config::Config config = *before;
  const auto refreshed = loop.block_on(exchange_refresh_token(loop, folder, config, secrets));
  return !refreshed && refreshed.error().fault.verdict == signaling::Verdict::kGone;
}

/// The key of an earlier run is used again, so that a registration whose reply was lost can be repeated.
std::expected<config::Secrets, Failure> own_secrets(net::Loop& loop, const host::ConfigFolder& folder,
                                                    const Before& before) {
  config::Secrets secrets;
  const auto file = folder.path() / "secrets.toml";
  std::error_code ignored;
  const bool has_secrets = folder.has_secrets();
  if (before && !has_secrets) {
    std::fprintf(stderr, "%s %s, and with it this device's key: it gets a new one\n", file.c_str(),
                 std::filesystem::exists(file, ignored) ? "is empty" : "is missing");
  }
  if (has_secrets) {
    auto kept = folder.load_secrets();
    if (!kept || !was_revoked(loop, folder, before, *kept)) return kept;
    std::fprintf(stderr, "this device was revoked: it gets a new key\n");
  }
  os::SystemRandom random;
  const auto key = wg::PrivateKey::generate(random);
  secrets.private_key = config::PrivateKey(key.bytes());
  if (const auto saved = folder.save_secrets(secrets); !saved) return std::unexpected(saved.error());
  return secrets;
}

std::expected<config::Config, Failure> make_config(const Before& before, const config::JoinString& join,
                                                   const host::Registration& registration, const std::string& name) {
  config::Config config = before.value_or(config::Config{});  // what a person set there stays
  config.network.server_url = join.server_url();
  config.network.hub_fingerprint = join.fingerprint;
  config.network.device_id = registration.device_id;
  if (config.network.name.empty()) config.network.name = "home";
  config.device.name = name;
  const auto address = IpPrefix::parse(registration.address);
  if (!address) return std::unexpected(Failure{ExitCode::kFailed, "the hub gave an address that cannot be read"});
  config.device.address = *address;
  config.device.address6 = IpPrefix::parse(registration.address6);
  // The hub's own server stands first.
  std::vector<std::string> others = std::exchange(config.stun.servers, registration.stun);
  std::erase_if(others, [&](const std::string& one) { return std::ranges::count(registration.stun, one) > 0; });
  config.stun.servers.insert(config.stun.servers.end(), others.begin(), others.end());
  return config;
}

/// Held while credentials change: a running agent has the old ones in its hands.
std::expected<os::FileLock, Failure> lock_folder(const host::ConfigFolder& folder, const SetupArguments& arguments) {
  if (const auto made = folder.create(); !made) return std::unexpected(made.error());
  auto lock = os::FileLock::acquire(folder.lock());
  if (lock) return std::move(*lock);
  std::string text = lock.error().text;
  if (lock.error().code == os::Error::kBusy) {
    text += ": this device is connected; disconnect it first with 'bamgate down" + option(arguments) + "'";
  }
  return std::unexpected(Failure{ExitCode::kFailed, std::move(text)});
}

constexpr const char* kUnused = "; the join string was not used and is as good as before";
constexpr const char* kRepeat = "; then repeat this with the same join string: the hub knows this device's key";

/// A failure, and what it means for the join string.
Failure and_then(const Failure& failure, const char* what_next) {
  Failure result = failure;
  result.text += what_next;
  return result;
}

/// Registers, and keeps the credentials before anything else. The key and the room for all that is to come are on disk
/// before the hub is asked: a join string is not used up for nothing.
std::expected<host::Registration, Failure> join_network(net::Loop& loop, const host::ConfigFolder& folder,
                                                        const Before& before, const config::JoinString& join,
                                                        const std::string& name) {
  auto secrets = own_secrets(loop, folder, before);
  if (!secrets) return std::unexpected(and_then(secrets.error(), kUnused));
  for (const auto& kept : {folder.keep_room(), folder.keep_config_room()}) {
    if (!kept) return std::unexpected(and_then(kept.error(), kUnused));
  }
  std::fprintf(stderr, "registering '%s' at %s ...\n", name.c_str(), join.server_url().authority().c_str());
  auto registered = loop.block_on(host::register_device(loop, host::hub_access(join.server_url(), join.fingerprint),
                                                        std::string(join.token.view()), name,
                                                        host::private_key(*secrets).public_key().to_string()));
  if (!registered) return std::unexpected(registered.error());
  agent::begin_refresh_tokens(*secrets, registered->refresh_token);
  secrets->turn_secret = config::SecretText(registered->turn_secret);
  if (const auto saved = folder.save_secrets(*secrets); !saved) {
    return std::unexpected(and_then(saved.error(), kRepeat));
  }
  return std::move(*registered);
}

std::expected<void, Failure> set_up(const SetupArguments& arguments) {
  const host::ConfigFolder folder(arguments.config);
  const auto before = read_before(folder);
  if (!before) return std::unexpected(before.error());
  const auto text = read_join_string(*before, arguments.join);
  if (!text) return std::unexpected(text.error());
  const auto join = config::parse_join_string(*text);
  if (!join) return std::unexpected(Failure{ExitCode::kUsage, join.error().message()});
  const auto name = choose_name(arguments, *before);
  if (!name) return std::unexpected(name.error());
  const auto lock = lock_folder(folder, arguments);
  if (!lock) return std::unexpected(lock.error());
  net::Loop loop;
  const auto registered = join_network(loop, folder, *before, *join, *name);
  if (!registered) return std::unexpected(registered.error());
  const auto config = make_config(*before, *join, *registered, *name);
  if (!config) return std::unexpected(config.error());
  if (const auto saved = folder.save_config(*config); !saved) {
    return std::unexpected(and_then(saved.error(), kRepeat));
  }
  std::fprintf(stderr, "this device is '%s' with the address %s; its configuration is in %s\n", name->c_str(),
               registered->address.c_str(), folder.path().c_str());
  std::fprintf(stderr, "connect it with 'bamgate up%s'\n", option(arguments).c_str());
  return {};
}

}  // namespace

ExitCode run_setup(const SetupArguments& arguments) {
  const auto result = set_up(arguments);
  return result ? ExitCode::kDone : fail(result.error().code, result.error().text);
}

}  // namespace bamgate::cli
