// The commands of the program, each in a file command_NAME.cc. Arguments are what main.cc read from the command line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "cli/management.h"
#include "net/capture.h"
#include "os/failure.h"

namespace bamgate::cli {

struct HubArguments {
  std::string listen = "0.0.0.0:8443";
  std::string data = "/var/lib/bamgate-hub";
  std::string public_url;
  std::string subnet;
  std::string stun;  // empty: the listen host on port 3478; "off": none
  bool plain_http = false;
  std::string tls_cert;
  std::string tls_key;
  std::string github;  // login of the owner; empty: no sign-in by GitHub
  std::string github_api = "https://api.github.com";
  std::string log_format = "text";  // or "json"
  bool begin_new = false;           // though a part of another hub is there
  std::string device_lifetime = "180d";
  bool verbose = false;
};
ExitCode run_hub(const HubArguments& arguments);

struct HubTokenArguments {
  std::string data = "/var/lib/bamgate-hub";
  std::int64_t uses = 1;
  std::string ttl = "24h";
  bool admin = false;
  std::string for_name;  // as of DevicesArguments
  bool qr = false;
};
ExitCode run_hub_token(const HubTokenArguments& arguments);

struct HubManageArguments {
  std::string data = "/var/lib/bamgate-hub";
  Management manage;
};
ExitCode run_hub_manage(const HubManageArguments& arguments);

struct HubRotateKeysArguments {
  std::string data = "/var/lib/bamgate-hub";
};
ExitCode run_hub_rotate_keys(const HubRotateKeysArguments& arguments);

struct HubBackupArguments {
  std::string data = "/var/lib/bamgate-hub";
  std::string file;
};
ExitCode run_hub_backup(const HubBackupArguments& arguments);

struct HubRestoreArguments {
  std::string data = "/var/lib/bamgate-hub";
  std::string file;
  bool force = false;  // replace what is in the folder
};
ExitCode run_hub_restore(const HubRestoreArguments& arguments);

struct SetupArguments {
  std::string config;
  std::string join;  // empty: ask on a terminal; "-": standard input
  std::string name;
};
ExitCode run_setup(const SetupArguments& arguments);

struct UpArguments {
  std::string config;
  bool verbose = false;
  bool detach = false;  // in the background, or as the service
  net::CaptureFiles capture = {};
};
ExitCode run_up(const UpArguments& arguments);

ExitCode run_down(const std::string& config);
/// Down, and up again in the background with the options that it had.
ExitCode run_restart(const std::string& config);

struct LogsArguments {
  std::string config;
  bool follow = false;
};
ExitCode run_logs(const LogsArguments& arguments);

struct DoctorArguments {
  std::string config;
  bool json = false;
};
ExitCode run_doctor(const DoctorArguments& arguments);

struct StatusArguments {
  std::string config;
  bool json = false;
  bool watch = false;    // again each second
  bool verbose = false;  // with what was counted
};
ExitCode run_status(const StatusArguments& arguments);

struct DevicesArguments {
  std::string config;
  Management manage;
  bool add = false;  // make a join string instead
  std::int64_t uses = 1;
  std::string ttl = "24h";
  bool admin = false;
  std::string for_name;  // the only device name that it lets in; empty: any that is free
};
ExitCode run_devices(const DevicesArguments& arguments);

struct TrustArguments {
  std::string config;
  std::string name;
};
ExitCode run_trust(const TrustArguments& arguments);

ExitCode run_genkey();
ExitCode run_pubkey();

}  // namespace bamgate::cli
