// Names of devices: [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?, which also serve as peer id and TURN user.
#pragma once

#include <string>
#include <string_view>

namespace bamgate::os {

/// Makes a device name of any text: its first label in lower case, each run of other characters as one hyphen, cut to
/// 63 characters. "device" when nothing is left.
[[nodiscard]] std::string clean_device_name(std::string_view text);

/// The machine's host name as a device name.
[[nodiscard]] std::string default_device_name();

}  // namespace bamgate::os
