// Two peer connections by commands: send, let time pass; and the network drops, doubles, damages or holds back each
// datagram as the input says.
// Oracle: what arrives was sent, unaltered and once; on the ordered reliable channel in order and without gaps; and if
// both sides live through it, everything reliable arrives when the network is calm again.
#include <set>

#include "peer/link.h"
#include "support/decoder.h"
#include "support/require.h"

namespace {

using namespace bamgate;
using fuzz::require;
using peer::testing::Link;
using peer::testing::Side;
using namespace std::chrono_literals;

/// What one side sends on its two channels, and what of it has arrived.
struct Ledger {
  std::vector<std::vector<std::byte>> reliable;
  std::size_t reliable_arrived = 0;
  std::vector<std::vector<std::byte>> tunnel;
  std::set<std::uint32_t> tunnel_arrived;
};

class World {
 public:
  explicit World(fuzz::Decoder& input) : input_(input) {
    link_.filter = [this](const Side& from, Bytes datagram) { return fate(from, datagram); };
    link_.a.on_message = [this](peer::Message& message) { judge(from_b_, link_.a, message); };
    link_.b.on_message = [this](peer::Message& message) { judge(from_a_, link_.b, message); };
  }

  void run() {
    if (input_.flag()) {
      require(link_.connect(), "a calm network connects");
      wild_ = true;
    } else {
      wild_ = true;
      (void)(link_.negotiate() && link_.trickle(link_.a) && link_.trickle(link_.b));
    }
    for (int steps = 0; !input_.at_end() && steps < 200; ++steps) step();
    calm();
  }

 private:
  struct Held {
    bool to_b;
    std::vector<std::byte> datagram;
  };

  bool fate(const Side& from, Bytes datagram) {
    if (!wild_ || input_.at_end()) return true;
    const std::size_t what = input_.below(10);
    if (what < 6) return true;
    if (what == 6) return false;
    if (held_.size() < 32) held_.push_back({&from == &link_.a, {datagram.begin(), datagram.end()}});
    if (what == 8) damage(held_.back().datagram);
    return what == 9;  // now, and a second time later
  }

  void damage(std::vector<std::byte>& datagram) {
    if (datagram.empty()) return;
    datagram[input_.u16() % datagram.size()] ^= static_cast<std::byte>(input_.u8());
    if (input_.below(8) == 0) datagram.resize(1 + input_.u16() % datagram.size());
  }

  void step() {
    const bool a = input_.flag();
    Side& side = a ? link_.a : link_.b;
    switch (input_.below(8)) {
      case 0:
      case 1:
        return send(side, a ? from_a_ : from_b_, true);
      case 2:
        return send(side, a ? from_a_ : from_b_, false);
      case 3:
        return release();
      case 4:
      case 5:
        return link_.run(std::chrono::milliseconds(input_.u8()));
      case 6:
        return link_.run(std::chrono::milliseconds(10 * input_.u8()));
      case 7:
        return inject(side);
    }
  }

  void send(Side& side, Ledger& ledger, bool reliable) {
    auto& sent = reliable ? ledger.reliable : ledger.tunnel;
    const std::size_t size = 4 + (reliable ? input_.u16() % 4000 : input_.u16() % 1300);
    auto message = peer::testing::pattern(size, static_cast<std::uint32_t>(sent.size()));
    const auto number = static_cast<std::uint32_t>(sent.size());
    std::memcpy(message.data(), &number, sizeof number);
    if (side->send(link_.now(), side.channel(reliable ? "reliable" : "bamgate"), message)) {
      sent.push_back(std::move(message));
    }
  }

  /// A datagram that was held back arrives late, perhaps behind others.
  void release() {
    if (held_.empty()) return;
    const auto at = held_.begin() + static_cast<std::ptrdiff_t>(input_.below(held_.size()));
    Held late = std::move(*at);
    held_.erase(at);
    deliver(late.to_b, std::move(late.datagram));
  }
  /// Bytes of a stranger who forges the peer's address.
  void inject(Side& side) { deliver(&side == &link_.b, input_.copy()); }
  void deliver(bool to_b, std::vector<std::byte> datagram) {
    Side& to = to_b ? link_.b : link_.a;
    (void)link_.deliver(to, to_b ? link_.a.address : link_.b.address, std::move(datagram));
    link_.drain();
  }

  static void judge(Ledger& ledger, const Side& at, const peer::Message& message) {
    const Bytes data = message.data.data();
    const bool reliable = message.channel == at.channel("reliable");
    const auto& sent = reliable ? ledger.reliable : ledger.tunnel;
    require(data.size() >= 4, "what arrives was sent");
    std::uint32_t number = 0;
    std::memcpy(&number, data.data(), sizeof number);
    require(number < sent.size(), "what arrives was sent");
    require(std::ranges::equal(data, sent[number]), "what arrives is unaltered");
    if (reliable) {
      require(number == ledger.reliable_arrived, "what is ordered and reliable arrives in order, without gaps");
      ++ledger.reliable_arrived;
    } else {
      require(ledger.tunnel_arrived.insert(number).second, "what arrives comes once");
    }
  }

  void calm() {
    wild_ = false;
    held_.clear();
    const auto done = [this] {
      return from_a_.reliable_arrived == from_a_.reliable.size() && from_b_.reliable_arrived == from_b_.reliable.size();
    };
    const auto over = [this] { return link_.a.closed || link_.b.closed; };
    link_.run(60s, [&] { return done() || over(); });
    if (!over()) require(done(), "everything reliable arrives in the end");
  }

  fuzz::Decoder& input_;
  Link link_{{.channels = {peer::testing::tunnel_channel(), peer::testing::reliable_channel()}}};
  Ledger from_a_;
  Ledger from_b_;
  std::vector<Held> held_;
  bool wild_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  World(input).run();
  return 0;
}
