// The contract of a protocol layer: a state machine that does no input or output of its own.
//
//   handle_input      one datagram (or one batch of equal-sized ones) that arrived, with the time
//   handle_timeout    the time has come that next_timeout() named, or a later one
//   poll_transmit     writes the next datagram to send into the caller's buffer; nullopt when there is none. One that
//                     the buffer is too small for is a counted drop, and the next one takes its place
//   poll_event        what became of the connection; nullopt when nothing (more) did
//   next_timeout      when handle_timeout() wants to be called; kNever when the machine waits for nothing
//
// Rules:
//   - After any call that may change state: drain poll_transmit, then poll_event, then read next_timeout.
//   - Time never goes back from one call to the next.
//   - A layer never calls its caller, reads no clock and no random source, opens no socket and starts no thread.
//   - A return value says what became of this input; an event says what became of the connection.
//   - A bad packet from the network is a counted drop, never an abort.
//
// A layer on the data path also seals and opens packets where they lie (DataPath).
#pragma once

#include <concepts>
#include <expected>
#include <optional>

#include "core/bytes.h"
#include "core/packet_buffer.h"
#include "core/time.h"
#include "core/transmit.h"

namespace bamgate::inline core {

template <typename T>
concept SansIo = requires(T machine, const T& constant, Instant now, const Received& received, MutableBytes buffer) {
  typename T::Event;
  typename T::Error;
  { machine.handle_input(now, received) } -> std::same_as<std::expected<void, typename T::Error>>;
  { machine.handle_timeout(now) } -> std::same_as<void>;
  { machine.poll_transmit(now, buffer) } -> std::same_as<std::optional<Transmit>>;
  { machine.poll_event() } -> std::same_as<std::optional<typename T::Event>>;
  { constant.next_timeout() } -> std::same_as<Instant>;
};

template <typename T>
concept DataPath = requires(T machine, Instant now, PacketBuffer& packet) {
  typename T::Opened;
  typename T::Error;
  { machine.seal(now, packet) } -> std::same_as<std::expected<void, typename T::Error>>;
  { machine.open(now, packet) } -> std::same_as<std::expected<typename T::Opened, typename T::Error>>;
};

}  // namespace bamgate::inline core
