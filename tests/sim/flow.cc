#include "sim/flow.h"

#include <algorithm>
#include <map>
#include <vector>

#include "core/reader.h"
#include "core/writer.h"

namespace bamgate::sim {

struct Flow::State {
  Agenda& agenda;
  Device& from;
  Device& to;
  std::uint16_t port;
  Duration interval;
  std::size_t size;
  Family family;
  bool running;
  std::vector<Instant> sent;
};

Flow::Flow(Agenda& agenda, Device& from, Device& to, std::uint16_t port, Duration interval, std::size_t size,
           Family family)
    : state_(std::make_shared<State>(State{agenda, from, to, port, interval, size, family, true, {}})) {
  agenda.after({}, [state = state_] { send_next(state); });
}

void Flow::stop() { state_->running = false; }

void Flow::send_next(const std::shared_ptr<State>& state) {
  if (!state->running) return;
  Datagram payload(state->size);
  Writer(payload).u64(state->sent.size());
  state->sent.push_back(state->agenda.now());
  state->from.send({.kind = InnerPacket::Kind::kUdp,
                    .source = {state->from.address(state->family), state->port},
                    .destination = {state->to.address(state->family), state->port},
                    .payload = std::move(payload)});
  state->agenda.after(state->interval, [state] { send_next(state); });
}

Flow::Result Flow::result() const {
  Result result;
  result.sent = state_->sent.size();
  std::vector<bool> seen(state_->sent.size());
  for (const Arrival& arrival : state_->to.arrivals) {
    const bool ours = arrival.packet.destination.port == state_->port &&
                      arrival.packet.source.address == state_->from.address(state_->family);
    if (!ours) continue;
    const auto number = static_cast<std::size_t>(Reader(arrival.packet.payload).u64());
    if (number >= seen.size()) continue;
    if (seen[number]) {
      ++result.twice;
      continue;
    }
    seen[number] = true;
    ++result.arrived;
    result.longest = std::max(result.longest, arrival.at - state_->sent[number]);
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (!seen[i]) result.last_sent_lost = state_->sent[i];
  }
  return result;
}

}  // namespace bamgate::sim
