// The hub's port for outgoing requests (hub/host.h, Fetch), by the HTTP client of net.
#pragma once

#include <functional>

#include "hub/host.h"
#include "net/loop.h"

namespace bamgate::host {

/// Makes the request and gives its outcome to `done`, once, from the loop; never when the loop stops before.
void start_fetch(net::Loop& loop, hub::Fetch fetch, std::function<void(const hub::FetchResult& result)> done);

}  // namespace bamgate::host
