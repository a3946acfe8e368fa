#include "hub/registration.h"

#include <array>
#include <optional>

#include "core/encoding.h"
#include "hub/addresses.h"
#include "hub/join_tokens.h"

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

std::expected<Device, HttpReply> add_device(Context& context, UnixTime unix_now, const RegistrationRequest& request,
                                            std::string_view owner) {
  if (!request.public_key.empty() && find_device_by_key(context.database, request.public_key)) {
    return std::unexpected(error_reply(409, "key_taken",
                                       "Another device is registered with this public key; make a new key with "
                                       "'bamgate genkey', or revoke that device."));
  }
  const auto host = lowest_free_host(context.settings.subnet, taken_hosts(context.database));
  if (!host) {
    return std::unexpected(error_reply(507, "no_address_left",
                                       "Every address of the hub's subnet is taken; revoke devices that are not needed "
                                       "any more."));
  }
  Device device;
  device.id = random_device_id(context.random);
  device.name = request.name;
  device.owner = owner;
  device.public_key = request.public_key;
  device.host = *host;
  device.created_at = unix_now;
  insert_device(context.database, device);
  return device;
}

/// The same key under the same name is the same device (its reply was lost, or it starts afresh): same id and address,
/// new credentials.
Device renew_device(Context& context, Device device) {
  ++device.credential_generation;
  set_credential_generation(context.database, device.id, device.credential_generation);
  return device;
}

std::expected<Registration, HttpReply> try_register(Context& context, UnixTime unix_now,
                                                    const RegistrationRequest& request) {
  const JoinCheck check =
      check_join_token(context.database, context.crypto, unix_now, request.join_token, request.public_key);
  if (auto refused = refuse_token(check.verdict)) return std::unexpected(std::move(*refused));
  auto present = find_device_by_name(context.database, request.name);
  if (present && (request.public_key.empty() || request.public_key != present->public_key)) {
    return std::unexpected(
        error_reply(409, "name_taken", "Another device has this name; choose another one, or revoke that device."));
  }
  Registration result;
  result.again = present.has_value();
  if (present) {
    result.device = renew_device(context, std::move(*present));
  } else {
    auto added = add_device(context, unix_now, request, check.owner);
    if (!added) return std::unexpected(std::move(added.error()));
    result.device = std::move(*added);
  }
  result.refresh = begin_refresh_tokens(context.database, context.crypto, context.random, unix_now, result.device.id);
  consume_join_token(context.database, context.crypto, request.join_token, check.verdict, request.public_key,
                     result.device.id);
  return result;
}

}  // namespace

std::expected<Registration, HttpReply> register_device(Context& context, UnixTime unix_now,
                                                       const RegistrationRequest& request) {
  std::expected<Registration, HttpReply> result = std::unexpected(internal_error());
  const bool committed = context.database.transaction([&] {
    result = try_register(context, unix_now, request);
    return result.has_value();
  });
  if (context.database.failed() || (result && !committed)) return std::unexpected(internal_error());
  return result;
}

}  // namespace bamgate::hub
