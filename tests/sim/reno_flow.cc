#include "sim/reno_flow.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/reader.h"
#include "core/writer.h"
#include "sim/reno_receiver.h"
#include "sim/reno_sender.h"

namespace bamgate::sim {
namespace {

// Kind 4 bytes, number 4, count of blocks 4: with UDP's 8 bytes as large as TCP's header.
constexpr std::size_t kHeader = 12;
constexpr std::uint32_t kData = 1;
constexpr std::uint32_t kAck = 2;

Datagram data_payload(std::uint32_t number, std::size_t size) {
  Datagram payload(kHeader + size);
  Writer writer(payload);
  writer.u32(kData);
  writer.u32(number);
  return payload;
}

Datagram ack_payload(std::uint32_t next, const std::vector<SackBlock>& blocks) {
  Datagram payload(kHeader + 8 * blocks.size());
  Writer writer(payload);
  writer.u32(kAck);
  writer.u32(next);
  writer.u32(static_cast<std::uint32_t>(blocks.size()));
  for (const SackBlock& block : blocks) {
    writer.u32(block.begin);
    writer.u32(block.end);
  }
  return payload;
}

}  // namespace

struct RenoFlow::State : std::enable_shared_from_this<State> {
  State(Agenda& agenda_in, Endpoint from_in, Endpoint to_in, Way forth_in, Way back_in, const RenoOptions& options_in)
      : agenda(agenda_in),
        from(from_in),
        to(to_in),
        forth(std::move(forth_in)),
        back(std::move(back_in)),
        options(options_in),
        sender(options_in),
        receiver(options_in) {}

  void send_data();
  void send_ack_if_due();
  void receive(const InnerPacket& packet);
  void wake_at(Instant when);
  void wake();

  Agenda& agenda;
  Endpoint from;
  Endpoint to;
  Way forth;
  Way back;
  RenoOptions options;
  RenoSender sender;
  RenoReceiver receiver;
  bool running = false;
  Instant wakes_at = kNever;
};

void RenoFlow::State::send_data() {
  if (!running) return;
  while (const auto number = sender.poll_segment(agenda.now())) {
    forth({.source = from, .destination = to, .payload = data_payload(*number, options.segment)});
  }
  wake_at(sender.next_timeout());
}

void RenoFlow::State::send_ack_if_due() {
  if (receiver.wants_ack(agenda.now())) {
    const auto blocks = receiver.take_ack();
    back({.source = to, .destination = from, .payload = ack_payload(receiver.next(), blocks)});
  }
  wake_at(receiver.next_timeout());
}

void RenoFlow::State::receive(const InnerPacket& packet) {
  Reader reader(packet.payload);
  const std::uint32_t kind = reader.u32();
  const std::uint32_t number = reader.u32();
  if (kind == kData && packet.destination == to) {
    receiver.handle_segment(agenda.now(), number);
    send_ack_if_due();
  } else if (kind == kAck && packet.destination == from) {
    reader.skip(4);
    std::vector<SackBlock> blocks;
    while (reader.remaining() >= 8) {
      const std::uint32_t begin = reader.u32();
      blocks.push_back({begin, reader.u32()});
    }
    sender.handle_ack(agenda.now(), number, blocks);
    send_data();
  }
}

// An entry of the agenda cannot be taken back; one that comes too early asks again.
void RenoFlow::State::wake_at(Instant when) {
  if (when >= wakes_at) return;
  wakes_at = when;
  agenda.at(when, [self = weak_from_this(), when] {
    const auto state = self.lock();
    if (state && state->wakes_at == when) state->wake();
  });
}

void RenoFlow::State::wake() {
  wakes_at = kNever;
  if (running && agenda.now() >= sender.next_timeout()) sender.handle_timeout(agenda.now());
  send_data();
  send_ack_if_due();
}

RenoFlow::RenoFlow(Agenda& agenda, Endpoint from, Endpoint to, Way forth, Way back, RenoOptions options)
    : state_(std::make_shared<State>(agenda, from, to, std::move(forth), std::move(back), options)) {}

RenoFlow::~RenoFlow() { stop(); }

void RenoFlow::start() {
  state_->running = true;
  state_->agenda.after({}, [state = state_] { state->send_data(); });
}

void RenoFlow::stop() { state_->running = false; }

void RenoFlow::receive(const InnerPacket& packet) { state_->receive(packet); }

std::uint64_t RenoFlow::delivered() const {
  return static_cast<std::uint64_t>(state_->receiver.next()) * state_->options.segment;
}

double RenoFlow::congestion_window() const { return state_->sender.congestion_window(); }

RenoCounters RenoFlow::counters() const {
  RenoCounters all = state_->sender.counters();
  all.received = state_->receiver.received();
  return all;
}

std::unique_ptr<RenoFlow> reno_over_links(Agenda& agenda, Link& forth, Link& back, RenoOptions options) {
  const auto state = std::make_shared<std::weak_ptr<RenoFlow::State>>();
  const Endpoint from{*IpAddress::parse("192.0.2.1"), 5001};
  const Endpoint to{*IpAddress::parse("192.0.2.2"), 5001};
  auto made = std::make_unique<RenoFlow>(agenda, from, to, over_link(forth, to_state(state)),
                                         over_link(back, to_state(state)), options);
  *state = made->state_;
  return made;
}

std::unique_ptr<RenoFlow> reno_through_tunnel(Agenda& agenda, Device& from, Device& to, std::uint16_t port,
                                              RenoOptions options) {
  auto made = std::make_unique<RenoFlow>(agenda, Endpoint{from.address(), port}, Endpoint{to.address(), port},
                                         into_tunnel(from), into_tunnel(to), options);
  const auto state = std::make_shared<std::weak_ptr<RenoFlow::State>>(made->state_);
  from.programs[port] = to.programs[port] = to_state(state);
  return made;
}

}  // namespace bamgate::sim
