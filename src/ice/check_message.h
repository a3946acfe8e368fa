// The STUN messages of a connectivity check (RFC 8445 §7): written and read, authenticated with the short-term
// credentials.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "core/crypto.h"
#include "ice/credentials.h"
#include "ice/error.h"
#include "ice/pair.h"
#include "stun/message.h"

namespace bamgate::ice {

/// A check as it goes out.
struct OutgoingCheck {
  stun::TransactionId id{};
  Role role = Role::kControlling;
  std::uint64_t tie_breaker = 0;
  std::uint32_t priority = 0;
  bool use_candidate = false;
};

/// A check as it came in, authenticated.
struct IncomingCheck {
  stun::TransactionId id{};
  std::string remote_ufrag;
  std::uint32_t priority = 0;
  std::optional<Role> role;  // the sender's
  std::uint64_t tie_breaker = 0;
  bool use_candidate = false;
  std::optional<std::uint16_t> refusal;           // the error to answer with: 400 (no PRIORITY) or 420
  std::vector<std::uint16_t> unknown_attributes;  // comprehension-required ones, for 420
};

/// RFC 8445 §7.2.2: USERNAME is "remote:local", the key is the remote password.
std::vector<std::byte> write_check(Crypto& crypto, const OutgoingCheck& check, const Credentials& local,
                                   const Credentials& remote);

/// RFC 8445 §7.3: reads a Binding request that is meant for `local`. One that is authentic but cannot be taken up comes
/// back with `refusal`. Errors: kBadUsername, kBadIntegrity.
std::expected<IncomingCheck, Error> read_check(Crypto& crypto, const stun::Message& request, const Credentials& local);

/// RFC 8445 §7.3.1.2: success, with the address that the check came from. The key is the local password.
std::vector<std::byte> write_check_success(Crypto& crypto, const stun::TransactionId& id, const Endpoint& from,
                                           const Credentials& local);
/// The address in a success response; nullopt when there is none, or when the response asks for what nobody here knows
/// (RFC 8489 §6.3.3: the transaction has failed then).
std::optional<Endpoint> read_check_success(const stun::Message& response);
/// An error response; `unknown` is for 420.
std::vector<std::byte> write_check_error(Crypto& crypto, const stun::TransactionId& id, std::uint16_t code,
                                         const std::vector<std::uint16_t>& unknown, const Credentials& local);

}  // namespace bamgate::ice
