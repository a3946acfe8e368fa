// bamgate doctor: what this machine, its network and its hub let bamgate do, and what to do about the rest.
#include <unistd.h>

#include <cstdio>

#include "cli/commands.h"
#include "cli/control.h"
#include "cli/doctor_text.h"
#include "cli/hub_login.h"
#include "cli/terminal.h"
#include "doctor/examine.h"
#include "json/write.h"

namespace bamgate::cli {
namespace {

/// What can be read of the folder: without root that may be the configuration alone, and without a setup nothing.
void read_folder(const host::ConfigFolder& folder, doctor::Subject& subject, std::optional<host::Device>& device) {
  if (!folder.has_device()) return;
  auto config = folder.load_config();
  if (!config) {
    subject.trouble = config.error().text;
    return;
  }
  subject.config = *config;
  auto all = folder.load();
  if (!all) {
    subject.trouble = all.error().text;
    return;
  }
  subject.secrets = all->secrets;
  device = std::move(*all);
}

}  // namespace

ExitCode run_doctor(const DoctorArguments& arguments) {
  net::Loop loop;
  const host::ConfigFolder folder(arguments.config);
  doctor::Subject subject;
  std::optional<host::Device> device;
  read_folder(folder, subject, device);
  if (auto status = ask_agent(loop, folder, "status")) subject.status = std::move(*status);
  subject.login = [&]() -> std::expected<std::string, Failure> {
    if (!device) return std::unexpected(Failure{ExitCode::kFailed, "the secrets of this device cannot be read here"});
    HubLogin login(loop, folder, *device);
    if (auto done = login.renew(); !done) return std::unexpected(done.error());
    return login.token();
  };
  const bool shows_progress = is_terminal(STDERR_FILENO) && !arguments.json;
  const auto findings = doctor::examine(loop, subject, [&](const std::string& what) {
    if (shows_progress) std::fprintf(stderr, "%s...\n", what.c_str());
  });
  if (arguments.json) {
    std::printf("%s\n", json::write(doctor_json(findings)).c_str());
  } else {
    std::fputs(doctor_text(findings, use_colour(STDOUT_FILENO)).c_str(), stdout);
  }
  return doctor::direct_is_possible(findings) ? ExitCode::kDone : ExitCode::kFailed;
}

}  // namespace bamgate::cli
