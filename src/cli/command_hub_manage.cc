// bamgate hub devices, revoke, renew, forget, tokens: whoever holds the hub needs no device. The hub may be running.
#include "cli/commands.h"
#include "host/hub_control.h"
#include "host/hub_folder.h"
#include "json/write.h"

namespace bamgate::cli {

ExitCode run_hub_manage(const HubManageArguments& arguments) {
  const host::HubFolder folder(arguments.data);
  net::Loop loop;
  const AskHub ask = [&](const std::string& method, const std::string& target, const json::Value& body) {
    return host::ask_local_hub(loop, folder, {method, target, body.is_null() ? "" : json::write(body)});
  };
  return manage(arguments.manage, ask, "", "bamgate hub");
}

}  // namespace bamgate::cli
