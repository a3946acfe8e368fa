// Who asks through a proxy. A proxy appends the address of its own client to X-Forwarded-For; what stands before that
// entry the client may have written itself, so only the last one counts. Left out: Forwarded (RFC 7239), which neither
// nginx nor caddy writes by itself.
#pragma once

#include <optional>

#include "core/ip_address.h"
#include "net/http_message.h"

namespace bamgate::net {

/// The last entry of the last X-Forwarded-For field, with or without a port; nullopt when there is none or when it is
/// no address.
std::optional<IpAddress> forwarded_client(const HttpRequest& request);

/// Where a proxy of ours may be: loopback, link-local, RFC 1918 and RFC 4193 addresses.
bool is_local_network(const IpAddress& address);

}  // namespace bamgate::net
