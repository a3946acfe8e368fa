#include "os/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "os/process_start.h"

namespace bamgate::os {
namespace {

using CapabilityData = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

std::unexpected<OsError> failure(std::string_view what, int number = errno) {
  return std::unexpected(
      system_failure(std::string("cannot give up the rights of root: ") + std::string(what), number));
}

std::unexpected<OsError> way_back(std::string_view what) {
  return std::unexpected(
      OsError{Error::kSystem, 0, "cannot give up the rights of root: " + std::string(what) + "; this is refused"});
}

std::optional<CapabilityData> read_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  CapabilityData data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) return std::nullopt;
  return data;
}

CapabilityData wanted(std::initializer_list<Capability> keep) {
  CapabilityData data{};
  for (const Capability one : keep) {
    const unsigned number = std::to_underlying(one);
    auto& word = data.at(CAP_TO_INDEX(number));
    word.effective |= CAP_TO_MASK(number);
    word.permitted |= CAP_TO_MASK(number);
  }
  return data;
}

/// What programs that are started later may have at the most: nothing.
std::expected<void, OsError> empty_bounding_set() {
  for (int number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; ++number) {
    if (prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) {
      return failure("PR_CAPBSET_DROP");
    }
  }
  return {};
}

/// The proof: all user and group ids are the account's, and asking for root's fails.
std::expected<void, OsError> check_no_way_back(const Account& account) {
  std::array<uid_t, 3> users{};
  std::array<gid_t, 3> groups{};
  if (getresuid(&users[0], &users[1], &users[2]) != 0 || getresgid(&groups[0], &groups[1], &groups[2]) != 0) {
    return failure("getresuid");
  }
  for (const uid_t user : users) {
    if (user != account.user) return way_back("a user id is still another");
  }
  for (const gid_t group : groups) {
    if (group != account.group) return way_back("a group id is still another");
  }
  if (getgroups(0, nullptr) != 0) return way_back("groups are left");
  if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0) return way_back("root can be had back");
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return way_back("no_new_privs is not set");
  return {};
}

}  // namespace

bool is_root() { return geteuid() == 0; }

bool has_net_admin() {
  const auto data = read_capabilities();
  return data && (data->at(CAP_TO_INDEX(CAP_NET_ADMIN)).effective & CAP_TO_MASK(CAP_NET_ADMIN)) != 0;
}

std::optional<Account> find_account(const std::string& name) {
  std::vector<char> room(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found) != 0 || found == nullptr) return std::nullopt;
  return Account{found->pw_uid, found->pw_gid};
}

bool belongs_to(const std::filesystem::path& path, const Account& account) {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0 && status.st_uid == account.user;
}

bool is_reachable_by_all(const std::filesystem::path& path) {
  for (auto folder = path.parent_path();; folder = folder.parent_path()) {
    struct stat status{};
    if (stat(folder.c_str(), &status) != 0 || (status.st_mode & S_IXOTH) == 0) return false;
    if (folder == folder.root_path()) return true;
  }
}

std::expected<void, OsError> give_to(const std::filesystem::path& path, const Account& account) {
  if (lchown(path.c_str(), account.user, account.group) == 0) return {};
  return std::unexpected(system_failure("cannot change the owner of " + path.string(), errno));
}

std::expected<void, OsError> become(const Account& account, std::initializer_list<Capability> keep) {
  if (auto done = empty_bounding_set(); !done) return done;
  if (setgroups(0, nullptr) != 0) return failure("setgroups");
  // Changing the user id would take all capabilities; they are kept across it, and cut down right after.
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return failure("PR_SET_KEEPCAPS");
  if (setresgid(account.group, account.group, account.group) != 0) return failure("setresgid");
  if (setresuid(account.user, account.user, account.user) != 0) return failure("setresuid");
  if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) return failure("PR_SET_KEEPCAPS");
  if (auto done = keep_only(keep); !done) return done;
  return check_no_way_back(account);
}

std::expected<void, OsError> keep_only(std::initializer_list<Capability> keep) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failure("PR_SET_NO_NEW_PRIVS");
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return failure("PR_CAP_AMBIENT");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  CapabilityData data = wanted(keep);
  if (syscall(SYS_capset, &header, data.data()) != 0) return failure("capset");
  const auto now = read_capabilities();
  for (std::size_t word = 0; word < data.size(); ++word) {
    if (!now || now->at(word).permitted != data.at(word).permitted || now->at(word).inheritable != 0) {
      return way_back("capabilities are left");
    }
  }
  protect_memory();  // prctl(2): a change of user gives this process back to its user's eyes
  return {};
}

}  // namespace bamgate::os
