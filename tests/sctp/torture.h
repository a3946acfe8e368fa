// A seeded torture of two associations: long-lived channels of every kind in both directions and short ones that open
// and close all the time, over a link that loses, doubles, delays and reorders. It keeps books of what was sent and
// what arrived.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sctp/link.h"

namespace bamgate::sctp::testing {

/// One direction of one channel: what was sent and what came out.
struct Ledger {
  ChannelOptions options;
  std::uint32_t sent = 0;
  std::uint32_t next = 0;     // the lowest number that an ordered channel may bring
  std::vector<bool> arrived;  // by number
  std::uint32_t arrived_count = 0;
  bool closed = false;  // our side asked for the close

  bool reliable() const { return !options.max_retransmits && !options.max_lifetime; }
};

class Torture {
 public:
  Torture(Link& link, std::uint64_t seed);
  /// Opens the long-lived channels, then sends, opens and closes at random for `span`.
  void run(Duration span);
  /// Stops the damage and waits until nothing moves any more.
  void settle();

  /// Every breach of a promise, in words; empty when all were kept.
  const std::vector<std::string>& faults() const { return faults_; }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t arrived() const { return arrived_; }
  std::size_t most_buffered() const { return most_buffered_; }
  std::uint64_t short_channels() const { return short_channels_; }

 private:
  using Key = std::pair<bool, ChannelId>;  // sent by A; channel

  Side& side(bool a) { return a ? link_.a() : link_.b(); }
  void open(bool by_a, const ChannelOptions& options);
  void step();
  void take_news(bool a);
  void send_some(bool a);
  void send_one(bool a, ChannelId id, Ledger& ledger);
  void begin_short(bool a);
  void on_message(bool from_a, Message& message);
  void on_closed(bool at_a, ChannelId id);
  void fault(std::string text) { faults_.push_back(std::move(text)); }

  Link& link_;
  ::bamgate::testing::SeededRandom random_;
  std::map<Key, Ledger> ledgers_;
  std::size_t opened_seen_[2]{};
  std::size_t closed_seen_[2]{};
  std::vector<std::string> faults_;
  std::uint64_t sent_ = 0;
  std::uint64_t arrived_ = 0;
  std::uint64_t short_channels_ = 0;
  std::size_t most_buffered_ = 0;
};

}  // namespace bamgate::sctp::testing
