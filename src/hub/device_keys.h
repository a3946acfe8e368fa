// Which public key a device holds, and which keys are worth nothing any more. Peers pin keys: they accept a device's
// new one only after they have been told that the old one has ended (protocol.md, `peer-revoked`).
//
//   held ----- another key is bound -----> retired (told for 90 days)
//     \---- release_key() ---> waiting ---- the first join brings another key, or the device is revoked ----> retired
//                                  \------- the first join brings it again ----> held
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "hub/database.h"
#include "hub/devices.h"
#include "signaling/message.h"

namespace bamgate::hub {

// All times here are lived ones (hub_clock.h): a wrong clock neither hides a revocation nor removes it.

/// Revocations that are told, and keys that are kept; the newest count.
inline constexpr std::int64_t kMaxRevocations = 1024;

/// From now on `device` holds `public_key`, and none that it held before. Returns what is retired by that: everybody is
/// to be told.
std::vector<std::string> bind_key(Database& database, const Device& device, const std::string& public_key,
                                  UnixTime lived);

/// `device` holds no key until its first join says which one.
void release_key(Database& database, const Device& device);

/// Retires what still waits for the first join of `device`, and returns it.
std::vector<std::string> retire_waiting_keys(Database& database, std::string_view device_id, UnixTime lived);

/// Name and key of what was revoked or retired within the last 90 days, the newest first, at most kMaxRevocations. Keys
/// that a device holds again are left out, and devices that never had a key.
std::vector<signaling::PeerRevoked> recent_revocations(Database& database, UnixTime lived);

}  // namespace bamgate::hub
