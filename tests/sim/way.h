// How the packets of a simulated program get from one end to the other: through a tunnel, or over a link alone.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "sim/device.h"
#include "sim/inner_packet.h"
#include "sim/link.h"

namespace bamgate::sim {

/// Takes a packet to the other end, or loses it.
using Way = std::function<void(const InnerPacket&)>;

/// Each packet that crosses `link`, which must outlive the way, is given to `receive`.
inline Way over_link(Link& link, Way receive) {
  return [&link, receive = std::move(receive)](const InnerPacket& packet) {
    const auto bytes = std::make_shared<const Datagram>(write_packet(packet));
    link.send(bytes->size(), [receive, bytes] {
      if (const auto arrived = read_packet(*bytes)) receive(*arrived);
    });
  };
}

/// Each packet is one from a program on `device`, which must outlive the way.
inline Way into_tunnel(Device& device) {
  return [&device](const InnerPacket& packet) { device.send(packet); };
}

/// Gives packets to the state of a flow as long as it lives; `state` may be filled in later.
template <typename State>
Way to_state(std::shared_ptr<std::weak_ptr<State>> state) {
  return [state = std::move(state)](const InnerPacket& packet) {
    if (const auto alive = state->lock()) alive->receive(packet);
  };
}

}  // namespace bamgate::sim
