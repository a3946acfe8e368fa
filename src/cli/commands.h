// The commands of the program, each in a file command_NAME.cc. Arguments are what main.cc read from the command line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "cli/output.h"

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
};
ExitCode run_hub(const HubArguments& arguments);

struct HubTokenArguments {
  std::string data = "/var/lib/bamgate-hub";
  std::int64_t uses = 1;
  std::string ttl = "24h";
  bool qr = false;
};
ExitCode run_hub_token(const HubTokenArguments& arguments);

struct SetupArguments {
  std::string config;
  std::string join;  // empty: ask on a terminal; "-": standard input
  std::string name;
};
ExitCode run_setup(const SetupArguments& arguments);

struct UpArguments {
  std::string config;
  bool verbose = false;
};
ExitCode run_up(const UpArguments& arguments);

ExitCode run_down(const std::string& config);

struct StatusArguments {
  std::string config;
  bool json = false;
};
ExitCode run_status(const StatusArguments& arguments);

struct DevicesArguments {
  std::string config;
  bool json = false;
  std::string revoke;  // device id or name; empty: list
  bool add = false;    // make a join string
  bool yes = false;    // do not ask back
};
ExitCode run_devices(const DevicesArguments& arguments);

ExitCode run_genkey();
ExitCode run_pubkey();

}  // namespace bamgate::cli
