// The options of a usrsctp socket, and what is asked of one: everything that goes through its setsockopt interface.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sctp/engine.h"

struct socket;

namespace bamgate::sctp {

/// Makes the socket non-blocking and sets what every association of ours has: fixed path MTU, no Nagle delay, stream
/// reset, ABORT on close, buffers of `buffer` bytes and more, parts from `partial_delivery_point` bytes on.
bool configure_usrsctp_socket(struct socket* socket, const EngineOptions& options, std::size_t buffer,
                              std::uint32_t partial_delivery_point);
/// Binds to `address` and our port and sends INIT to `address` and the peer's.
bool connect_usrsctp_socket(struct socket* socket, void* address, const EngineOptions& options);
/// Bytes of the send buffer.
std::size_t usrsctp_send_space(struct socket* socket);
/// True while messages wait to be sent or to be acknowledged.
bool usrsctp_has_data(struct socket* socket);
/// Asks for a reset of an outgoing stream; 0 or an errno.
int reset_usrsctp_stream(struct socket* socket, std::uint16_t stream);

}  // namespace bamgate::sctp
