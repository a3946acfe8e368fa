// Two SCTP associations on a virtual link, by commands: channels of every kind that open and close, messages of every
// size, loss, duplicates and reordering, full queues, an end in good order or by ABORT. Input: the options of both,
// then commands. Oracle: what arrives was sent on that channel, unaltered and once; what is ordered comes in order;
// what is reliable comes without gaps, and all of it once the link is calm, unless its channel or the association has
// ended.
#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "sctp/engine.h"
#include "sctp/link.h"
#include "support/decoder.h"
#include "support/require.h"

namespace {

using namespace bamgate;
using fuzz::require;
using sctp::ChannelId;
using sctp::testing::Link;
using sctp::testing::Side;
using namespace std::chrono_literals;

constexpr std::size_t kNumber = 4;  // bytes in front of each message

std::unique_ptr<sctp::EngineFactory> make_engines(Random& random) { return sctp::make_engine_factory(random).value(); }

/// One direction of a channel.
struct Flow {
  std::vector<std::vector<std::byte>> sent;
  std::set<std::uint32_t> arrived;
};

/// A channel from its opening on; numbers of channels are used again, these are not.
struct Life {
  sctp::ChannelOptions options;
  bool closing = false;
  Flow to_a;
  Flow to_b;
};

class World {
 public:
  explicit World(fuzz::Decoder& input) : input_(input) {
    link_.a().on_message = [this](sctp::Message& message) { judge(link_.a(), message); };
    link_.b().on_message = [this](sctp::Message& message) { judge(link_.b(), message); };
    link_.filter = [this](bool, MutableBytes) {
      if (lose_next_ == 0) return true;
      --lose_next_;
      return false;
    };
  }

  void run() {
    require(link_.connect(), "a calm link connects");
    for (int steps = 0; !input_.at_end() && steps < 120; ++steps) {
      step();
      link_.drain();
    }
    calm();
  }

 private:
  /// `largest`: what both sides agreed on.
  static sctp::Association::Options options(unsigned bits, bool client, std::uint32_t largest) {
    sctp::Association::Options made{.dtls_client = client};
    made.max_message_size = largest;
    made.path_mtu = (bits & 1) != 0 ? 576 : 1340;
    if ((bits & 4) != 0) made.queue.max_bytes = 8192;
    return made;
  }

  void step() {
    Side& side = input_.flag() ? link_.a() : link_.b();
    switch (input_.below(12)) {
      case 0:
      case 1:
        return open(side);
      case 2:
      case 3:
      case 4:
      case 5:
        return send(side, 1 + input_.below(8));
      case 6:
        return close(side);
      case 7:
        return weather();
      case 8:
      case 9:
        return link_.run(std::chrono::milliseconds(input_.u8()));
      case 10:
        return link_.run(std::chrono::milliseconds(20 * input_.u8()));
      case 11:
        return end(side);
    }
  }

  void open(Side& side) {
    if (lives_.size() >= 24) return;
    sctp::ChannelOptions options{.label = std::to_string(lives_.size())};
    options.ordered = input_.flag();
    switch (input_.below(4)) {
      case 0:
        options.max_retransmits = static_cast<std::uint16_t>(input_.below(3));
        break;
      case 1:
        options.max_lifetime = std::chrono::milliseconds(input_.u8());
        break;
      default:;
    }
    const auto id = side.association.open_channel(link_.now(), options);
    if (!id) return;
    own_[&side][*id] = lives_.size();
    lives_.push_back({.options = std::move(options), .to_a = {}, .to_b = {}});
    sctp::QueueLimits limits{.max_bytes = 2000};
    if (!is_reliable(lives_.back())) {
      limits.max_age = 50ms;
      limits.codel = true;
    }
    if (input_.below(4) == 0) side.association.set_queue(*id, limits);
  }

  /// The channel that a side has under this number now; none before it knows of it.
  std::optional<std::size_t> life_of(Side& side, ChannelId id) {
    const bool ours = (static_cast<unsigned>(id) % 2 == 0) == (&side == &link_.a());
    if (ours) {
      const auto found = own_[&side].find(id);
      return found == own_[&side].end() ? std::nullopt : std::optional(found->second);
    }
    const auto& opened = side.seen.opened;
    const auto latest =
        std::ranges::find_if(opened.rbegin(), opened.rend(), [&](const auto& one) { return one.channel == id; });
    return latest == opened.rend() ? std::nullopt : std::optional<std::size_t>(std::stoul(latest->options.label));
  }

  /// Any channel that the side knows, from the input.
  std::optional<ChannelId> any_channel(Side& side) {
    std::vector<ChannelId> all;
    for (const auto& [id, life] : own_[&side]) all.push_back(id);
    for (const auto& opened : side.seen.opened) {
      if (opened.by_remote) all.push_back(opened.channel);
    }
    if (all.empty()) return std::nullopt;
    return all[input_.below(all.size())];
  }

