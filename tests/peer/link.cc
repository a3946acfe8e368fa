#include "peer/link.h"

#include <algorithm>
#include <array>

namespace bamgate::peer::testing {
namespace {

// Of any date: what counts is that it is the same in each run.
constexpr UnixTime kToday{1'750'000'000};

// Nothing that one side says at an instant may make the other speak without end.
constexpr int kMaxDrains = 200;

}  // namespace

sctp::ChannelOptions tunnel_channel() {
  return {.label = "bamgate", .protocol = "", .ordered = false, .max_retransmits = 0};
}

sctp::ChannelOptions reliable_channel() { return {.label = "reliable", .protocol = "", .ordered = true}; }

sctp::ChannelId Side::channel(std::string_view label) const {
  const auto found = std::ranges::find_if(opened, [&](const ChannelOpened& one) { return one.options.label == label; });
  return found == opened.end() ? sctp::ChannelId{0xfffe} : found->channel;
}

Link::Link(const LinkOptions& link_options)
    : options(link_options),
      engine_random_(link_options.seed),
      link_random_(link_options.seed + 1000),
      runtime_(sctp::make_engine_factory(engine_random_).value()),
      a(link_options.seed + 2000, "192.0.2.1:40001"),
      b(link_options.seed + 3000, "192.0.2.2:40002") {
  make_connection(a, true);
  make_connection(b, false);
}

Link::~Link() = default;

void Link::make_connection(Side& side, bool offerer) {
  PeerConnection::Options made;
  made.offerer = offerer;
  made.answers_passive = !offerer && options.b_answers_passive;
  made.certificate = dtls::Certificate::generate(side.random, kToday).value();
  made.unix_time = kToday;
  made.channels = options.channels;
  side.connection = std::make_unique<PeerConnection>(std::move(made), side.random, side.crypto, side.pool, *runtime_);
  side->add_local_address(now_, side.socket, side.address);
  side->set_local_candidates_complete(now_);
}

// So that candidates are what a test trickles, and nothing else.
std::string without_candidates(std::string_view sdp) {
  std::string rest;
  while (!sdp.empty()) {
    const std::string_view line = sdp.substr(0, sdp.find('\n') + 1);
    sdp.remove_prefix(line.size());
    if (!line.starts_with("a=candidate") && !line.starts_with("a=end-of-candidates")) rest += line;
  }
  return rest;
}

bool Link::negotiate() {
  auto offered = a->create_offer(now_);
  if (!offered) return false;
  const std::string bare = without_candidates(*offered);
  auto answered = b->accept_offer(now_, offer ? offer(bare) : bare);
  if (!answered) return false;
  const std::string bare_answer = without_candidates(*answered);
  if (!a->accept_answer(now_, answer ? answer(bare_answer) : bare_answer)) return false;
  drain();
  return true;
}

bool Link::trickle(Side& from) {
  drain();
  Side& to = &from == &a ? b : a;
  bool good = true;
  for (const std::string& line : std::exchange(from.candidates, {})) {
    good = to->add_remote_candidate(now_, line).has_value() && good;
  }
  return good;
}

bool Link::connect() {
  return negotiate() && trickle(a) && trickle(b) && run(30s, [&] { return both_open(); });
}

SocketId Link::add_address(Side& side, std::string_view address) {
  const SocketId socket{static_cast<std::uint32_t>(side.addresses.rbegin()->first) + 1};
  side.addresses[socket] = *Endpoint::parse(address);
  side->add_local_address(now_, socket, side.addresses[socket]);
  return socket;
}

void Link::remove_address(Side& side, SocketId socket) {
  side.addresses.erase(socket);
  side->remove_local_address(now_, socket);
}

bool Link::restart(Side& from) {
  Side& to = &from == &a ? b : a;
  const auto offered = from->restart(now_);
  if (!offered) return false;
  const auto answered = to->accept_offer(now_, *offered);
  return answered && from->accept_answer(now_, *answered);
}

bool Link::run(Duration span, const std::function<bool()>& done) {
  const Instant end = now_ + span;
  while (true) {
    drain();
    if (done()) return true;
    const Instant next = next_deadline();
    if (next > end) break;
    now_ = std::max(now_, next);
    while (!flights_.empty() && flights_.begin()->first <= now_) {
      auto flight = flights_.extract(flights_.begin());
      if (cut) continue;
      land(std::move(flight.mapped()));
      drain();
    }
    for (Side* side : {&a, &b}) {
      if ((*side)->next_timeout() <= now_) (*side)->handle_timeout(now_);
    }
  }
  now_ = end;
  return done();
}

void Link::run(Duration span) {
  run(span, [] { return false; });
}

std::expected<void, Error> Link::deliver(Side& to, const Endpoint& from, std::vector<std::byte> datagram) {
  return to->handle_input(now_, Received{.path = {.local = to.socket, .remote = from}, .data = datagram});
}

// Nothing reaches an address that its owner has lost meanwhile.
void Link::land(Flight flight) {
  for (const auto& [socket, address] : flight.to->addresses) {
    if (address != flight.at) continue;
    const Path path{.local = socket, .remote = flight.from};
    return (void)(*flight.to)->handle_input(now_, Received{.path = path, .data = flight.datagram});
  }
}

void Link::drain() {
  for (int i = 0; i < kMaxDrains; ++i) {
    const std::uint64_t before = datagrams();
    collect(a);
    collect(b);
    if (datagrams() == before) return;
  }
}

void Link::collect(Side& side) {
  std::array<std::byte, 2048> buffer;
  while (const auto transmit = side->poll_transmit(now_, buffer)) {
    const Bytes datagram = Bytes(buffer).first(transmit->size);
    note(side, *transmit, datagram);
    if (filter && !filter(side, datagram)) continue;
    launch(side, *transmit, {datagram.begin(), datagram.end()});
  }
  while (auto event = side->poll_event()) log(side, std::move(*event));
}

void Link::launch(Side& from, const Transmit& transmit, std::vector<std::byte> datagram) {
  Side& to = &from == &a ? b : a;
  const auto home = from.addresses.find(transmit.path.local);
  const bool exists =
      std::ranges::any_of(to.addresses, [&](const auto& at) { return at.second == transmit.path.remote; });
  if (home == from.addresses.end()) return;
  if (!exists) {
    if (elsewhere) elsewhere(from, transmit.path.remote, datagram);
    return;
  }
  const auto happens = [&](unsigned permille) { return permille != 0 && link_random_.below(1000) < permille; };
  if (happens(options.loss_permille)) return;
  if (happens(options.broken_permille)) {
    const auto place = link_random_.below(static_cast<std::uint32_t>(datagram.size()));
    datagram[place] ^= static_cast<std::byte>(1 + link_random_.below(255));
  }
  for (int copies = happens(options.twice_permille) ? 2 : 1; copies > 0; --copies) {
    Duration travel = options.delay;
    if (options.jitter > 0ms) travel += options.jitter * link_random_.below(1000) / 1000;
    if (slow && (transmit.path.remote == slow || home->second == slow)) travel += 100ms;
    flights_.emplace(now_ + travel, Flight{&to, transmit.path.remote, home->second, datagram});
  }
}

void Link::log(Side& side, PeerConnection::Event event) {
  if (auto* candidate = std::get_if<LocalCandidate>(&event)) side.candidates.push_back(candidate->line);
  if (std::holds_alternative<GatheringComplete>(event)) side.gathering_complete = true;
  if (auto* changed = std::get_if<StateChanged>(&event)) side.states.push_back(changed->state);
  if (auto* selected = std::get_if<PathSelected>(&event)) side.paths.push_back(*selected);
  if (std::holds_alternative<RestartFailed>(event)) ++side.failed_restarts;
  if (auto* opened = std::get_if<ChannelOpened>(&event)) side.opened.push_back(*opened);
  if (auto* gone = std::get_if<ChannelClosed>(&event)) side.closed_channels.push_back(gone->channel);
  if (auto* ended = std::get_if<Closed>(&event)) side.closed = ended->reason;
  if (auto* message = std::get_if<Message>(&event)) {
    ++side.message_count;
    if (side.on_message) {
      side.on_message(*message);
    } else {
      side.messages.push_back(std::move(*message));
    }
  }
}

void Link::note(Side& side, const Transmit& transmit, Bytes datagram) {
  ++side.datagrams;
  side.largest_datagram = std::max(side.largest_datagram, datagram.size());
  side.last_sent = now_;
  constexpr std::uint64_t kPrime = 0x100000001b3;
  const auto mix = [&](std::uint64_t value) { trace_ = (trace_ ^ value) * kPrime; };
  mix(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  mix(&side == &a ? 1 : 2);
  mix(transmit.path.remote.port);
  mix(datagram.size());
  for (const std::byte byte : datagram) mix(std::to_integer<std::uint64_t>(byte));
}

Instant Link::next_deadline() const {
  Instant next = std::min(a.connection->next_timeout(), b.connection->next_timeout());
  if (!flights_.empty()) next = std::min(next, flights_.begin()->first);
  return next;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

}  // namespace bamgate::peer::testing
