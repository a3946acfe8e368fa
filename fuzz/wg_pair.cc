// Two WireGuard tunnels by commands: send, deliver, drop, double, damage, swap, advance time, restart.
// Oracle: what was sent is received once or not at all, and in no other form; and after a calm minute packets flow.
#include <array>
#include <chrono>
#include <map>
#include <set>
#include <vector>

#include "core/buffer_pool.h"
#include "support/decoder.h"
#include "support/require.h"
#include "support/seeded_random.h"
#include "wg/tunnel.h"

namespace {

using namespace bamgate;
using fuzz::require;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Message = std::vector<std::byte>;

/// Made once: the same in every run, and slow to make.
const std::array<wg::PrivateKey, 2>& keys() {
  static const std::array<wg::PrivateKey, 2> made = [] {
    testing::SeededRandom random(1);
    return std::array{wg::PrivateKey::generate(random), wg::PrivateKey::generate(random)};
  }();
  return made;
}

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), ends_{make_end(0), make_end(1)} {}

  void run(fuzz::Decoder& input) {
    for (int steps = 0; !input.at_end() && steps < 400; ++steps) {
      step(input);
      settle();
    }
    calm();
  }

 private:
  struct End {
    wg::Tunnel tunnel;
    std::map<std::uint64_t, Message> sent;
    std::set<std::uint64_t> received;  // numbers of the other side's packets
    std::vector<Message> wire;         // on the way to this end
  };

  End make_end(std::size_t which) {
    const wg::Tunnel::Options options{.local = keys()[which],
                                      .remote = keys()[1 - which].public_key(),
                                      .persistent_keepalive = seconds(which == 0 ? 0 : 25),
                                      .clock = {UnixTime{1'700'000'000}, now_}};
    return {wg::Tunnel::create(options, random_).value(), {}, {}, {}};
  }

  void step(fuzz::Decoder& input) {
    const std::size_t which = input.below(2);
    End& end = ends_[which];
    switch (input.below(12)) {
      case 0:
      case 1:
        return send(which, 28 + input.below(64));
      case 2:
      case 3:
      case 4:
        return deliver(which, input.u8(), false);
      case 5:
        return deliver(which, input.u8(), true);  // and it stays on the wire: a duplicate, later a replay
      case 6:
        return drop(end, input.u8());
      case 7:
        return damage(end, input);
      case 8:
        return advance(milliseconds(input.u16()));
      case 9:
        return advance(seconds(input.u8()));
      case 10:
        return end.tunnel.initiate(now_);
      case 11:
        if (input.below(4) == 0) end.tunnel.reset(now_);
        return;
    }
  }

  void send(std::size_t from, std::size_t size) {
    Message packet(size, static_cast<std::byte>(size));
    packet[0] = std::byte{0x45};
    packet[2] = std::byte{0};
    packet[3] = static_cast<std::byte>(size);
    const std::uint64_t number = ++last_number_;
    std::memcpy(packet.data() + 20, &number, sizeof number);
    PacketBuffer buffer = pool_.copy(packet);
    if (!ends_[from].tunnel.seal(now_, buffer)) return;
    ends_[from].sent.emplace(number, std::move(packet));
    launch(1 - from, Message(buffer.data().begin(), buffer.data().end()));
  }

  void launch(std::size_t to, Message message) {
    if (ends_[to].wire.size() < 64) ends_[to].wire.push_back(std::move(message));
  }

  void deliver(std::size_t to, std::size_t index, bool stays) {
    End& end = ends_[to];
    if (end.wire.empty()) return;
    const auto at = end.wire.begin() + static_cast<std::ptrdiff_t>(index % end.wire.size());
    const Message message = *at;
    if (!stays) end.wire.erase(at);
    take(to, message);
  }

  void take(std::size_t to, const Message& message) {
    if (wg::message_type(message) != wg::MessageType::kData) {
      Message copy = message;
      (void)ends_[to].tunnel.handle_input(now_, Received{.path = {}, .data = copy});
      return;
    }
    PacketBuffer buffer = pool_.copy(message);
    const auto opened = ends_[to].tunnel.open(now_, buffer);
    if (opened && !opened->keepalive) judge(to, Message(buffer.data().begin(), buffer.data().end()));
  }

  void judge(std::size_t to, const Message& packet) {
    std::uint64_t number = 0;
    require(packet.size() >= 28, "what arrives is a whole packet");
    std::memcpy(&number, packet.data() + 20, sizeof number);
    const auto sent = ends_[1 - to].sent.find(number);
    require(sent != ends_[1 - to].sent.end(), "what arrives was sent");
    require(packet == sent->second, "what arrives is unaltered");
    require(ends_[to].received.insert(number).second, "what arrives comes once");
  }

  void drop(End& end, std::size_t index) {
    if (!end.wire.empty()) end.wire.erase(end.wire.begin() + static_cast<std::ptrdiff_t>(index % end.wire.size()));
  }

  void damage(End& end, fuzz::Decoder& input) {
    if (end.wire.empty()) return;
    Message& message = end.wire[input.below(end.wire.size())];
    const std::size_t at = input.below(message.size() + 1);
    if (at == message.size()) {
      message.resize(input.below(message.size() + 1));
      if (message.empty()) message.resize(1);
    } else {
      message[at] ^= static_cast<std::byte>(input.u8());
    }
  }

  void advance(Duration by) { now_ += by; }

  void settle() {
    for (std::size_t which = 0; which < 2; ++which) {
      wg::Tunnel& tunnel = ends_[which].tunnel;
      if (tunnel.next_timeout() <= now_) tunnel.handle_timeout(now_);
      require(tunnel.next_timeout() > now_, "no timer stays due");
      std::array<std::byte, 256> buffer{};
      for (int count = 0; const auto transmit = tunnel.poll_transmit(now_, buffer);) {
        require(++count < 10, "poll_transmit ends");
        launch(1 - which, Message(buffer.begin(), buffer.begin() + transmit->size));
      }
      while (tunnel.poll_event()) {
      }
    }
  }

  /// The storm is over: whatever happened, a packet gets through within a minute.
  void calm() {
    for (End& end : ends_) end.wire.clear();
    advance(seconds(10));
    const std::size_t before = ends_[0].received.size();
    for (int second = 0; second < 60 && ends_[0].received.size() == before; ++second) {
      send(1, 40);
      for (int round = 0; round < 4; ++round) {
        settle();
        for (const std::size_t to : {0U, 1U}) {
          while (!ends_[to].wire.empty()) deliver(to, 0, false);
        }
      }
      advance(seconds(1));
    }
    require(ends_[0].received.size() > before, "after a storm the tunnel works again");
  }

  testing::SeededRandom random_;
  BufferPool pool_;
  Instant now_{seconds(1000)};
  std::array<End, 2> ends_;
  std::uint64_t last_number_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  World(1).run(input);
  return 0;
}