  void send(Side& side, std::size_t count) {
    const auto id = any_channel(side);
    if (!id) return;
    const std::size_t size = kNumber + input_.u16() % 5000;
    for (; count > 0; --count) {
      Life& life = lives_[*life_of(side, *id)];
      Flow& flow = &side == &link_.a() ? life.to_b : life.to_a;
      const auto number = static_cast<std::uint32_t>(flow.sent.size());
      auto message = sctp::testing::pattern(size, number);
      std::memcpy(message.data(), &number, sizeof number);
      const auto kind = (number & 1) != 0 ? sctp::MessageKind::kText : sctp::MessageKind::kBinary;
      if (!side.association.send(link_.now(), *id, kind, message)) return;
      flow.sent.push_back(std::move(message));
    }
  }

  void close(Side& side) {
    const auto id = any_channel(side);
    if (!id) return;
    lives_[*life_of(side, *id)].closing = true;
    side.association.close_channel(link_.now(), *id);
  }

  void weather() {
    const unsigned what = input_.u8();
    link_.options.loss_permille = (what & 1) != 0 ? 50 : 0;
    link_.options.duplicate_permille = (what & 2) != 0 ? 50 : 0;
    link_.options.jitter = (what & 4) != 0 ? 15ms : 0ms;
    lose_next_ = (what & 8) != 0 ? what >> 4 : 0;
  }

  void end(Side& side) {
    // Rarely: it ends the conversation.
    const unsigned what = input_.u8();
    if (what < 4) side.association.abort(link_.now());
    if (what >= 4 && what < 12) side.association.shutdown(link_.now());
    if (what >= 4 && what < 12) shut_down_ = true;
    if (what < 4) aborted_ = true;
  }

  void judge(Side& side, const sctp::Message& message) {
    const auto index = life_of(side, message.channel);
    require(index.has_value(), "a message comes on a channel that is known");
    Life& life = lives_[*index];
    Flow& flow = &side == &link_.a() ? life.to_a : life.to_b;
    const Bytes data = message.data.data();
    require(data.size() >= kNumber, "what arrives was sent");
    std::uint32_t number = 0;
    std::memcpy(&number, data.data(), sizeof number);
    require(number < flow.sent.size() && std::ranges::equal(data, flow.sent[number]),
            "what arrives was sent, unaltered");
    require((message.kind == sctp::MessageKind::kText) == ((number & 1) != 0), "a message keeps its kind");
    if (life.options.ordered && !flow.arrived.empty()) {
      require(number > *flow.arrived.rbegin(), "what is ordered arrives in order");
    }
    require(flow.arrived.insert(number).second, "what arrives comes once");
    if (life.options.ordered && is_reliable(life)) {
      require(number + 1 == flow.arrived.size(), "what is ordered and reliable has no gaps");
    }
  }
  static bool is_reliable(const Life& life) { return !life.options.max_retransmits && !life.options.max_lifetime; }

  void calm() {
    link_.options.loss_permille = link_.options.duplicate_permille = 0;
    link_.options.jitter = 0ms;
    lose_next_ = 0;
    const auto over = [this] { return link_.a().seen.closed || link_.b().seen.closed; };
    const auto complete = [this] {
      return std::ranges::all_of(lives_, [](const Life& life) {
        return life.closing || !is_reliable(life) ||
               (life.to_a.arrived.size() == life.to_a.sent.size() && life.to_b.arrived.size() == life.to_b.sent.size());
      });
    };
    link_.run(300s, [&] { return over() || complete(); });
    require(over() || complete(), "what is reliable arrives in the end");
    // An engine may end the association when a stream is reset that waits for lost data (docs/sctp.md).
    const bool reset = std::ranges::any_of(lives_, [](const Life& life) { return life.closing; });
    require(!over() || shut_down_ || aborted_ || reset, "an association ends only when somebody ends it");
    const auto both_over = [this] { return link_.a().seen.closed && link_.b().seen.closed; };
    // An ABORT that is lost is not repeated: the other side learns of it by what it sends itself, or by ICE.
    if (!shut_down_ || aborted_) return;
    link_.run(1h, both_over);
    require(both_over(), "an end in good order reaches both sides");
  }

  fuzz::Decoder& input_;
  const unsigned bits_ = input_.u8();
  const std::uint32_t largest_ = (bits_ & 2) != 0 ? 4096 : 16384;
  Link link_{&make_engines, {}, options(bits_, true, largest_), options(bits_ >> 3, false, largest_)};
  std::vector<Life> lives_;
  std::map<Side*, std::map<ChannelId, std::size_t>> own_;
  unsigned lose_next_ = 0;
  bool shut_down_ = false;
  bool aborted_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  World(input).run();
  return 0;
}
