// The part of a client's exchange that plain requests and WebSocket upgrades share; private to net.
#pragma once

#include <asio/awaitable.hpp>
#include <string>

#include "net/error.h"
#include "net/http_message.h"
#include "net/http_reader.h"
#include "net/stream.h"
#include "net/url.h"

namespace bamgate::net {

/// Errors: kInvalid when method, target or headers would break the request apart.
Result<void> check_request(const HttpRequest& request);

/// Sends `request` and reads until `reader` holds the whole reply; returns the bytes that came behind it. `stream` and
/// `reader` must outlive the coroutine. Errors: those of the stream, kProtocol, kTooLarge, kClosed.
asio::awaitable<Result<std::string>> exchange(Stream& stream, Url url, std::string request, HttpReader& reader);

}  // namespace bamgate::net
