// The opening handshake of WebSocket (RFC 6455 §4) as values: no stream in here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "net/http_message.h"

namespace bamgate::net {

/// The Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (RFC 6455 §4.2.2).
std::string accept_for(std::string_view key);

/// A Sec-WebSocket-Key from 16 random bytes.
std::string make_key(std::span<const std::byte, 16> nonce);

/// Adds the fields of an upgrade to a client's request (RFC 6455 §4.1).
void add_upgrade_headers(HttpRequest& request, std::string_view key);

/// True when the request asks for WebSocket at all, well or badly.
bool wants_websocket(const HttpRequest& request);

/// What to answer instead of an upgrade when the request breaks RFC 6455 §4.2.1; nullopt when it is well.
std::optional<HttpReply> refuse_upgrade(const HttpRequest& request, bool is_http_1_1);

/// The reply that upgrades.
std::string write_upgrade(const HttpRequest& request);

/// True when a 101 is the answer to `key` (RFC 6455 §4.1, the client's checks).
bool is_upgrade_reply(const HttpReply& reply, std::string_view key);

}  // namespace bamgate::net
