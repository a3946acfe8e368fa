// Which host parts were ever given, and to whom not again yet (protocol.md, "Names and addresses"). Peers accept a
// device's routes and people write down its address: one that was revoked is given again only when there is no other.
//
//   never given --take_host()--> held --rest_host()--> rests, behind all that rest already
//                                 ^------take_host(), only when nothing is left that was never given----/
#pragma once

#include <cstdint>
#include <optional>

#include "core/ip_address.h"
#include "hub/database.h"

namespace bamgate::hub {

/// The lowest host part of `subnet` that was never given, or the one that has rested longest; from now on it is held.
/// nullopt: all are held (or the database failed).
std::optional<std::uint32_t> take_host(Database& database, const IpPrefix& subnet);
/// Its device was revoked.
void rest_host(Database& database, std::uint32_t host);

}  // namespace bamgate::hub
