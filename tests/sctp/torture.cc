#include "sctp/torture.h"

#include <algorithm>
#include <utility>

#include "core/reader.h"

namespace bamgate::sctp::testing {
namespace {

constexpr auto kStep = 10ms;
constexpr std::string_view kShort = "short";

// The bytes of message `number` on a channel: the number, then what follows from it. Some are long, some have one byte.
std::vector<std::byte> content(const ChannelOptions& options, std::uint32_t number) {
  const bool long_ones = options.ordered && !options.max_retransmits && !options.max_lifetime;
  const std::size_t size = long_ones && number % 50 == 49 ? 60000 : 4 + number * 7919 % 1309;
  std::vector<std::byte> result = pattern(size, number);
  for (std::size_t i = 0; i < 4; ++i) result[i] = static_cast<std::byte>(number >> (24 - 8 * i) & 0xff);
  return result;
}

std::string name(const Ledger& ledger, std::uint32_t number) {
  return ledger.options.label + " message " + std::to_string(number);
}

}  // namespace

Torture::Torture(Link& link, std::uint64_t seed) : link_(link), random_(seed) {
  for (const bool to_a : {true, false}) {
    side(to_a).on_message = [this, to_a](Message& message) { on_message(!to_a, message); };
    side(to_a).on_news = [this, to_a] { take_news(to_a); };
  }
}

void Torture::run(Duration span) {
  for (const bool a : {true, false}) {
    open(a, {.label = "tunnel", .ordered = false, .max_retransmits = 0});
    open(a, {.label = "files"});
    open(a, {.label = "bag", .ordered = false});
    open(a, {.label = "twice", .max_retransmits = 2});
    open(a, {.label = "fresh", .ordered = false, .max_lifetime = 100ms});
    open(a, {.label = "fresh in order", .max_lifetime = 300ms});
  }
  const Instant end = link_.now() + span;
  while (link_.now() < end && faults_.empty()) step();
}

void Torture::step() {
  for (const bool a : {true, false}) {
    if (random_.below(4) == 0) send_some(a);
    if (random_.below(40) == 0) begin_short(a);
  }
  link_.run(kStep);
  for (const bool a : {true, false}) {
    most_buffered_ = std::max(most_buffered_, side(a).association.buffered_bytes());
    if (side(a).seen.closed)
      fault(std::string("the association ended: ") + std::string(to_string(*side(a).seen.closed)));
  }
}

void Torture::open(bool by_a, const ChannelOptions& options) {
  const auto id = side(by_a).association.open_channel(link_.now(), options);
  if (!id) return;
  ledgers_[{by_a, *id}] = Ledger{.options = options, .arrived = {}};
}

// The side that did not open a long channel sends on it as well, once it knows it.
void Torture::take_news(bool a) {
  Seen& seen = side(a).seen;
  for (; opened_seen_[a] < seen.opened.size(); ++opened_seen_[a]) {
    const ChannelOpened& opened = seen.opened[opened_seen_[a]];
    if (opened.by_remote) ledgers_[{a, opened.channel}] = Ledger{.options = opened.options, .arrived = {}};
  }
  for (; closed_seen_[a] < seen.closed_channels.size(); ++closed_seen_[a]) {
    on_closed(a, seen.closed_channels[closed_seen_[a]]);
  }
}

void Torture::send_some(bool a) {
  for (auto& [key, ledger] : ledgers_) {
    if (key.first != a || ledger.closed || ledger.options.label == kShort || random_.below(2) == 0) continue;
    for (std::uint32_t n = random_.below(6); n > 0; --n) send_one(a, key.second, ledger);
  }
}

void Torture::send_one(bool a, ChannelId id, Ledger& ledger) {
  const auto message = content(ledger.options, ledger.sent);
  const auto taken = side(a).association.send(link_.now(), id, MessageKind::kBinary, message);
  if (!taken) return;
  ++ledger.sent;
  ++sent_;
  ledger.arrived.push_back(false);
}

// A channel that lives for a few messages and is closed with all of them on the way; two at once now and then.
void Torture::begin_short(bool a) {
  for (std::uint32_t n = 1 + random_.below(2); n > 0; --n) {
    const auto id = side(a).association.open_channel(link_.now(), {.label = std::string(kShort)});
    if (!id) return;
    Ledger& ledger = ledgers_[{a, *id}] = Ledger{.options = {.label = std::string(kShort)}, .arrived = {}};
    for (std::uint32_t i = random_.below(20); i > 0; --i) send_one(a, *id, ledger);
    side(a).association.close_channel(link_.now(), *id);
    ledger.closed = true;
    ++short_channels_;
  }
}

void Torture::on_message(bool from_a, Message& message) {
  const auto found = ledgers_.find({from_a, message.channel});
  if (found == ledgers_.end()) return fault("a message on a channel that does not exist");
  Ledger& ledger = found->second;
  const std::uint32_t number = Reader(message.data.data()).u32();
  if (number >= ledger.sent) return fault(name(ledger, number) + " was never sent");
  if (!std::ranges::equal(message.data.data(), content(ledger.options, number)))
    fault(name(ledger, number) + " is damaged");
  if (ledger.arrived[number]) fault(name(ledger, number) + " came twice");
  if (ledger.options.ordered && number < ledger.next) fault(name(ledger, number) + " is out of order");
  ledger.next = number + 1;
  ledger.arrived[number] = true;
  ++ledger.arrived_count;
  ++arrived_;
}

// Who closed a channel hears of it when the peer has all of it.
void Torture::on_closed(bool at_a, ChannelId id) {
  const auto found = ledgers_.find({at_a, id});
  if (found == ledgers_.end()) return fault("a channel closed that nobody knows");
  const Ledger& ledger = found->second;
  if (ledger.options.label != kShort) return fault(ledger.options.label + " closed by itself");
  if (ledger.closed && ledger.arrived_count != ledger.sent) fault("a channel closed without its last messages");
  ledgers_.erase(found);
}

void Torture::settle() {
  link_.options.loss_permille = 0;
  link_.options.duplicate_permille = 0;
  link_.run(60s);
  for (const auto& [key, ledger] : ledgers_) {
    if (ledger.options.label == kShort) fault("a short channel never closed");
    if (ledger.reliable() && ledger.arrived_count != ledger.sent) {
      fault(ledger.options.label + ": " + std::to_string(ledger.sent - ledger.arrived_count) + " messages are missing");
    }
  }
  for (const bool a : {true, false}) {
    if (side(a).association.buffered_bytes() != 0) fault("something waits for ever");
  }
}

}  // namespace bamgate::sctp::testing
