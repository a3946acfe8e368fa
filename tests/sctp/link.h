// Two associations in one process, joined by a virtual link with delay, loss, duplicates and reordering. Time moves
// from deadline to deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/buffer_pool.h"
#include "core/time.h"
#include "sctp/association.h"
#include "sctp/engine.h"
#include "support/pattern.h"
#include "support/seeded_random.h"

namespace bamgate::sctp::testing {

using namespace std::chrono_literals;

/// What a side saw, in order of arrival.
struct Seen {
  bool connected = false;
  std::optional<Error> closed;
  std::vector<ChannelOpened> opened;
  std::vector<ChannelId> closed_channels;
  std::vector<Message> messages;
  std::uint64_t message_count = 0;
  std::uint64_t message_bytes = 0;
};

struct LinkOptions {
  Duration delay = 10ms;       // one way
  unsigned loss_permille = 0;  // of packets, both ways
  unsigned duplicate_permille = 0;
  Duration jitter{};  // up to this is added to each packet's delay: more than a packet time reorders
  std::uint64_t seed = 1;
};

class Link;

/// One end of the link.
struct Side {
  Side(EngineFactory& engines, const Association::Options& options, BufferPool& pool);

  Association association;
  Seen seen;
  /// When set, messages are handed here and not kept.
  std::function<void(Message&)> on_message;
  /// When set, called after `seen` has grown.
  std::function<void()> on_news;
};

struct Flight {
  bool to_b = false;
  std::vector<std::byte> packet;
};

/// Owns the pool, the runtime, both sides and what travels between them.
class Link {
 public:
  using MakeEngines = std::unique_ptr<EngineFactory> (*)(Random&);

  Link(MakeEngines make, const LinkOptions& link_options, const Association::Options& a, const Association::Options& b);
  /// Starts both sides and runs until both are connected; false when they are not within 30 s.
  bool connect();
  /// Runs until `done` holds after a step, or `span` has passed; tells whether it held.
  bool run(Duration span, const std::function<bool()>& done);
  void run(Duration span);
  /// Carries what both sides have to say at this instant onto the link.
  void drain();
  /// Replaces side B by a new association, as if its process had started afresh. Nothing is said to A.
  void replace_b();
  /// Gives a packet to one side at once, as if it had come from the link.
  std::expected<void, Error> inject(bool to_b, std::vector<std::byte> packet);
  /// Opens a channel from A and waits until both sides know it.
  ChannelId open(const ChannelOptions& options);

  Instant now() const { return now_; }
  Side& a() { return *a_; }
  Side& b() { return *b_; }
  EngineFactory& engines() { return *engines_; }
  BufferPool& pool() { return pool_; }
  /// FNV-1a over the time, direction and bytes of every packet that entered the link.
  std::uint64_t trace() const { return trace_; }
  std::uint64_t packets() const { return packets_; }
  /// How often a timer of one of the sides came due.
  std::uint64_t wakeups() const { return wakeups_; }
  std::size_t largest_packet() const { return largest_packet_; }

  LinkOptions options;
  /// Sees every packet that enters the link; false loses it.
  std::function<bool(bool to_b, MutableBytes packet)> filter;

 private:
  void collect(Side& side, bool to_b);
  void note(const Flight& flight);
  void launch(const Flight& flight);
  Instant next_deadline() const;

  ::bamgate::testing::SeededRandom engine_random_;
  ::bamgate::testing::SeededRandom link_random_;
  BufferPool pool_;
  Association::Options options_b_;
  std::unique_ptr<EngineFactory> engines_;
  std::unique_ptr<Side> a_;
  std::unique_ptr<Side> b_;
  std::multimap<Instant, Flight> flights_;  // by time of arrival
  Instant now_ = Instant(1h);
  std::uint64_t trace_ = 0xcbf29ce484222325;
  std::uint64_t packets_ = 0;
  std::uint64_t wakeups_ = 0;
  std::size_t largest_packet_ = 0;
};

/// A link over the engines that a typed test names.
template <typename EngineType>
struct LinkOf : Link {
  explicit LinkOf(const LinkOptions& link_options = {}, const Association::Options& a = {.dtls_client = true},
                  const Association::Options& b = {})
      : Link(&EngineType::make, link_options, a, b) {}
};

/// What every channel of bamgate is.
inline ChannelOptions tunnel_channel() {
  return {.label = "bamgate", .protocol = "", .ordered = false, .max_retransmits = 0};
}
inline ChannelOptions reliable_channel() { return {.label = "files", .protocol = "copy"}; }

using bamgate::testing::pattern;

}  // namespace bamgate::sctp::testing
