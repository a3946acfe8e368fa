// The connection to the hub, packets, and the draining of all parts. What the hub tells about others stands in
// agent_roster.cc, the network of this machine in agent_network.cc.
#include "agent/agent.h"

#include <algorithm>
#include <utility>

#include "agent/routes.h"
#include "core/encoding.h"

namespace bamgate::agent {
namespace {

// docs/signaling.md: the label of the one data channel of a pair of devices.
constexpr const char* kChannelLabel = "bamgate";

// A refresh ahead of time that failed is tried again after this; the token at hand still serves meanwhile.
constexpr auto kRefreshRetry = std::chrono::seconds(30);

}  // namespace

Agent::Agent(Options options, Random& random, Crypto& crypto, BufferPool& pool, sctp::EngineFactory& sctp)
    : options_(std::move(options)),
      claims_(bridge_),
      node_({.device = options_.name,
             .stun_servers = options_.stun_servers,
             .turn_secret = options_.turn_secret,
             .clock = options_.clock},
            random, crypto, pool),
      shared_{.self = options_.name,
              .public_key = options_.private_key.public_key().to_string(),
              .random = random,
              .crypto = crypto,
              .pool = pool,
              .sctp = sctp,
              .bridge = bridge_,
              .node = node_,
              .certificate = options_.certificate,
              .route_filter = {},
              .channel = {.label = kChannelLabel,
                          .protocol = {},
                          .ordered = options_.ordered,
                          .max_retransmits = options_.max_retransmits,
                          .max_lifetime = std::nullopt},
              .clock = options_.clock,
              .allow_loopback = options_.allow_loopback,
              .force_relay = options_.force_relay,
              .observer = options_.observer,
              .address = options_.address.address,
              .counters = {},
              .ended = {},
              .effects = {},
              .messages = {},
              .farewells = {}},
      signaling_(self_info(random), random),
      pins_(options_.pins) {
  update_route_filter();
}

Agent::~Agent() = default;

signaling::PeerInfo Agent::self_info(Random& random) const {
  signaling::PeerInfo self;
  self.peer_id = options_.name;
  self.public_key = shared_.public_key;
  self.address = options_.address.to_string();
  if (options_.address6) self.address6 = options_.address6->to_string();
  for (const IpPrefix& route : options_.routes) self.routes.push_back(route.to_string());
  std::array<std::byte, 8> instance{};
  random.fill(instance);
  self.metadata.emplace(kInstance, to_hex(instance));
  return self;
}

void Agent::notice(NoticeLevel level, std::string text) {
  shared_.effects.emplace_back(Notice{level, std::move(text)});
}

// ---- The hub ----

void Agent::start(Instant now) {
  started_ = now;
  node_.relays().set_own(now, std::exchange(options_.relays, {}));
  signaling_.start(now);
  pump(now);
}

void Agent::stop(Instant now) {
  for (auto& [name, entry] : peers_) {
    entry->link.disconnect(now, "we are going down");
    touch(*entry);
  }
  pump_touched(now);
  earliest_store_ = now;
  store_pins(now);
  signaling_.stop(now);
  tokens_ = {};
  node_.relays().close(now);
  pump_signaling(now);
}

void Agent::on_access_token(Instant now, std::string token, std::chrono::seconds lifetime) {
  if (signaling_.state() == signaling::Client::State::kStopped) return;
  tokens_.refreshed(now, token, lifetime);
  token_patience_.reset();
  token_fault_.clear();
  signaling_.on_access_token(now, std::move(token));
  pump(now);
}

void Agent::on_token_failed(Instant now, const signaling::HubFault& fault) {
  if (signaling_.state() == signaling::Client::State::kStopped) return;
  tokens_.failed();
  const bool patient =
      fault.verdict == signaling::Verdict::kExpired || fault.verdict == signaling::Verdict::kSuperseded;
  tokens_.postpone(now + (patient ? Duration(token_patience_.next()) : Duration(kRefreshRetry)));
  token_fault_ = fault.text;
  signaling_.on_token_failed(now, fault);
  pump(now);
}

void Agent::on_hub_open(Instant now) {
  signaling_.on_open(now);
  pump(now);
}

void Agent::on_hub_text(Instant now, std::string_view text) {
  signaling_.on_text(now, text);
  pump(now);
}

void Agent::on_hub_pong(Instant now) {
  signaling_.on_pong(now);
  pump(now);
}

void Agent::on_hub_closed(Instant now, std::uint16_t code) {
  signaling_.on_closed(now, code);
  pump(now);
}

void Agent::on_hub_connect_failed(Instant now, const signaling::HubFault& fault) {
  signaling_.on_connect_failed(now, fault);
  pump(now);
}

void Agent::need_token(bool renew) {
  if (renew) tokens_.forget();
  if (const auto token = tokens_.current(last_now_)) return signaling_.on_access_token(last_now_, *token);
  tokens_.forget();  // nothing of it is left to renew ahead of time
  if (tokens_.begin_refresh()) shared_.effects.emplace_back(RefreshAccessToken{});
}

std::optional<std::string> Agent::want_access_token(Instant now, std::string_view refused) {
  auto token = tokens_.current(now);
  if (token && *token != refused) return token;
  tokens_.forget();
  if (tokens_.begin_refresh()) shared_.effects.emplace_back(RefreshAccessToken{});
  return std::nullopt;
}

void Agent::pump_signaling(Instant now) {
  last_now_ = now;
  while (true) {
    if (auto effect = signaling_.poll_effect()) {
      if (auto* need = std::get_if<signaling::NeedAccessToken>(&*effect)) {
        need_token(need->renew);
      } else if (auto* connect = std::get_if<signaling::Connect>(&*effect)) {
        shared_.effects.emplace_back(ConnectHub{std::move(connect->access_token)});
      } else if (auto* send = std::get_if<signaling::SendText>(&*effect)) {
        shared_.effects.emplace_back(SendToHub{std::move(send->text)});
      } else if (std::holds_alternative<signaling::Ping>(*effect)) {
        shared_.effects.emplace_back(PingHub{});
      } else if (auto* disconnect = std::get_if<signaling::Disconnect>(&*effect)) {
        shared_.effects.emplace_back(DisconnectHub{std::to_underlying(disconnect->code)});
      }
      continue;
    }
    auto event = signaling_.poll_event();
    if (!event) return;
    if (std::holds_alternative<signaling::Online>(*event)) {
      notice(NoticeLevel::kInfo, "connected to the hub");
      node_.relays().look_again(now);
    } else if (auto* list = std::get_if<signaling::PeerList>(&*event)) {
      handle_list(now, *list);
    } else if (auto* received = std::get_if<signaling::Received>(&*event)) {
      handle_message(now, std::move(received->message));
    } else if (auto* offline = std::get_if<signaling::Offline>(&*event)) {
      notice(NoticeLevel::kWarning,
             "no connection to the hub: " + offline->text() + "; trying again, peers that are connected stay so");
    } else if (std::holds_alternative<signaling::Fatal>(*event)) {
      tokens_ = {};  // nothing more is asked of the hub
      shared_.effects.emplace_back(Stop{StopReason::kRevoked});
    }
  }
}

void Agent::send_messages(Instant now) {
  while (!shared_.messages.empty()) {
    const signaling::Message message = std::move(shared_.messages.front());
    shared_.messages.pop_front();
    // What cannot be sent now is settled by the list that comes when the hub is back.
    (void)signaling_.send(now, message);
  }
}

// ---- Packets ----

void Agent::handle_tun(Instant now, PacketBuffer packet) {
  auto sealed = bridge_.from_tun(now, std::move(packet));
  if (!sealed) return;  // counted in the bridge
  const auto found = by_index_.find(sealed->peer);
  if (found == by_index_.end()) return;
  // Without a message it is held, and its tunnel has started a handshake.
  if (!sealed->message.empty()) found->second->link.send(now, std::move(sealed->message));
  touch(*found->second);
  pump_touched(now);
}

void Agent::handle_timeout(Instant now) {
  // Nobody is late by so much who was awake. What is before all time means "at once".
  const Instant due = next_timeout();
  const bool slept = due > Instant() && now - due > kSleep;
  while (const auto entry = deadlines_.take_due(now)) {
    (*entry)->link.handle_timeout(now);
    touch(**entry);
  }
  if (node_.next_timeout() <= now) node_.handle_timeout(now);
  if (signaling_.next_timeout() <= now) signaling_.handle_timeout(now);
  if (tokens_.renew_at() <= now && tokens_.begin_refresh()) shared_.effects.emplace_back(RefreshAccessToken{});
  handle_network_timers(now);
  if (timers_.take_expired(Timer::kPins, now)) store_pins(now);
  if (slept) begin_afresh(now, signaling::NetworkChange::kSlept);
  pump(now);
}

// ---- Who has something to do ----

// To be called after whatever may have changed a peer; it is settled before the call into the agent ends.
void Agent::touch(Entry& entry) {
  if (std::exchange(entry.touched, true)) return;
  touched_.push_back(&entry);
}

void Agent::pump(Instant now) {
  pump_node(now);
  pump_signaling(now);
  connect_relay();
  pump_touched(now);
}

// What the node has found concerns everybody who looks for a path; what it has lost, whoever uses it.
void Agent::pump_node(Instant now) {
  bool lost = false;
  while (const auto event = node_.poll_event()) {
    lost = lost || std::holds_alternative<RelayGone>(*event);
    for (const auto& [attempt, entry] : by_attempt_) {
      entry->link.learn(now, *event);
      touch(*entry);
    }
  }
  if (lost) leave_stale_paths(now);
}

void Agent::connect_relay() {
  if (!node_.relays().wants_connection()) return;
  const auto token = tokens_.current(last_now_);
  if (!token) return;  // the next one comes here too
  node_.relays().connecting();
  shared_.effects.emplace_back(ConnectRelay{Relays::kHubLine, HubRelay{*token}});
}

void Agent::pump_touched(Instant now) {
  while (!touched_.empty()) {
    // Settling one touches nobody.
    for (Entry* entry : touched_) settle(now, *entry);
    touched_.clear();
    if (shared_.messages.empty()) return;
    send_messages(now);
    pump_signaling(now);
  }
}

void Agent::settle(Instant now, Entry& entry) {
  entry.touched = false;
  entry.link.pump(now);
  follow_attempts(entry, entry.link.attempts());
  if (!std::exchange(entry.sending, true)) sending_.push_back(&entry);
}

void Agent::follow_attempts(Entry& entry, const Link::AttemptIds& attempts) {
  if (entry.attempts == attempts) return;
  for (const auto& former : std::exchange(entry.attempts, attempts)) {
    if (former) by_attempt_.erase(*former);
  }
  for (const auto& attempt : attempts) {
    if (attempt) by_attempt_.emplace(*attempt, &entry);
  }
}

// One after the other sends all that it has; with that its deadline stands.
std::optional<Transmit> Agent::poll_transmit(Instant now, MutableBytes buffer) {
  while (const auto transmit = next_datagram(now, buffer)) {
    // What the relays themselves send is sealed already, and begins at a socket or at a line.
    if (transmit->path.relay == RelayId::kNone || Relays::is_line(transmit->path)) return transmit;
    if (const auto sealed = node_.relays().seal(now, *transmit, buffer)) return sealed;
  }
  return std::nullopt;
}

std::optional<Transmit> Agent::next_datagram(Instant now, MutableBytes buffer) {
  if (const auto request = node_.poll_transmit(now, buffer)) return request;
  if (!shared_.farewells.empty()) {
    const auto [transmit, datagram] = std::move(shared_.farewells.front());
    shared_.farewells.pop_front();
    copy_bytes(datagram.data(), buffer);
    return transmit;
  }
  while (!sending_.empty()) {
    Entry& entry = *sending_.back();
    if (const auto transmit = entry.link.poll_transmit(now, buffer)) return transmit;
    sending_.pop_back();
    entry.sending = false;
    deadlines_.set(entry.deadline, entry.link.next_timeout());
  }
  return std::nullopt;
}

std::optional<Effect> Agent::poll_effect() {
  if (auto effect = node_.poll_effect()) return effect;
  if (shared_.effects.empty()) return std::nullopt;
  std::optional<Effect> effect(std::move(shared_.effects.front()));
  shared_.effects.pop_front();
  return effect;
}

Instant Agent::next_timeout() const {
  return std::min(
      {node_.next_timeout(), signaling_.next_timeout(), tokens_.renew_at(), timers_.next(), deadlines_.next()});
}

// While connected, a token that is not given ahead of time is worth knowing: the connection will not be made again.
void Agent::show_hub(Instant now, Status& status) const {
  status.hub_connected = signaling_.online();
  Instant next = signaling_.next_attempt();
  if (const signaling::Offline* offline = signaling_.offline()) status.hub_error = offline->text();
  if (status.hub_connected && !token_fault_.empty()) {
    status.hub_error = token_fault_;
    next = tokens_.renew_at();
  }
  if (!status.hub_error.empty() && next != kNever) status.hub_next_try = std::max(next - now, Duration::zero());
}

Status Agent::status(Instant now) const {
  Status status;
  show_hub(now, status);
  status.uptime = now - started_;
  for (const auto& [name, entry] : peers_) {
    PeerStatus shown = entry->link.status(now);
    entry->carrier.describe(now, shown);
    const auto accepted = options_.accepted_routes.find(name);
    if (accepted != options_.accepted_routes.end()) {
      for (const IpPrefix& route : accepted_routes(entry->link.info(), accepted->second)) {
        shown.routes.push_back(route.to_string());
      }
    }
    status.peers.push_back(std::move(shown));
  }
  show_refused(status);
  write_counters(counters(), status.counters);
  return status;
}

Counters Agent::counters() const {
  Counters result{.peers = shared_.ended,
                  .packets = bridge_.counters(),
                  .packet_drops = bridge_.drops(),
                  .agent = shared_.counters,
                  .hub = signaling_.stats(),
                  .relays = node_.relays().counters()};
  for (const auto& [name, entry] : peers_) {
    result.peers.attempts += entry->link.counters();
    result.peers.add(entry->carrier.tunnel());
  }
  return result;
}

}  // namespace bamgate::agent
