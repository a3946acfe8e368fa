// WireGuard messages from the network at a device in each state: fresh, initiated, responded, established, under load.
// Input: the state, whether MACs are put right (so that the fuzzer reaches what stands behind them), then messages.
// Oracle: what a stranger wrote is never taken for the peer's, no event comes of it, and timers come to rest.
#include <array>
#include <chrono>

#include "core/buffer_pool.h"
#include "support/decoder.h"
#include "support/require.h"
#include "support/seeded_random.h"
#include "wg/cookie.h"
#include "wg/device.h"

namespace {

using namespace bamgate;
using fuzz::require;
using std::chrono::milliseconds;
using Message = std::vector<std::byte>;

enum class State { kFresh, kInitiated, kResponded, kEstablished, kUnderLoad, kCount };

const Path kAt{.local = SocketId{1}, .remote = {IpAddress::v4(192, 0, 2, 1), 51820}};
const Path kPeer{.local = SocketId{1}, .remote = {IpAddress::v4(192, 0, 2, 2), 51820}};

/// Two devices of which the first is attacked.
struct Stage {
  explicit Stage(std::uint64_t seed)
      : random(seed),
        key(wg::PrivateKey::generate(random)),
        other_key(wg::PrivateKey::generate(random)),
        victim({.local = key, .clock = {UnixTime{1'700'000'000}, now}}, random),
        other({.local = other_key, .clock = {UnixTime{1'700'000'000}, now}}, random),
        peer(victim.add_peer({.remote = other_key.public_key(), .endpoint = kPeer}).value()),
        victim_at_other(other.add_peer({.remote = key.public_key(), .endpoint = kAt}).value()) {}

  /// The next message of one of the two; empty when there is none.
  Message poll(wg::Device& device) {
    std::array<std::byte, 256> buffer{};
    const auto transmit = device.poll_transmit(now, buffer);
    if (!transmit) return {};
    Message message(buffer.begin(), buffer.begin() + transmit->size);
    if (&device == &victim) overhear(message);
    return message;
  }

  /// What whoever sits on the path learns: the victim's index, and a cookie that was meant for the attacker.
  void overhear(const Message& message) {
    const auto type = wg::message_type(message);
    if (type == wg::MessageType::kCookieReply) {
      if (const auto reply = wg::CookieReplyMessage::parse(message)) (void)macs.consume_reply(now, *reply);
    } else {
      index = Reader(Bytes(message).subspan(4)).u32_le();
    }
  }

  /// Carries the handshake as far as the state asks for.
  void set(State state) {
    if (state == State::kFresh || state == State::kUnderLoad) return victim.set_under_load(state == State::kUnderLoad);
    if (state == State::kResponded) {
      other.initiate(now, victim_at_other);
      Message initiation = poll(other);
      (void)victim.handle_input(now, Received{.path = kPeer, .data = initiation});
      (void)poll(victim);
      return;
    }
    victim.initiate(now, peer);
    Message initiation = poll(victim);
    if (state == State::kInitiated) return;
    (void)other.handle_input(now, Received{.path = kAt, .data = initiation});
    Message response = poll(other);
    (void)victim.handle_input(now, Received{.path = kPeer, .data = response});
    while (victim.poll_event()) {
    }
  }

  testing::SeededRandom random;
  Instant now{std::chrono::seconds(1000)};
  BufferPool pool;
  wg::PrivateKey key;
  wg::PrivateKey other_key;
  wg::Macs macs{other_key.public_key(), key.public_key()};
  std::uint32_t index = 0;
  wg::Device victim;
  wg::Device other;
  wg::PeerId peer;
  wg::PeerId victim_at_other;
};

/// Writes type, index and MACs as whoever knows our public key and sits on the path could.
void mend(Stage& stage, Message& message) {
  if (message.size() < 8) return;
  const unsigned type = 1 + std::to_integer<unsigned>(message[0]) % 4;
  constexpr std::array<std::size_t, 4> kSizes = {wg::kInitiationSize, wg::kResponseSize, wg::kCookieReplySize, 0};
  if (kSizes[type - 1] != 0) message.resize(kSizes[type - 1]);
  message[0] = static_cast<std::byte>(type);
  message[1] = message[2] = message[3] = std::byte{0};
  const std::size_t at = type == 2 ? 8 : 4;
  for (std::size_t i = 0; type != 1 && i < 4; ++i) message[at + i] = static_cast<std::byte>(stage.index >> (8 * i));
  if (type <= 2) stage.macs.write(stage.now, wg::ReceiverIndex{7}, message);
}

void attack(Stage& stage, Message message) {
  require(stage.victim.endpoint(stage.peer) == kPeer, "a stranger does not move the endpoint");
  const Path stranger{.local = SocketId{1}, .remote = {IpAddress::v4(203, 0, 113, 9), 9}};
  if (wg::message_type(message) == wg::MessageType::kData) {
    PacketBuffer buffer = stage.pool.copy(message);
    require(!stage.victim.open(stage.now, stranger, buffer), "no forged data is opened");
  } else {
    require(!stage.victim.handle_input(stage.now, Received{.path = stranger, .data = message}),
            "no forged message is taken");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  Stage stage(1);
  stage.set(static_cast<State>(input.below(static_cast<std::size_t>(State::kCount))));
  for (int round = 0; !input.at_end() && round < 64; ++round) {
    const unsigned options = input.u8();
    Message message = input.copy();
    if ((options & 1) != 0) mend(stage, message);
    if ((options & 2) != 0) stage.now += milliseconds(input.u16());
    stage.victim.handle_timeout(stage.now);
    require(stage.victim.next_timeout() > stage.now, "no timer stays due");
    attack(stage, std::move(message));
    for (int replies = 0; !stage.poll(stage.victim).empty();) require(++replies < 100, "poll_transmit ends");
    while (const auto event = stage.victim.poll_event()) {
      require(!std::holds_alternative<wg::HandshakeCompleted>(event->event), "no handshake completes");
    }
  }
  return 0;
}
