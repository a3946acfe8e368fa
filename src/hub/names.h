// Which names rest (protocol.md, "Names and addresses"). Others know a device by its name, and accept its routes by it:
// so the name of a revoked device, and the one that a device had before it was renamed, is not for whoever comes first.
// It goes to a join token that was made for it, to the owner who signs in, or is free once that device is forgotten.
#pragma once

#include <string_view>

#include "hub/database.h"
#include "hub/devices.h"

namespace bamgate::hub {

/// True when `name` was another device's than `own_id`, revoked or renamed since.
bool name_rests(Database& database, std::string_view name, std::string_view own_id = {});
/// From now on `device` is called `name`; the name before rests.
void rename_device(Database& database, const Device& device, std::string_view name);
/// A device of this id was called `name` before.
bool was_called(Database& database, std::string_view id, std::string_view name);
/// What `id` was called before is free. To be called when it is forgotten.
void free_former_names(Database& database, std::string_view id);
/// `name` is a device's again, by a token that was made for it.
void wake_name(Database& database, std::string_view name);

}  // namespace bamgate::hub
