// What this process is allowed to do. Dropping privileges is left out for now.
#pragma once

namespace bamgate::os {

/// True when the effective user is root.
[[nodiscard]] bool is_root();

/// True when this process may make interfaces and routes (CAP_NET_ADMIN in its effective set; capabilities(7)).
[[nodiscard]] bool has_net_admin();

}  // namespace bamgate::os
