#include "agent/runner.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "turn/framing.h"

namespace bamgate::agent {
namespace {

// Of one WebSocket message with several packets.
constexpr std::size_t kRelayBatch = std::size_t{16} * 1024;

}  // namespace

// ---- Beginning and end ----

void Runner::start(Instant now, std::unique_ptr<Agent> agent, std::vector<IpPrefix> addresses) {
  advance(now);
  agent_ = std::move(agent);
  ++run_;
  agent_->network_changed(now_, std::move(addresses));
  agent_->start(now_);
  flush(now);
}

void Runner::stop(Instant now) {
  if (!agent_) return;
  agent_->stop(advance(now));
  flush(now);
}

void Runner::end() {
  if (!agent_) return;
  ++run_;
  agent_.reset();
  sockets_.clear();
  if (std::exchange(hub_, Hub::kNone) != Hub::kNone) ports_.hub.disconnect_hub(1000);
  while (!lines_.empty()) disconnect_relay(lines_.begin()->first);
}

// ---- What comes in ----

// Time never goes back for the agent, also when a port calls with a later time than the flush that called it.
Instant Runner::advance(Instant now) {
  now_ = std::max(now_, now);
  return now_;
}

void Runner::on_tun(Instant now, PacketBuffer packet) {
  if (agent_) agent_->handle_tun(advance(now), std::move(packet));
}

void Runner::on_datagram(Instant now, const Received& received) {
  if (agent_) agent_->handle_datagram(advance(now), received);
}

void Runner::handle_timeout(Instant now) {
  if (!agent_) return;
  agent_->handle_timeout(advance(now));
  flush(now);
}

void Runner::on_access_token(Instant now, RunId run, std::string token, std::chrono::seconds lifetime) {
  if (!answers(run)) return;
  agent_->on_access_token(advance(now), std::move(token), lifetime);
  flush(now);
}

void Runner::on_token_failed(Instant now, RunId run, const signaling::HubFault& fault) {
  if (!answers(run)) return;
  agent_->on_token_failed(advance(now), fault);
  flush(now);
}

std::optional<std::string> Runner::want_access_token(Instant now, std::string_view refused) {
  auto token = agent_->want_access_token(advance(now), refused);
  flush(now);
  return token;
}

void Runner::on_network_changed(Instant now, std::vector<IpPrefix> addresses) {
  if (!agent_) return;
  const auto hub_address = hub_ == Hub::kOpen ? ports_.hub.hub_address() : std::nullopt;
  agent_->network_changed(advance(now), std::move(addresses), hub_address);
  flush(now);
}

void Runner::add_stun_server(Instant now, const Endpoint& server) {
  if (!agent_) return;
  agent_->add_stun_server(advance(now), server);
  flush(now);
}

void Runner::on_stun_resolved(Instant now, const std::string& name, const std::vector<Endpoint>& endpoints) {
  if (!agent_) return;
  agent_->on_stun_resolved(advance(now), name, endpoints);
  flush(now);
}

// ---- The hub ----

bool Runner::is_current(HubGeneration generation) const {
  return hub_ != Hub::kNone && generation == HubGeneration{hub_generation_};
}

void Runner::connect_hub(std::string access_token) {
  hub_ = Hub::kConnecting;
  ports_.hub.connect_hub(HubGeneration{++hub_generation_}, std::move(access_token));
}

void Runner::on_hub_open(Instant now, HubGeneration generation) {
  if (!hears(generation)) return;
  hub_ = Hub::kOpen;
  agent_->on_hub_open(advance(now));
  flush(now);
}

void Runner::on_hub_connect_failed(Instant now, HubGeneration generation, const signaling::HubFault& fault) {
  if (!hears(generation)) return;
  hub_ = Hub::kNone;
  agent_->on_hub_connect_failed(advance(now), fault);
  flush(now);
}

void Runner::on_hub_text(Instant now, HubGeneration generation, std::string_view text) {
  if (!hears(generation)) return;
  agent_->on_hub_text(advance(now), text);
  flush(now);
}

void Runner::on_hub_pong(Instant now, HubGeneration generation) {
  if (!hears(generation)) return;
  agent_->on_hub_pong(advance(now));
  flush(now);
}

void Runner::on_hub_closed(Instant now, HubGeneration generation, std::uint16_t code) {
  if (!hears(generation)) return;
  hub_ = Hub::kNone;
  agent_->on_hub_closed(advance(now), code);
  flush(now);
}

// ---- Relays ----

void Runner::add_relay(Instant now, const Endpoint& server) {
  if (!agent_) return;
  agent_->add_relay(advance(now), server);
  flush(now);
}

void Runner::add_websocket_relay(Instant now) {
  if (!agent_) return;
  agent_->add_websocket_relay(advance(now));
  flush(now);
}

void Runner::set_relays(Instant now, std::vector<OwnRelay> relays) {
  if (!agent_) return;
  agent_->set_relays(advance(now), std::move(relays));
  flush(now);
}

void Runner::on_relay_resolved(Instant now, Relays::Whose whose, const stun::Uri& uri,
                               const std::vector<Endpoint>& endpoints) {
  if (!agent_) return;
  agent_->on_relay_resolved(advance(now), whose, uri, endpoints);
  flush(now);
}

RelayId Runner::line_of(RelayGeneration generation) const {
  const auto found = std::ranges::find(lines_, generation, &decltype(lines_)::value_type::second);
  return found == lines_.end() ? RelayId::kNone : found->first;
}

void Runner::connect_relay(ConnectRelay connect) {
  disconnect_relay(connect.line);
  const RelayGeneration generation{++relay_generation_};
  lines_.emplace(connect.line, generation);
  ports_.hub.connect_relay(generation, std::move(connect.way));
}

void Runner::disconnect_relay(RelayId line) {
  const auto found = lines_.find(line);
  if (found == lines_.end()) return;
  const RelayGeneration generation = found->second;
  lines_.erase(found);
  ports_.hub.disconnect_relay(generation);
}

void Runner::on_relay_open(Instant now, RelayGeneration generation, const Endpoint& remote) {
  if (!agent_ || !is_current(generation)) return;
  agent_->on_relay_open(advance(now), line_of(generation), remote);
  flush(now);
}

void Runner::on_relay_message(Instant now, RelayGeneration generation, MutableBytes message) {
  turn::BatchReader batch(message);
  while (agent_ && is_current(generation)) {
    const auto next = batch.next();
    if (!next || !*next) return;  // what is no TURN message ends the batch
    agent_->on_relay_message(advance(now), line_of(generation), **next);
  }
}

void Runner::on_relay_closed(Instant now, RelayGeneration generation, std::string_view why) {
  if (!agent_ || !is_current(generation)) return;
  const RelayId line = line_of(generation);
  lines_.erase(line);
  agent_->on_relay_closed(advance(now), line, why);
  flush(now);
}

// What follows each other on one line leaves together.
void Runner::send_to_relay(RelayId line, Bytes message) {
  const std::size_t padded = message.size() + turn::frame_padding(message.size());
  if (line != batch_line_ || relay_batch_.size() + padded > kRelayBatch) flush_relay();
  batch_line_ = line;
  relay_batch_.insert(relay_batch_.end(), message.begin(), message.end());
  relay_batch_.resize(relay_batch_.size() + padded - message.size());
}

void Runner::flush_relay() {
  if (relay_batch_.empty()) return;
  const auto line = lines_.find(batch_line_);
  if (line == lines_.end() || !ports_.hub.send_to_relay(line->second, relay_batch_)) ++counters_.relay_messages_unsent;
  relay_batch_.clear();
}

// ---- What goes out ----

void Runner::flush(Instant now) {
  advance(now);
  if (flushing_ || !agent_) return;
  flushing_ = true;
  while (true) {
    send_datagrams();
    auto effect = agent_->poll_effect();
    if (!effect) break;
    run_effect(std::move(*effect));
  }
  flushing_ = false;
}

void Runner::send_datagrams() {
  std::array<std::byte, kBlockSize> buffer;  // filled by poll_transmit() as far as it is read
  while (const auto transmit = agent_->poll_transmit(now_, buffer)) {
    if (transmit->path.relay != RelayId::kNone) {
      send_to_relay(transmit->path.relay, Bytes(buffer).first(transmit->size));
      continue;
    }
    const auto found = sockets_.find(transmit->path.local);
    if (found == sockets_.end()) {
      ++counters_.socket_gone;
      continue;
    }
    if (!found->second->send(transmit->path.remote, Bytes(buffer).first(transmit->size), transmit->ecn)) {
      ++counters_.datagrams_unsent;
    }
  }
  flush_relay();
}

void Runner::run_effect(Effect effect) {
  if (auto* packet = std::get_if<WriteTun>(&effect)) {
    if (!ports_.tun.write_tun(packet->packet.data())) ++counters_.packets_unwritten;
  } else if (std::holds_alternative<RefreshAccessToken>(effect)) {
    ports_.tokens.refresh_access_token(run());
  } else if (auto* connect = std::get_if<ConnectHub>(&effect)) {
    connect_hub(std::move(connect->access_token));
  } else if (auto* text = std::get_if<SendToHub>(&effect)) {
    if (hub_ != Hub::kOpen || !ports_.hub.send_to_hub(std::move(text->text))) ++counters_.hub_texts_unsent;
  } else if (std::holds_alternative<PingHub>(effect)) {
    if (hub_ == Hub::kOpen) ports_.hub.ping_hub();
  } else if (auto* disconnect = std::get_if<DisconnectHub>(&effect)) {
    hub_ = Hub::kNone;
    ports_.hub.disconnect_hub(disconnect->code);
  } else if (auto* relay = std::get_if<ConnectRelay>(&effect)) {
    connect_relay(std::move(*relay));
  } else if (const auto* leave = std::get_if<DisconnectRelay>(&effect)) {
    disconnect_relay(leave->line);
  } else if (std::holds_alternative<ResolveServers>(effect)) {
    ports_.hub.resolve_servers();
  } else if (auto* open = std::get_if<OpenSocket>(&effect)) {
    open_socket(*open);
  } else if (auto* close = std::get_if<CloseSocket>(&effect)) {
    sockets_.erase(close->socket);
  } else if (auto* set = std::get_if<SetRoutes>(&effect)) {
    ports_.tun.set_routes(std::move(set->routes));
  } else if (std::holds_alternative<StorePins>(effect)) {
    ports_.pins.store_pins(agent_->pins());
  } else if (auto* notice = std::get_if<Notice>(&effect)) {
    ports_.owner.notice(std::move(*notice));
  } else if (auto* gone = std::get_if<Stop>(&effect)) {
    ports_.owner.gave_up(gone->reason);
  }
}

void Runner::open_socket(const OpenSocket& open) {
  auto opened = ports_.sockets.open_socket(open.socket, open.address);
  if (!opened) return agent_->on_socket_failed(open.socket);
  const Endpoint base = opened->base();
  sockets_.insert_or_assign(open.socket, std::move(opened));
  agent_->on_socket(now_, open.socket, base);
}

std::optional<TrustAnswer> Runner::trust(Instant now, const std::string& name) {
  if (!agent_) return std::nullopt;
  TrustAnswer answer = agent_->trust(advance(now), name);
  flush(now);
  return answer;
}

Status Runner::status(Instant now) const {
  if (!agent_) return {};
  Status status = agent_->status(now);
  write_counters(counters_, status.counters);
  return status;
}

}  // namespace bamgate::agent
