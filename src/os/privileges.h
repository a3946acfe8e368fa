// What this process is allowed to do, and giving it up: a program started as root opens what needs root, then goes on
// as a user of its own with the few capabilities that it needs (capabilities(7)) and no way back. Left out: file
// capabilities and user namespaces.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>

#include "os/os_error.h"

namespace bamgate::os {

/// The capabilities that a bamgate program has use for; the numbers are those of the kernel.
enum class Capability : std::uint8_t {
  kDacOverride = 1,      // files that belong to others
  kDacReadSearch = 2,    // the same, for reading alone
  kNetBindService = 10,  // ports below 1024
  kNetAdmin = 12,        // interfaces, addresses, routes, SO_MARK
};

/// A user of this machine with its own group.
struct Account {
  uid_t user = 0;
  gid_t group = 0;
};

/// True when the effective user is root.
[[nodiscard]] bool is_root();

/// True when this process may make interfaces and routes (CAP_NET_ADMIN in its effective set).
[[nodiscard]] bool has_net_admin();

/// The account of that name; none when this machine has no such user.
[[nodiscard]] std::optional<Account> find_account(const std::string& name);

/// True when `path` (a link is not followed) belongs to that user.
[[nodiscard]] bool belongs_to(const std::filesystem::path& path, const Account& account);

/// True when everybody may enter every folder above `path`, so that no other user is shut out on the way to it.
[[nodiscard]] bool is_reachable_by_all(const std::filesystem::path& path);

/// Gives `path` (a link itself, never what it leads to) to the account. Errors: kNotFound, kNotPermitted, kSystem.
[[nodiscard]] std::expected<void, OsError> give_to(const std::filesystem::path& path, const Account& account);

/// Root becomes that user, for good: no further groups, no capability but `keep`, none for programs that it starts, and
/// no program can raise it again (no_new_privs). Then it checks that root cannot be had back. Must be called before the
/// process has a second thread. Errors: kNotPermitted (the caller is not root, or root without the needed rights),
/// kSystem; after an error the process must end: it may be half-way.
[[nodiscard]] std::expected<void, OsError> become(const Account& account, std::initializer_list<Capability> keep);

/// Gives up every capability but `keep`, for good. The same rules as become(), for any user.
[[nodiscard]] std::expected<void, OsError> keep_only(std::initializer_list<Capability> keep);

}  // namespace bamgate::os
