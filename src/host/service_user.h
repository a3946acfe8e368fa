// The users that bamgate's services run as, and becoming one of them after a start as root. The owner of a folder
// decides: what belongs to the service's user is worked on as that user, everything else as whoever started the
// program.
#pragma once

#include <expected>
#include <filesystem>

#include "host/config_folder.h"

namespace bamgate::host {

/// Gives a device's configuration folder, with the files in it, to the user `bamgate`: when root asks, that user exists
/// and can get there, the folder is still root's, and nothing but a device's files is in it. Otherwise it stays as it
/// is.
void hand_over(const ConfigFolder& folder);

/// Makes the folder of the control socket. Root becomes the user `bamgate` when the configuration folder is that
/// user's, and keeps CAP_NET_ADMIN, and for keep_device_rights() to give up, access to /dev/net/tun.
std::expected<void, Failure> become_device_user(const ConfigFolder& folder);
/// Gives up all but CAP_NET_ADMIN, once the interface is there; nothing where become_device_user() did nothing.
std::expected<void, Failure> keep_device_rights();

/// Root becomes the user `bamgate-hub` when the data folder is that user's, and keeps what it needs for opening ports
/// and reading a certificate, until keep_no_rights().
std::expected<void, Failure> become_hub_user(const std::filesystem::path& data);
/// Gives up every capability, once everything is open; nothing where become_hub_user() did nothing.
std::expected<void, Failure> keep_no_rights();

}  // namespace bamgate::host
