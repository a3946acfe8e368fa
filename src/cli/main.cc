// The program: reads the command line (CLI11) and runs one command.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "cli/command_lab.h"
#include "cli/command_words.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/man_page.h"
#include "cli/terminal.h"
#include "cli/version.h"
#include "os/answer.h"
#include "os/process_start.h"

namespace bamgate::cli {
namespace {

using Run = std::function<ExitCode()>;

void log_to_stderr() {
  // Messages go to stderr, answers to stdout. Colour only on a terminal, never with NO_COLOR.
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(
      use_colour(STDERR_FILENO) ? spdlog::color_mode::always : spdlog::color_mode::never);
  auto logger = std::make_shared<spdlog::logger>("bamgate", std::move(sink));
  logger->set_pattern("%H:%M:%S.%e %^%l%$ %v");
  spdlog::set_default_logger(std::move(logger));
}

void add_config_option(CLI::App& command, std::string& config) {
  command.add_option("--config", config, "Configuration folder (default: $BAMGATE_CONFIG_DIR or /etc/bamgate)")
      ->type_name("DIR");
}

void add_hub_backup(CLI::App& hub, Run& run) {
  auto backup = std::make_shared<HubBackupArguments>();
  auto* command = hub.add_subcommand("backup", "Save the hub in one file; it may be running");
  command->add_option("file", backup->file, "The file to make; it holds all of the hub's secrets")
      ->required()
      ->type_name("FILE");
  command->add_option("--data", backup->data, "Data folder of the hub")->type_name("DIR")->capture_default_str();
  command->callback([&run, backup] { run = [backup] { return run_hub_backup(*backup); }; });

  auto restore = std::make_shared<HubRestoreArguments>();
  command = hub.add_subcommand("restore", "Bring a hub back from such a file");
  command->add_option("file", restore->file, "The backup")->required()->type_name("FILE");
  command->add_option("--data", restore->data, "Data folder of the hub")->type_name("DIR")->capture_default_str();
  command->add_flag("--force", restore->force, "Replace the hub that is in the folder");
  command->callback([&run, restore] { run = [restore] { return run_hub_restore(*restore); }; });
}

using Action = Management::Action;

/// A command that is about one device.
CLI::Option* add_device_argument(CLI::App& command, Management& manage) {
  return command.add_option("device", manage.which, "Its name or id")->required()->type_name("ID|NAME");
}

/// What is done to join strings: the commands below "tokens". `common` adds the options of all, `chosen` runs one.
void add_tokens(CLI::App& parent, Management& manage, const std::function<void(CLI::App&)>& common,
                const std::function<void(Action)>& chosen) {
  auto* tokens = parent.add_subcommand("tokens", "The join strings that are good: who made them, and how to end one");
  common(*tokens);
  tokens->callback([chosen, tokens] {
    if (tokens->get_subcommands().empty()) chosen(Action::kTokens);
  });
  auto* list = tokens->add_subcommand("list", "List them (the default)");
  common(*list);
  list->callback([chosen] { chosen(Action::kTokens); });
  auto* withdraw = tokens->add_subcommand("withdraw", "End one");
  common(*withdraw);
  withdraw->add_option("id", manage.which, "Its id in the list")->required()->type_name("ID");
  withdraw->callback([chosen] { chosen(Action::kWithdraw); });
}

void add_hub_management(CLI::App& hub, Run& run) {
  auto arguments = std::make_shared<HubManageArguments>();
  const std::function<void(CLI::App&)> common = [arguments](CLI::App& command) {
    command.add_option("--data", arguments->data, "Data folder of the hub")->type_name("DIR")->capture_default_str();
    command.add_flag("--json", arguments->manage.json, "For scripts");
  };
  const std::function<void(Action)> chosen = [&run, arguments](Action action) {
    arguments->manage.action = action;
    run = [arguments] { return run_hub_manage(*arguments); };
  };
  auto* devices = hub.add_subcommand("devices", "The devices of the network; the hub may be running");
  common(*devices);
  devices->callback([chosen] { chosen(Action::kList); });
  auto* revoke = hub.add_subcommand("revoke", "Throw a device out of the network, also the last administrator");
  common(*revoke);
  add_device_argument(*revoke, arguments->manage);
  revoke->add_flag("-y,--yes", arguments->manage.yes, "Do not ask back");
  revoke->callback([chosen] { chosen(Action::kRevoke); });
  auto* renew = hub.add_subcommand("renew", "Let a device in again that was away for too long");
  common(*renew);
  add_device_argument(*renew, arguments->manage);
  renew->callback([chosen] { chosen(Action::kRenew); });
  auto* forget = hub.add_subcommand("forget", "Let any device have the name of a revoked one");
  common(*forget);
  add_device_argument(*forget, arguments->manage);
  forget->callback([chosen] { chosen(Action::kForget); });
  add_tokens(hub, arguments->manage, common, chosen);
}

void add_hub(CLI::App& app, Run& run) {
  auto arguments = std::make_shared<HubArguments>();
  auto* hub = app.add_subcommand("hub", "Run the hub, which introduces devices to each other");
  hub->add_option("--listen", arguments->listen, "Where devices connect (TCP)")
      ->type_name("ADDR:PORT")
      ->capture_default_str();
  hub->add_option("--data", arguments->data, "Data folder: database, key, certificate")
      ->type_name("DIR")
      ->capture_default_str();
  hub->add_option("--public-url", arguments->public_url,
                  "The address by which devices reach this hub; kept in the data folder")
      ->type_name("URL");
  hub->add_option("--subnet", arguments->subnet, "Addresses of the network (default: 10.100.0.0/16)")
      ->type_name("PREFIX");
  hub->add_option("--stun", arguments->stun, "Where STUN is answered (UDP; default: the listen host on port 3478)")
      ->type_name("ADDR:PORT|off");
  hub->add_flag("--plain-http", arguments->plain_http, "No TLS: for use behind a proxy that does it");
  hub->add_option("--tls-cert", arguments->tls_cert, "Certificate chain (PEM) instead of the hub's own")
      ->type_name("FILE");
  hub->add_option("--tls-key", arguments->tls_key, "Its private key (PEM)")->type_name("FILE");
  hub->add_option("--github", arguments->github, "Whose GitHub account may register devices (default: nobody's)")
      ->type_name("LOGIN");
  hub->add_option("--github-api", arguments->github_api, "Another API than GitHub's own, as of GitHub Enterprise")
      ->type_name("URL")
      ->capture_default_str();
  hub->add_option("--device-lifetime", arguments->device_lifetime,
                  "How long a device may be away before an administrator must renew it: 30d, 180d")
      ->type_name("TIME")
      ->capture_default_str();
  hub->add_option("--log-format", arguments->log_format, "One line an event, for people or for machines")
      ->type_name("text|json")
      ->capture_default_str();
  hub->add_flag(
      "--new", arguments->begin_new,
      "Begin a new hub with what is left in a data folder that has lost a part; its devices must be set up anew");
  hub->add_flag("-v,--verbose", arguments->verbose, "Say more: who joins and leaves");
  hub->callback([&run, arguments, hub] {
    if (!hub->get_subcommands().empty()) return;
    run = [arguments] { return run_hub(*arguments); };
  });

  auto token = std::make_shared<HubTokenArguments>();
  auto* command = hub->add_subcommand("token", "Print a join string for a new device");
  command->add_option("--data", token->data, "Data folder of the hub")->type_name("DIR")->capture_default_str();
  command->add_option("--uses", token->uses, "How many devices may join with it")->capture_default_str();
  command->add_option("--ttl", token->ttl, "How long it is good: 30m, 24h, 7d")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_flag("--admin", token->admin, "Who joins with it administers the network");
  command->add_option("--for", token->for_name, "The only name that it lets in; also that of a revoked device")
      ->type_name("NAME");
  command->add_flag("--qr", token->qr, "Show it as a QR code too");
  command->callback([&run, token] { run = [token] { return run_hub_token(*token); }; });
  auto rotate = std::make_shared<HubRotateKeysArguments>();
  command = hub->add_subcommand("rotate-keys", "Sign access tokens with a new key; the hub may be running");
  command->add_option("--data", rotate->data, "Data folder of the hub")->type_name("DIR")->capture_default_str();
  command->callback([&run, rotate] { run = [rotate] { return run_hub_rotate_keys(*rotate); }; });
  add_hub_backup(*hub, run);
  add_hub_management(*hub, run);
}

void add_device_commands(CLI::App& app, Run& run) {
  auto setup = std::make_shared<SetupArguments>();
  auto* command = app.add_subcommand("setup", "Make this machine a device of a network");
  command->add_option("--join", setup->join, "Join string from 'bamgate hub token'; '-' reads it from standard input")
      ->type_name("STRING|-");
  command->add_option("--name", setup->name, "Name of this device (default: the host name)")->type_name("NAME");
  add_config_option(*command, setup->config);
  command->callback([&run, setup] { run = [setup] { return run_setup(*setup); }; });

  auto up = std::make_shared<UpArguments>();
  command = app.add_subcommand("up", "Connect this device; Ctrl-C or 'bamgate down' ends it");
  add_config_option(*command, up->config);
  command->add_flag("-d,--detach", up->detach, "In the background: as the service where it is installed");
  command->add_flag("-v,--verbose", up->verbose, "Say more");
  add_capture_options(*command, up->capture);
  command->callback([&run, up] { run = [up] { return run_up(*up); }; });

  auto down = std::make_shared<std::string>();
  command = app.add_subcommand("down", "Disconnect this device");
  add_config_option(*command, *down);
  command->callback([&run, down] { run = [down] { return run_down(*down); }; });

  auto restart = std::make_shared<std::string>();
  command = app.add_subcommand("restart", "Disconnect this device and connect it again, in the background");
  add_config_option(*command, *restart);
  command->callback([&run, restart] { run = [restart] { return run_restart(*restart); }; });

  auto logs = std::make_shared<LogsArguments>();
  command = app.add_subcommand("logs", "Show what the device says in the background");
  add_config_option(*command, logs->config);
  command->add_flag("-f,--follow", logs->follow, "Go on with what comes, until Ctrl-C");
  command->callback([&run, logs] { run = [logs] { return run_logs(*logs); }; });

  auto status = std::make_shared<StatusArguments>();
  command = app.add_subcommand("status", "Show what is connected, and how");
  add_config_option(*command, status->config);
  command->add_flag("--json", status->json, "For scripts");
  command->add_flag("-w,--watch", status->watch, "Show it again each second, until Ctrl-C");
  command->add_flag("-v,--verbose", status->verbose, "Say also what was counted since the start: traffic and losses");
  command->callback([&run, status] { run = [status] { return run_status(*status); }; });

  auto doctor = std::make_shared<DoctorArguments>();
  command =
      app.add_subcommand("doctor", "Find out what this machine's network lets bamgate do, and what to do about it");
  add_config_option(*command, doctor->config);
  command->add_flag("--json", doctor->json, "For scripts");
  command->callback([&run, doctor] { run = [doctor] { return run_doctor(*doctor); }; });
}

void add_join_string(CLI::App& devices, const std::shared_ptr<DevicesArguments>& arguments,
                     const std::function<void(CLI::App&)>& common, const std::function<void(Action)>& chosen) {
  auto* add = devices.add_subcommand("add", "Print a join string for a new device");
  common(*add);
  add->add_option("--uses", arguments->uses, "How many devices may join with it")->capture_default_str();
  add->add_option("--ttl", arguments->ttl, "How long it is good: 30m, 24h, 7d")
      ->type_name("TIME")
      ->capture_default_str();
  add->add_flag("--admin", arguments->admin, "Who joins with it administers the network");
  add->add_option("--for", arguments->for_name, "The only name that it lets in; also that of a revoked device")
      ->type_name("NAME");
  add->callback([chosen, arguments] {
    arguments->add = true;
    chosen(Action::kList);
  });
}

void add_devices(CLI::App& app, Run& run) {
  auto arguments = std::make_shared<DevicesArguments>();
  auto* devices = app.add_subcommand("devices", "The devices of the network");
  const std::function<void(CLI::App&)> common = [arguments](CLI::App& command) {
    add_config_option(command, arguments->config);
    command.add_flag("--json", arguments->manage.json, "For scripts");
  };
  common(*devices);
  const std::function<void(Action)> chosen = [&run, arguments](Action action) {
    arguments->manage.action = action;
    run = [arguments] { return run_devices(*arguments); };
  };
  devices->callback([chosen, devices] {
    if (devices->get_subcommands().empty()) chosen(Action::kList);
  });
  auto* list = devices->add_subcommand("list", "List them (the default)");
  common(*list);
  list->callback([chosen] { chosen(Action::kList); });
  add_join_string(*devices, arguments, common, chosen);
  add_tokens(*devices, arguments->manage, common, chosen);
  const auto about_one = [&](const char* name, const char* meaning, Action action) {
    auto* command = devices->add_subcommand(name, meaning);
    common(*command);
    add_device_argument(*command, arguments->manage);
    command->callback([chosen, action] { chosen(action); });
    return command;
  };
  about_one("revoke", "Throw a device out of the network", Action::kRevoke)
      ->add_flag("-y,--yes", arguments->manage.yes, "Do not ask back");
  about_one("renew", "Let a device in again that was away for too long", Action::kRenew);
  about_one("rename", "Give a device another name", Action::kRename)
      ->add_option("name", arguments->manage.rename, "The new name")
      ->required()
      ->type_name("NEW-NAME");
  about_one("forget", "Let any device have the name of a revoked one", Action::kForget);
}

void add_trust(CLI::App& app, Run& run) {
  auto arguments = std::make_shared<TrustArguments>();
  auto* command = app.get_subcommand("devices")->add_subcommand(
      "trust", "Take the new key of a device that was set up anew; without it another key is refused");
  add_config_option(*command, arguments->config);
  command->add_option("device", arguments->name, "Its name")->required()->type_name("NAME");
  command->callback([&run, arguments] { run = [arguments] { return run_trust(*arguments); }; });
}

void add_small(CLI::App& app, Run& run) {
  app.add_subcommand("genkey", "Print a new WireGuard private key")->callback([&run] { run = run_genkey; });
  app.add_subcommand("pubkey", "Print the public key of the private key on standard input")->callback([&run] {
    run = run_pubkey;
  });
  app.add_subcommand("version", "Print the version")->callback([&run] {
    run = [] {
      std::printf("bamgate %s\n", kVersion);
      return ExitCode::kDone;
    };
  });
  app.add_subcommand("man-page", "Print the manual page, for man")->group("")->callback([&run, &app] {
    run = [&app] {
      std::printf("%s", man_page(app).c_str());
      return ExitCode::kDone;
    };
  });
  // Its words are read before the rest (help_as_option), so it never runs.
  app.add_subcommand("help", "Print this help, or that of a command")
      ->add_option("command", "Which command, as in 'help hub token'")
      ->expected(0, -1)
      ->type_name("COMMAND");
}

/// Without this, what follows a command may be another one, and both would count.
void one_command_on_a_line(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) one_command_on_a_line(*command);
  if (app.get_require_subcommand_max() == 0) app.require_subcommand(-1);
}

int run_command(int argc, char** argv) {
  log_to_stderr();
  CLI::App app("A private network for your own machines: WireGuard over WebRTC data channels.", "bamgate");
  app.set_version_flag("--version", std::string("bamgate ") + kVersion);
  const std::vector<std::string> given(argv + 1, argv + argc);
  app.failure_message([&](const CLI::App*, const CLI::Error& error) { return usage_message(app, error, given); });
  Run run;
  add_hub(app, run);
  add_device_commands(app, run);
  add_devices(app, run);
  add_trust(app, run);
  add_lab(app, run);
  add_small(app, run);
  if (argc > 1 && given.front() == "complete") {
    // Before parsing: the words of an unfinished line are not arguments of ours.
    print_candidates(complete(app, std::vector<std::string>(argv + 2, argv + argc)));
    return static_cast<int>(ExitCode::kDone);
  }
  one_command_on_a_line(app);
  auto words = help_as_option(app, given);
  if (!words) {
    std::fprintf(stderr, "%s", words.error().c_str());
    return static_cast<int>(ExitCode::kUsage);
  }
  std::ranges::reverse(*words);  // as CLI11 wants them
  try {
    app.parse(std::move(*words));
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;  // --help, --version
    // Through stdout, which keeps the reason when it cannot be written.
    std::ostringstream said;
    const int code = app.exit(error, said, std::cerr);
    std::fputs(said.str().c_str(), stdout);
    return asked ? code : static_cast<int>(ExitCode::kUsage);
  }
  if (!run) {
    std::fprintf(stderr, "%s", app.help().c_str());
    return static_cast<int>(ExitCode::kUsage);
  }
  try {
    return static_cast<int>(run());
  } catch (const os::AnswerLost&) {
    throw;
  } catch (const std::exception& error) {
    return static_cast<int>(fail(ExitCode::kFailed, error.what()));
  }
}

/// Every command ends here: what it printed has arrived, or it has failed. A reader that ends early (`| head`) is no
/// exception, unless the command prints on and on and the reader has had a part: then it has seen enough.
int main(int argc, char** argv) {
  try {
    const int code = run_command(argc, argv);
    const auto number = os::lost_output(stdout);
    if (!number) return code;
    fail(ExitCode::kFailed, os::lost_answer(*number));
    return code != 0 ? code : static_cast<int>(ExitCode::kFailed);
  } catch (const os::AnswerLost& lost) {
    const bool enough = lost.number() == EPIPE && lost.has_begun();
    return static_cast<int>(enough ? ExitCode::kDone : fail(ExitCode::kFailed, lost.what()));
  }
}

}  // namespace
}  // namespace bamgate::cli

int main(int argc, char** argv) {
  using namespace bamgate;
  os::open_standard_descriptors();
  os::ignore_write_signals();
  os::protect_memory();
  os::collect_answer();
  std::vector<std::string> arguments = os::take_arguments(argc, argv, "--join", "bamgate://");
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  return cli::main(argc, pointers.data());
}
