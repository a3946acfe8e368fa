// A hub's data folder as one file, and back. The file is a tar (tar.h) of hub.db, hub-key.pem, hub-cert.pem and
// hub.json, as far as there are such files, and of SHA256SUMS over them as sha256sum(1) writes it: whoever has no
// bamgate at hand can bring it back with tar, and each byte is checked. It holds all of the hub's secrets.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "host/hub_folder.h"

namespace bamgate::host {

/// Writes the backup to `file` (0600), which must not be there yet. A hub may be running. The error is a sentence.
std::expected<void, std::string> back_up_hub(const HubFolder& folder, const std::filesystem::path& file);

/// Makes the data folder what it was at the time of the backup, and tells the hub that runs in it, if one does: that
/// hub must have the backup's certificate, and only the database changes, in one transaction. Otherwise the lock of
/// the hub is held meanwhile; when that is interrupted, the folder may hold some files of both: it is to be repeated.
/// The file is checked before anything is changed; a folder that is not empty is refused unless `force`. True: a hub
/// runs there and goes on. The error is a sentence.
std::expected<bool, std::string> restore_hub(const HubFolder& folder, const std::filesystem::path& file, bool force);

}  // namespace bamgate::host
