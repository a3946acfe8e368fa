#include "sim/steady_flow.h"

#include <utility>

#include "core/reader.h"
#include "core/writer.h"

namespace bamgate::sim {

struct SteadyFlow::State : std::enable_shared_from_this<State> {
  State(Agenda& agenda_in, Endpoint from_in, Endpoint to_in, Way forth_in, SteadyOptions options_in)
      : agenda(agenda_in), from(from_in), to(to_in), forth(std::move(forth_in)), options(options_in) {}

  void send_next();
  void receive(const InnerPacket& packet);

  Agenda& agenda;
  Endpoint from;
  Endpoint to;
  Way forth;
  SteadyOptions options;
  bool running = false;
  Result result;
};

void SteadyFlow::State::send_next() {
  if (!running) return;
  ++result.sent;
  Datagram payload(options.size);
  Writer writer(payload);
  writer.u64(static_cast<std::uint64_t>(agenda.now().time_since_epoch().count()));
  forth({.source = from, .destination = to, .payload = std::move(payload)});
  agenda.after(options.interval, [self = shared_from_this()] { self->send_next(); });
}

void SteadyFlow::State::receive(const InnerPacket& packet) {
  Reader reader(packet.payload);
  const Instant sent{Duration(static_cast<Duration::rep>(reader.u64()))};
  ++result.arrived;
  result.delays.push_back(agenda.now() - sent);
}

SteadyFlow::SteadyFlow(Agenda& agenda, Endpoint from, Endpoint to, Way forth, SteadyOptions options)
    : state_(std::make_shared<State>(agenda, from, to, std::move(forth), options)) {}

SteadyFlow::~SteadyFlow() { stop(); }

void SteadyFlow::start() {
  state_->running = true;
  state_->agenda.after({}, [state = state_] { state->send_next(); });
}

void SteadyFlow::stop() { state_->running = false; }

void SteadyFlow::reset() { state_->result = {}; }

const SteadyFlow::Result& SteadyFlow::result() const { return state_->result; }

std::unique_ptr<SteadyFlow> steady_over_link(Agenda& agenda, Link& link, SteadyOptions options) {
  const auto state = std::make_shared<std::weak_ptr<SteadyFlow::State>>();
  const Endpoint from{*IpAddress::parse("192.0.2.1"), 5002};
  const Endpoint to{*IpAddress::parse("192.0.2.2"), 5002};
  auto made = std::make_unique<SteadyFlow>(agenda, from, to, over_link(link, to_state(state)), options);
  *state = made->state_;
  return made;
}

std::unique_ptr<SteadyFlow> steady_through_tunnel(Agenda& agenda, Device& from, Device& to, std::uint16_t port,
                                                  SteadyOptions options) {
  auto made = std::make_unique<SteadyFlow>(agenda, Endpoint{from.address(), port}, Endpoint{to.address(), port},
                                           into_tunnel(from), options);
  to.programs[port] = to_state(std::make_shared<std::weak_ptr<SteadyFlow::State>>(made->state_));
  return made;
}

}  // namespace bamgate::sim
