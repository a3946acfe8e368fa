#include "sctp/link.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bamgate::sctp::testing {
namespace {

constexpr int kMaxDrains = 100;

void note_event(Side& side, Association::Event event) {
  Seen& seen = side.seen;
  if (std::holds_alternative<Connected>(event)) seen.connected = true;
  if (auto* opened = std::get_if<ChannelOpened>(&event)) seen.opened.push_back(*opened);
  if (auto* closed = std::get_if<ChannelClosed>(&event)) seen.closed_channels.push_back(closed->channel);
  if (auto* closed = std::get_if<Closed>(&event)) seen.closed = closed->reason;
  if (auto* message = std::get_if<Message>(&event)) {
    ++seen.message_count;
    seen.message_bytes += message->data.size();
    if (side.on_message) {
      side.on_message(*message);
    } else {
      seen.messages.push_back(std::move(*message));
    }
  }
  if (side.on_news) side.on_news();
}

}  // namespace

Side::Side(EngineFactory& engines, const Association::Options& options, BufferPool& pool)
    : association(Association::create(engines, options, pool).value()) {}

Link::Link(MakeEngines make, const LinkOptions& link_options, const Association::Options& a,
           const Association::Options& b)
    : options(link_options),
      engine_random_(link_options.seed),
      link_random_(link_options.seed + 1000),
      options_b_(b),
      engines_(make(engine_random_)),
      a_(std::make_unique<Side>(*engines_, a, pool_)),
      b_(std::make_unique<Side>(*engines_, b, pool_)) {}

bool Link::connect() {
  a_->association.start(now_);
  b_->association.start(now_);
  return run(30s, [&] { return a_->seen.connected && b_->seen.connected; });
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
      Flight flight = std::move(flights_.extract(flights_.begin()).mapped());
      static_cast<void>(inject(flight.to_b, std::move(flight.packet)));
      drain();
    }
    for (Side* side : {a_.get(), b_.get()}) {
      if (side->association.next_timeout() > now_) continue;
      ++wakeups_;
      side->association.handle_timeout(now_);
    }
  }
  now_ = end;
  return done();
}

std::expected<void, Error> Link::inject(bool to_b, std::vector<std::byte> packet) {
  Side& to = to_b ? *b_ : *a_;
  return to.association.handle_input(now_, Received{.path = {}, .data = packet});
}

void Link::run(Duration span) {
  run(span, [] { return false; });
}

void Link::drain() {
  // Nothing that one side says may make it or the other speak without end.
  for (int i = 0; i < kMaxDrains; ++i) {
    const std::uint64_t before = packets_;
    collect(*a_, true);
    collect(*b_, false);
    if (packets_ == before) return;
  }
}

void Link::collect(Side& side, bool to_b) {
  std::array<std::byte, 2048> buffer;
  while (const auto transmit = side.association.poll_transmit(now_, buffer)) {
    const Bytes packet = Bytes(buffer).first(transmit->size);
    Flight flight{to_b, {packet.begin(), packet.end()}};
    note(flight);
    const bool lost = options.loss_permille != 0 && link_random_.below(1000) < options.loss_permille;
    if (lost || (filter && !filter(to_b, flight.packet))) continue;
    launch(flight);
    if (options.duplicate_permille != 0 && link_random_.below(1000) < options.duplicate_permille) launch(flight);
  }
  while (auto event = side.association.poll_event()) note_event(side, std::move(*event));
}

void Link::launch(const Flight& flight) {
  const auto jitter = static_cast<std::uint32_t>(options.jitter / 1us);
  const Duration extra = jitter == 0 ? Duration{} : Duration(1us) * link_random_.below(jitter);
  flights_.emplace(now_ + options.delay + extra, flight);
}

void Link::note(const Flight& flight) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  const auto mix = [&](std::uint64_t value) { trace_ = (trace_ ^ value) * kPrime; };
  mix(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  mix(flight.to_b ? 1 : 0);
  for (const std::byte byte : flight.packet) mix(std::to_integer<std::uint64_t>(byte));
  ++packets_;
  largest_packet_ = std::max(largest_packet_, flight.packet.size());
}

void Link::replace_b() {
  b_ = std::make_unique<Side>(*engines_, options_b_, pool_);
  flights_.clear();
}

ChannelId Link::open(const ChannelOptions& channel) {
  const ChannelId id = a_->association.open_channel(now_, channel).value();
  const std::size_t at_a = a_->seen.opened.size();
  const std::size_t at_b = b_->seen.opened.size();
  run(30s, [&] { return a_->seen.opened.size() > at_a && b_->seen.opened.size() > at_b; });
  return id;
}

Instant Link::next_deadline() const {
  Instant next = std::min(a_->association.next_timeout(), b_->association.next_timeout());
  if (!flights_.empty()) next = std::min(next, flights_.begin()->first);
  return next;
}

}  // namespace bamgate::sctp::testing
