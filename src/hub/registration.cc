#include "hub/registration.h"

#include <array>
#include <functional>
#include <optional>

#include "core/encoding.h"
#include "hub/addresses_given.h"
#include "hub/device_keys.h"
#include "hub/join_tokens.h"
#include "hub/names.h"

namespace bamgate::hub {
namespace {

/// The reply to a token that does not let anybody in; nullopt for one that does.
std::optional<HttpReply> refuse_token(JoinVerdict verdict) {
  constexpr std::string_view kNext = " Make a new one with 'bamgate hub token' or 'bamgate devices add'.";
  const auto reply = [&](std::string_view code, std::string_view what) {
    return error_reply(401, code, std::string(what).append(kNext));
  };
  switch (verdict) {
    case JoinVerdict::kUnknown:
      return reply("invalid_join_token", "This hub does not know the join token.");
    case JoinVerdict::kExpired:
      return reply("join_token_expired", "The join token has expired.");
    case JoinVerdict::kUsedUp:
      return reply("join_token_used", "The join token has been used.");
    case JoinVerdict::kFresh:
    case JoinVerdict::kPresented:
      return std::nullopt;
  }
  return internal_error();
}

std::string random_device_id(Random& random) {
  std::array<std::byte, 16> bytes{};
  random.fill(bytes);
  return to_hex(bytes);
}

/// A device is its key: nobody else may have it.
std::optional<HttpReply> refuse_taken_key(Context& context, const Newcomer& newcomer, std::string_view own_id) {
  if (newcomer.public_key.empty()) return std::nullopt;
  const auto holder = find_device_by_key(context.database, newcomer.public_key);
  if (!holder || holder->id == own_id) return std::nullopt;
  return error_reply(409, "key_taken",
                     "Another device is registered with this public key; make a new key with 'bamgate genkey', or "
                     "revoke that device.");
}

HttpReply name_taken() {
  return error_reply(409, "name_taken", "Another device has this name; choose another one, or revoke that device.");
}

HttpReply name_rests_reply(const std::string& name) {
  return error_reply(409, "name_taken",
                     "Another device had this name, and it rests: choose another one, or ask for a join string that is "
                     "made for it ('bamgate devices add --for " +
                         name + "').");
}

HttpReply wrong_name(const std::string& name) {
  return error_reply(403, "wrong_name",
                     "This join token is for a device called '" + name + "' and no other: use that name.");
}

/// protocol.md: the network's first device is an administrator. Whatever becomes of it, no other one is the first.
bool is_first_device(Context& context, const std::string& id) {
  return context.database.one("INSERT OR IGNORE INTO settings(name, value) VALUES('first_device', ?1) RETURNING 1", id)
      .has_value();
}

std::expected<Device, HttpReply> add_device(Context& context, UnixTime unix_now, const Newcomer& newcomer,
                                            std::string_view owner, Role role) {
  if (auto taken = refuse_taken_key(context, newcomer, {})) return std::unexpected(std::move(*taken));
  const auto host = take_host(context.database, context.settings.subnet);
  if (!host) {
    return std::unexpected(error_reply(507, "no_address_left",
                                       "Every address of the hub's subnet is taken; revoke devices that are not needed "
                                       "any more."));
  }
  Device device;
  device.id = random_device_id(context.random);
  device.name = newcomer.name;
  device.owner = owner;
  device.public_key = newcomer.public_key;
  device.host = *host;
  device.created_at = unix_now;
  device.role = is_first_device(context, device.id) ? Role::kAdmin : role;
  wake_name(context.database, device.name);
  insert_device(context.database, device);
  return device;
}

/// New credentials; the tokens and the TURN secret of before end.
void renew_credentials(Context& context, Device& device) {
  ++device.credential_generation;
  set_credential_generation(context.database, device.id, device.credential_generation);
}

/// The same key under the same name is the same device (its reply was lost, or it starts afresh).
bool is_same_device(const Device& device, const Newcomer& newcomer) {
  return !newcomer.public_key.empty() && newcomer.public_key == device.public_key;
}

/// A device that is there gains by what it comes with, and loses nothing: a network must not end without administrator.
void raise_role(Context& context, Device& device, Role role) {
  if (role != Role::kAdmin || device.role == Role::kAdmin) return;
  device.role = role;
  set_role(context.database, device.id, role);
}

std::expected<Registration, HttpReply> register_again(Context& context, Device present, Role role) {
  Registration result;
  result.arrival = Arrival::kAgain;
  result.device = std::move(present);
  renew_credentials(context, result.device);
  raise_role(context, result.device, role);
  return result;
}

std::expected<Registration, HttpReply> register_new(Context& context, UnixTime unix_now, std::string_view owner,
                                                    const Newcomer& newcomer, Role role) {
  auto added = add_device(context, unix_now, newcomer, owner, role);
  if (!added) return std::unexpected(std::move(added.error()));
  Registration result;
  result.device = std::move(*added);
  return result;
}

/// protocol.md: same id, same address, new credentials, new key. Without a key the next join says which one it is: a
/// device that only signs in anew keeps its own.
std::expected<Registration, HttpReply> take_over(Context& context, Device present, const Newcomer& newcomer) {
  if (auto taken = refuse_taken_key(context, newcomer, present.id)) return std::unexpected(std::move(*taken));
  Registration result;
  result.arrival = Arrival::kTakenOver;
  result.device = std::move(present);
  if (newcomer.public_key.empty()) {
    release_key(context.database, result.device);
  } else {
    result.retired = bind_key(context.database, result.device, newcomer.public_key, context.clock.lived());
  }
  result.device.public_key = newcomer.public_key;
  renew_credentials(context, result.device);
  raise_role(context, result.device, Role::kAdmin);
  end_join_tokens_of(context.database, result.device.id);
  return result;
}

std::expected<Registration, HttpReply> try_token(Context& context, UnixTime unix_now, const std::string& join_token,
                                                 const Newcomer& newcomer) {
  const JoinCheck check = check_join_token(context, join_token, newcomer.public_key);
  if (auto refused = refuse_token(check.verdict)) return std::unexpected(std::move(*refused));
  const bool made_for_it = check.name == newcomer.name;
  if (!made_for_it && !check.name.empty()) return std::unexpected(wrong_name(check.name));
  auto present = find_device_by_name(context.database, newcomer.name);
  if (present && !is_same_device(*present, newcomer)) return std::unexpected(name_taken());
  if (!present && !made_for_it && name_rests(context.database, newcomer.name)) {
    return std::unexpected(name_rests_reply(newcomer.name));
  }
  auto result = present ? register_again(context, std::move(*present), check.role)
                        : register_new(context, unix_now, check.owner, newcomer, check.role);
  if (result) consume_join_token(context, join_token, check.verdict, newcomer.public_key, result->device.id);
  return result;
}

std::expected<Registration, HttpReply> try_owner(Context& context, UnixTime unix_now, std::string_view owner,
                                                 const Newcomer& newcomer) {
  auto present = find_device_by_name(context.database, newcomer.name);
  if (!present) return register_new(context, unix_now, owner, newcomer, Role::kAdmin);
  if (is_same_device(*present, newcomer)) return register_again(context, std::move(*present), Role::kAdmin);
  if (present->owner != owner) return std::unexpected(name_taken());
  return take_over(context, std::move(*present), newcomer);
}

/// `attempt` in one transaction, and the credentials that come with its success.
std::expected<Registration, HttpReply> in_transaction(
    Context& context, const std::function<std::expected<Registration, HttpReply>()>& attempt) {
  std::expected<Registration, HttpReply> result = std::unexpected(internal_error());
  const bool committed = context.database.transaction([&] {
    result = attempt();
    if (result) result->refresh = begin_refresh_tokens(context, result->device.id);
    return result.has_value();
  });
  if (context.database.failed() || (result && !committed)) return std::unexpected(internal_error());
  return result;
}

}  // namespace

std::expected<Registration, HttpReply> register_by_token(Context& context, UnixTime unix_now,
                                                         const std::string& join_token, const Newcomer& newcomer) {
  return in_transaction(context, [&] { return try_token(context, unix_now, join_token, newcomer); });
}

std::expected<Registration, HttpReply> register_by_owner(Context& context, UnixTime unix_now, std::string_view owner,
                                                         const Newcomer& newcomer) {
  return in_transaction(context, [&] { return try_owner(context, unix_now, owner, newcomer); });
}

}  // namespace bamgate::hub
