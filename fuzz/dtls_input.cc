// Datagrams of strangers at a DTLS session: client and server, after any number of the handshake's flights, and when it
// is connected. Input: role, how far the handshake went, then commands: bytes as they are, as the payload of a record
// with a plausible header, a true datagram of the peer with one change, or time.
// Oracle: garbage never opens a session and never yields plaintext that the peer did not send.
#include <array>
#include <chrono>

#include "core/writer.h"
#include "dtls/pair.h"
#include "dtls/record.h"
#include "support/decoder.h"
#include "support/require.h"

namespace {

using namespace bamgate;
using dtls::testing::Datagram;
using fuzz::require;
using std::chrono::milliseconds;

using Certificate = std::shared_ptr<const dtls::Certificate>;

/// One side; the certificates are made once, as that is slow.
dtls::Session make_session(dtls::Role role, Random& random, BufferPool& pool, const Certificate& own,
                           const Certificate& remote) {
  return dtls::Session::create({.role = role,
                                .certificate = own,
                                .remote_fingerprints = remote->fingerprint(),
                                .unix_time = dtls::testing::kToday,
                                .random = &random,
                                .pool = &pool})
      .value();
}

const std::array<Certificate, 2>& certificates() {
  static const std::array<Certificate, 2> made = [] {
    testing::SeededRandom random(1);
    const Certificate one = dtls::Certificate::generate(random, dtls::testing::kToday).value();
    return std::array{one, dtls::Certificate::generate(random, dtls::testing::kToday).value()};
  }();
  return made;
}

class World {
 public:
  explicit World(dtls::Role role)
      : victim_(make_session(role, random_, pool_, certificates()[0], certificates()[1])),
        peer_(make_session(role == dtls::Role::kClient ? dtls::Role::kServer : dtls::Role::kClient, random_, pool_,
                           certificates()[1], certificates()[0])) {}

  /// Carries so many datagrams of the true handshake.
  void prepare(std::size_t datagrams) {
    victim_.start(now_);
    peer_.start(now_);
    for (int idle = 0; idle < 2 && datagrams > 0; ++idle) {
      while (datagrams > 0 && carry(victim_, peer_, false)) --datagrams, idle = 0;
      while (datagrams > 0 && carry(peer_, victim_, true)) --datagrams, idle = 0;
    }
    drain_events();
    was_open_ = victim_.connected();
  }

  void run(fuzz::Decoder& input) {
    for (int steps = 0; !input.at_end() && steps < 64; ++steps) {
      step(input);
      std::array<std::byte, 2048> buffer{};
      for (int count = 0; victim_.poll_transmit(now_, buffer);) require(++count < 100, "poll_transmit ends");
      drain_events();
      require(victim_.next_timeout() > now_, "no timer stays due");
      require(was_open_ || !victim_.connected(), "garbage opens no session");
    }
    victim_.close(now_);
    require(!victim_.connected(), "a session that was closed is closed");
  }

 private:
  bool carry(dtls::Session& from, dtls::Session& to, bool keep) {
    std::array<std::byte, 2048> buffer{};
    const auto transmit = from.poll_transmit(now_, buffer);
    if (!transmit) return false;
    const MutableBytes datagram = MutableBytes(buffer).first(transmit->size);
    if (keep) true_ones_.emplace_back(datagram.begin(), datagram.end());
    (void)to.handle_input(now_, Received{.path = {}, .data = datagram});
    return true;
  }

  void step(fuzz::Decoder& input) {
    switch (input.below(5)) {
      case 0:
        return attack(input.copy());
      case 1:
        return attack(record(input));
      case 2:
        return attack(changed(input));
      case 3:
        return open(input);
      case 4:
        now_ += milliseconds(input.u16());
        victim_.handle_timeout(now_);
        return;
    }
  }

  /// Bytes behind a header that says: a record of this type, epoch and sequence number.
  static Datagram record(fuzz::Decoder& input) {
    const auto type = static_cast<std::uint8_t>(20 + input.below(4));
    const std::uint16_t epoch = input.flag() ? 1 : 0;
    const std::uint16_t sequence = input.u16();
    const Bytes payload = input.bytes();
    Datagram datagram(dtls::kRecordHeader + payload.size());
    Writer writer(datagram);
    writer.u8(type);
    writer.u16(dtls::kDtls12);
    writer.u16(epoch);
    writer.u32(0);
    writer.u16(sequence);
    writer.u16(static_cast<std::uint16_t>(payload.size()));
    writer.bytes(payload);
    return datagram;
  }

  /// What the peer really sent, with one byte changed: a repeat when the change is none.
  Datagram changed(fuzz::Decoder& input) {
    if (true_ones_.empty()) return {};
    Datagram datagram = true_ones_[input.below(true_ones_.size())];
    const std::size_t at = input.u16() % datagram.size();
    datagram[at] ^= static_cast<std::byte>(input.u8() | 1);
    return datagram;
  }

  void attack(Datagram datagram) { (void)victim_.handle_input(now_, Received{.path = {}, .data = datagram}); }

  void open(fuzz::Decoder& input) {
    PacketBuffer packet = pool_.copy(record(input));
    require(!victim_.open(now_, packet), "no forged record is opened");
  }

  void drain_events() {
    while (const auto event = victim_.poll_event()) {
      require(!std::holds_alternative<dtls::ApplicationData>(*event), "no plaintext comes of garbage");
    }
  }

  testing::SeededRandom random_{1};
  BufferPool pool_;
  Instant now_{std::chrono::hours(5)};
  dtls::Session victim_;
  dtls::Session peer_;
  std::vector<Datagram> true_ones_;
  bool was_open_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  World world(input.flag() ? dtls::Role::kServer : dtls::Role::kClient);
  world.prepare(input.below(16));
  world.run(input);
  return 0;
}
