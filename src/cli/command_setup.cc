// bamgate setup: makes this machine a device of a network, by a join string. It may be one already, and be connected:
// it stays so until the hub has said yes, since the way to this machine may lead through the tunnel.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

#include "agent/refresh_tokens.h"
#include "cli/commands.h"
#include "cli/service.h"
#include "cli/setup_questions.h"
#include "host/hub_api.h"
#include "host/refresh.h"
#include "os/file.h"
#include "os/random.h"
#include "stun/uri.h"

namespace bamgate::cli {
namespace {

// The hub's code for a name that another device has (docs/hub.md).
constexpr const char* kNameTaken = "name_taken";

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

/// The hub of before, at the address where it is now; nullopt when the join string is another hub's, which has no
/// business with this one's tokens.
Before same_hub(const Before& before, const config::JoinString& join) {
  if (!before || before->network.hub_fingerprint != join.fingerprint) return std::nullopt;
  config::Config device = *before;
  // Without a fingerprint nothing but its address tells a hub from another.
  if (!join.fingerprint && device.network.server_url.authority() != join.server_url().authority()) return std::nullopt;
  device.network.server_url = join.server_url();
  return device;
}

/// True when the hub says that the device which this folder holds was revoked. Its key is then dead: other devices keep
/// refusing it. Any other answer, or none, leaves the key as it is.
bool was_revoked(net::Loop& loop, const host::ConfigFolder& folder, config::Config device, config::Secrets& secrets) {
  if (secrets.refresh_token.empty()) return false;
  const auto refreshed = loop.block_on(exchange_refresh_token(loop, folder, device, secrets));
  return !refreshed && refreshed.error().fault.verdict == signaling::Verdict::kGone;
}

/// The key of an earlier run is used again, so that a registration whose reply was lost can be repeated. `ask`: the hub
/// that is asked whether the key is dead; nobody while the device runs, which exchanges tokens itself.
std::expected<config::Secrets, Failure> own_secrets(net::Loop& loop, const host::ConfigFolder& folder,
                                                    const Before& before, const Before& ask) {
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
    if (!kept || !ask || !was_revoked(loop, folder, *ask, *kept)) return kept;
    std::fprintf(stderr, "this device was revoked: it gets a new key\n");
  }
  os::SystemRandom random;
  const auto key = wg::PrivateKey::generate(random);
  secrets.private_key = config::PrivateKey(key.bytes());
  if (const auto saved = folder.save_secrets(secrets); !saved) return std::unexpected(saved.error());
  return secrets;
}

/// What the hub of before has given: servers on its own host.
bool is_of_host(const std::string& server, const std::string& host) {
  const auto uri = stun::Uri::parse(server);
  return uri && uri->host == host;
}

std::expected<config::Config, Failure> make_config(const Before& before, const config::JoinString& join,
                                                   const host::Registration& registration, const std::string& name) {
  config::Config config = before.value_or(config::Config{});  // what a person set there stays
  // The hub's own server stands first, in place of the one of before.
  std::vector<std::string> others = std::exchange(config.stun.servers, registration.stun);
  std::erase_if(others, [&](const std::string& one) {
    return std::ranges::count(registration.stun, one) > 0 ||
           (before && is_of_host(one, before->network.server_url.host));
  });
  config.stun.servers.insert(config.stun.servers.end(), others.begin(), others.end());
  config.network.server_url = join.server_url();
  config.network.hub_fingerprint = join.fingerprint;
  config.network.device_id = registration.device_id;
  if (config.network.name.empty()) config.network.name = "home";
  config.device.name = name;
  const auto address = IpPrefix::parse(registration.address);
  if (!address) return std::unexpected(Failure{ExitCode::kFailed, "the hub gave an address that cannot be read"});
  config.device.address = *address;
  config.device.address6 = IpPrefix::parse(registration.address6);
  return config;
}

/// One setup at a time.
std::expected<os::FileLock, Failure> lock_setup(const host::ConfigFolder& folder) {
  if (const auto made = folder.create(); !made) return std::unexpected(made.error());
  auto lock = os::FileLock::acquire(folder.setup_lock(), {}, os::FileLock::Unfinished::kKeep);
  if (lock) return std::move(*lock);
  if (lock.error().code != os::Error::kBusy) return refuse(lock.error());
  const auto holder = os::FileLock::holder(folder.setup_lock());
  return std::unexpected(Failure{ExitCode::kFailed, "another 'bamgate setup' is at work in " + folder.path().string() +
                                                        (holder ? ", process " + std::to_string(holder->process) : "") +
                                                        ": wait for its end, or end it"});
}

constexpr const char* kUnused = "; the join string was not used and is as good as before";
constexpr const char* kRepeat = "; then repeat this with the same join string: the hub knows this device's key";

/// A failure, and what it means for the join string.
Failure and_then(const Failure& failure, const char* what_next) {
  Failure result = failure;
  result.text += what_next;
  return result;
}

/// The device's own lock, without which nobody writes its credentials; nullopt while the device runs.
std::expected<std::optional<os::FileLock>, Failure> lock_device(const host::ConfigFolder& folder) {
  auto lock = os::FileLock::acquire(folder.lock(), lock_note(RunMode::kCommand, false));
  if (lock) return std::optional(std::move(*lock));
  const auto holder = find_holder(folder);
  if (lock.error().code == os::Error::kBusy && holder && holder->mode != RunMode::kCommand) return std::nullopt;
  return std::unexpected(Failure{ExitCode::kFailed, lock.error().text + "; try again when it has ended"});
}

struct Joined {
  config::Config config;
  config::Secrets secrets;
  std::string address;
};

/// Registers. The key and the room for all that is to come are on disk before the hub is asked: a join string is not
/// used up for nothing, and the same one serves again however this ends.
std::expected<Joined, Failure> join_network(net::Loop& loop, const host::ConfigFolder& folder,
                                            const SetupArguments& arguments, const Before& before,
                                            const config::JoinString& join, bool device_runs) {
  auto name = choose_name(arguments, before);
  if (!name) return std::unexpected(name.error());
  auto secrets = own_secrets(loop, folder, before, device_runs ? std::nullopt : same_hub(before, join));
  if (!secrets) return std::unexpected(and_then(secrets.error(), kUnused));
  for (const auto& kept : {folder.keep_room(), folder.keep_joined_room()}) {
    if (!kept) return std::unexpected(and_then(kept.error(), kUnused));
  }
  while (true) {
    std::fprintf(stderr, "registering '%s' at %s ...\n", name->c_str(), join.server_url().authority().c_str());
    auto registered = loop.block_on(host::register_device(loop, host::hub_access(join.server_url(), join.fingerprint),
                                                          std::string(join.token.view()), *name,
                                                          host::private_key(*secrets).public_key().to_string()));
    if (registered) {
      agent::begin_refresh_tokens(*secrets, registered->refresh_token);
      secrets->turn_secret = config::SecretText(registered->turn_secret);
      auto config = make_config(before, join, *registered, *name);
      if (!config) return std::unexpected(config.error());
      return Joined{std::move(*config), std::move(*secrets), registered->address};
    }
    if (!asks(arguments) || registered.error().fault.code != kNameTaken) return std::unexpected(registered.error());
    std::fprintf(stderr, "bamgate: %s\n", registered.error().text.c_str());
    name = choose_name(arguments, before, *name);
    if (!name) return std::unexpected(name.error());
  }
}

/// Whoever sits at the other end of the tunnel is cut off for a moment, which must not end this process half-way.
void carry_on_without_terminal() {
  for (const int signal : {SIGHUP, SIGINT, SIGPIPE}) std::signal(signal, SIG_IGN);
}

/// Restarts the device, which takes over what is on the disk. Were this process killed on the way, its next start
/// would.
std::expected<void, Failure> swap_running(const SetupArguments& arguments) {
  carry_on_without_terminal();
  const ExitCode restarted = run_restart(arguments.config);
  if (restarted == ExitCode::kDone) return {};
  return std::unexpected(Failure{restarted,
                                 "it is registered, and what it has got is on the disk, but it was not "
                                 "restarted; see above: 'bamgate up" +
                                     option(arguments) + "' or 'bamgate restart" + option(arguments) +
                                     "' takes it over"});
}

std::expected<void, Failure> set_up(const SetupArguments& arguments) {
  const host::ConfigFolder folder(arguments.config);
  if (const auto named = check_name(arguments); !named) return named;
  if (const auto settled = folder.settle(); !settled) return settled;
  const auto before = read_before(folder);
  if (!before) return std::unexpected(before.error());
  const auto join = read_join_string(arguments, *before);
  if (!join) return std::unexpected(join.error());
  auto only = lock_setup(folder);
  if (!only) return std::unexpected(only.error());
  auto lock = lock_device(folder);
  if (!lock) return std::unexpected(lock.error());
  const bool device_runs = !lock->has_value();
  auto joined = [&] {
    net::Loop loop;  // gone before anything is started in the background
    return join_network(loop, folder, arguments, *before, *join, device_runs);
  }();
  if (!joined) {
    folder.give_up_joined_room();
    return std::unexpected(joined.error());
  }
  // Before anything else, and all at once: what the hub knew of this device before may have ended with its answer.
  if (const auto saved = folder.save_joined(joined->config, joined->secrets); !saved) {
    return std::unexpected(and_then(saved.error(), kRepeat));
  }
  std::fprintf(stderr, "this device is '%s' with the address %s; its configuration is in %s\n",
               joined->config.device.name.c_str(), joined->address.c_str(), folder.path().c_str());
  if (device_runs) {
    std::fprintf(stderr, "it is connected: it goes down for a moment, and up again in the background with this\n");
    {
      const auto done = std::move(*only);
    }  // not to be held by what is started
    return swap_running(arguments);
  }
  if (const auto taken = folder.take_over_joined(); !taken) return std::unexpected(and_then(taken.error(), kRepeat));
  std::fprintf(stderr, "connect it with 'bamgate up%s'\n", option(arguments).c_str());
  return {};
}

}  // namespace

ExitCode run_setup(const SetupArguments& arguments) {
  const auto result = set_up(arguments);
  return result ? ExitCode::kDone : fail(result.error().code, result.error().text);
}

}  // namespace bamgate::cli
