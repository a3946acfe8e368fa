#include "host/service_user.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "os/file.h"
#include "os/privileges.h"

namespace bamgate::host {
namespace {

constexpr const char* kDeviceUser = "bamgate";
constexpr const char* kHubUser = "bamgate-hub";

std::expected<void, Failure> or_failure(const std::expected<void, os::OsError>& done) {
  if (done) return {};
  return std::unexpected(Failure{ExitCode::kFailed, done.error().text});
}

/// A folder that holds other things is not ours to give away: somebody may have said --config /etc.
bool holds_only_device_files(const ConfigFolder& folder) {
  constexpr std::array<std::string_view, 10> kOurs = {
      "config.toml", "secrets.toml", "pins",         "agent.lock",        "setup.lock",
      "agent.log",   "agent.1.log",  "control.sock", ".config.toml.room", ".secrets.toml.room"};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path(), error)) {
    if (std::ranges::find(kOurs, entry.path().filename().string()) == kOurs.end()) return false;
  }
  return !error;
}

/// The account when root works on a path of that user; else there is nobody to become.
std::optional<os::Account> owner_to_become(const char* name, const std::filesystem::path& path) {
  if (!os::is_root()) return std::nullopt;
  const auto account = os::find_account(name);
  if (!account || !os::belongs_to(path, *account)) return std::nullopt;
  return account;
}

}  // namespace

void hand_over(const ConfigFolder& folder) {
  if (!os::is_root()) return;
  const auto account = os::find_account(kDeviceUser);
  constexpr os::Account kRoot{};
  if (!account || !os::belongs_to(folder.path(), kRoot) || !os::is_reachable_by_all(folder.path()) ||
      !holds_only_device_files(folder)) {
    return;
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path(), ignored)) {
    (void)os::give_to(entry.path(), *account);
  }
  (void)os::give_to(folder.path(), *account);  // last: until then this can be repeated
}

std::expected<void, Failure> become_device_user(const ConfigFolder& folder) {
  const auto run_folder = folder.control_socket().parent_path();
  if (const auto made = os::ensure_directory(run_folder, 0755); !made) return or_failure(made);
  const auto account = owner_to_become(kDeviceUser, folder.path());
  if (!account) return {};
  if (const auto given = os::give_to(run_folder, *account); !given) return or_failure(given);
  return or_failure(os::become(*account, {os::Capability::kNetAdmin, os::Capability::kDacOverride}));
}

std::expected<void, Failure> keep_device_rights() {
  if (os::is_root()) return {};
  return or_failure(os::keep_only({os::Capability::kNetAdmin}));
}

std::expected<void, Failure> become_hub_user(const std::filesystem::path& data) {
  const auto account = owner_to_become(kHubUser, data);
  if (!account) return {};
  return or_failure(os::become(*account, {os::Capability::kNetBindService, os::Capability::kDacReadSearch}));
}

std::expected<void, Failure> keep_no_rights() {
  if (os::is_root()) return {};
  return or_failure(os::keep_only({}));
}

}  // namespace bamgate::host
