// Two PeerConnections: a message of the tunnel's channel from one to the other through demultiplexer, DTLS and SCTP,
// with its share of acknowledgements.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "peer/link.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

struct Pair {
  explicit Pair(std::size_t bytes) : message(bytes, std::byte{0x5a}) {
    require(link.connect(), "both connect");
    now = link.now();
    channel = link.a.channel();
  }

  void send() {
    now += std::chrono::microseconds(10);
    for (auto* side : {&link.a, &link.b}) {
      if ((*side)->next_timeout() <= now) (*side)->handle_timeout(now);
    }
    require(link.a->send(now, channel, message).has_value(), "a message is taken");
    carry(link.a, link.b);
    carry(link.b, link.a);
    require(received == 1, "the message arrives");
    received = 0;
  }
  void carry(peer::testing::Side& from, peer::testing::Side& to) {
    while (const auto transmit = from->poll_transmit(now, buffer)) {
      (void)to->handle_input(now, {.path = {.local = to.socket, .remote = from.address},
                                   .data = MutableBytes(buffer).first(transmit->size)});
    }
    while (const auto event = to->poll_event()) {
      if (std::holds_alternative<peer::Message>(*event)) ++received;
    }
  }

  std::vector<std::byte> message;
  peer::testing::Link link;
  sctp::ChannelId channel{};
  Instant now;
  int received = 0;
  std::array<std::byte, 2048> buffer{};
};

}  // namespace

void add_peer(Workloads& all) {
  for (const std::size_t bytes : {96U, 1312U}) {
    all.push_back({"peer/message/" + std::to_string(bytes), bytes,
                   [bytes] { return Instance{.run = [pair = std::make_shared<Pair>(bytes)] { pair->send(); }}; }});
  }
}

}  // namespace bamgate::bench
