// SCTP: one message of the tunnel's channel from one association to another, with its share of acknowledgements.
#include <memory>
#include <string>
#include <vector>

#include "sctp/link.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

std::unique_ptr<sctp::EngineFactory> make_engines(Random& random) { return sctp::make_engine_factory(random).value(); }

struct Pair {
  explicit Pair(std::size_t bytes) : message(bytes, std::byte{0x5a}) {
    require(link.connect(), "both associations connect");
    channel = link.open(sctp::testing::tunnel_channel());
    now = link.now();
  }

  // Every message is handed over and acknowledged at once; the clock goes on by 10 us a message.
  void send() {
    now += std::chrono::microseconds(10);
    for (sctp::Association* side : {&a, &b}) {
      if (side->next_timeout() <= now) side->handle_timeout(now);
    }
    require(a.send(now, channel, sctp::MessageKind::kBinary, message).has_value(), "a message is taken");
    carry(a, b);
    carry(b, a);
    require(received == 1, "the message arrives");
    received = 0;
  }
  void carry(sctp::Association& from, sctp::Association& to) {
    while (auto packet = from.poll_packet()) {
      require(to.handle_input(now, {.path = {}, .data = packet->data()}).has_value(), "a packet is taken");
    }
    while (const auto event = to.poll_event()) {
      if (std::holds_alternative<sctp::Message>(*event)) ++received;
    }
  }

  std::vector<std::byte> message;
  sctp::testing::Link link{make_engines, {}, {.dtls_client = true}, {}};
  sctp::Association& a = link.a().association;
  sctp::Association& b = link.b().association;
  sctp::ChannelId channel{};
  Instant now;
  int received = 0;
};

}  // namespace

void add_sctp(Workloads& all) {
  for (const std::size_t bytes : {96U, 1312U}) {
    all.push_back({"sctp/message/" + std::to_string(bytes), bytes,
                   [bytes] { return Instance{.run = [pair = std::make_shared<Pair>(bytes)] { pair->send(); }}; }});
  }
}

}  // namespace bamgate::bench
