// SCTP packets of a malicious peer, who holds the DTLS keys and knows tags and TSNs. Input: how far the association
// went, then commands: chunks in a packet with the right header and checksum, fragments of unordered messages in every
// order with some given up, a packet of the true peer with one change and its checksum put right, raw bytes, messages
// of ours, time. Oracle: no crash, no endless talk, no message larger than was agreed; fragments in any order make no
// message but those that they are of, and do not end the association.
#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "core/writer.h"
#include "sctp/crafted.h"
#include "sctp/engine.h"
#include "sctp/link.h"
#include "sctp/packet.h"
#include "support/decoder.h"
#include "support/require.h"

namespace {

using namespace bamgate;
using fuzz::require;
using sctp::testing::Link;
using namespace std::chrono_literals;

constexpr std::uint32_t kMaxMessage = 16384;
constexpr std::size_t kLargestPacket = 1400;  // about
constexpr unsigned kForwardTsn = 192;         // RFC 3758 §3.2
constexpr unsigned kEnd = 1;                  // RFC 9260 §3.3.1
constexpr unsigned kBegin = 2;
constexpr unsigned kUnordered = 4;
constexpr unsigned kFirstFlag = 64;  // flags in what a fragment carries, above its number
constexpr std::uint32_t kTextPpid = 51;

std::unique_ptr<sctp::EngineFactory> make_engines(Random& random) { return sctp::make_engine_factory(random).value(); }

class World {
 public:
  explicit World(fuzz::Decoder& input) : input_(input) {
    link_.filter = [this](bool to_b, MutableBytes packet) {
      if (to_b && true_ones_.size() < 32) true_ones_.emplace_back(packet.begin(), packet.end());
      for (sctp::ChunkWalk walk(packet); to_b && walk.next();) {
        if (const auto chunk = walk.data()) last_ = *chunk;
      }
      return to_b || !replaced_;
    };
    link_.b().on_message = [this](sctp::Message& message) {
      require(message.data.size() <= kMaxMessage, "no message is larger than was agreed");
      if (message.kind == sctp::MessageKind::kText && !forged_) expect_sequence(message.data.data());
    };
  }

  void run() {
    prepare(input_.below(4));
    for (int steps = 0; !input_.at_end() && steps < 100; ++steps) {
      step();
      link_.drain();
    }
    link_.run(2s);
    require(forged_ || !link_.b().seen.closed, "fragments end no association");
  }

 private:
  void prepare(std::size_t stage) {
    if (stage == 0) {
      link_.a().association.start(link_.now());
      link_.b().association.start(link_.now());
      return link_.drain();  // INITs are on their way
    }
    require(link_.connect(), "a calm link connects");
    if (stage < 2) return;
    channel_ = link_.open({.label = "target"});
    if (stage == 3) {
      (void)link_.a().association.send(link_.now(), channel_, sctp::MessageKind::kBinary,
                                       sctp::testing::pattern(4000, 1));
    }
    link_.run(200ms);
  }

  void step() {
    switch (input_.below(6)) {
      case 0:
        return forge(chunks());
      case 1:
        return inject(fragments());
      case 2:
        return forge(changed());
      case 3:
        return forge(input_.copy());
      case 4:
        if (replaced_) return;  // nobody would acknowledge it
        (void)link_.b().association.send(link_.now(), channel_, sctp::MessageKind::kText,
                                         sctp::testing::pattern(1 + input_.u8(), 7));
        return;
      case 5:
        return link_.run(std::chrono::milliseconds(4 * input_.u8()));
    }
  }

  void forge(std::vector<std::byte> packet) {
    forged_ = true;
    inject(std::move(packet));
  }

  void inject(std::vector<std::byte> packet) { (void)link_.inject(true, std::move(packet)); }

  std::uint32_t true_tag() const {
    return true_ones_.empty() ? 0 : sctp::read_common_header(true_ones_.back()).verification_tag;
  }

  /// Up to four chunks with true lengths behind the header that the peer would write.
  std::vector<std::byte> chunks() {
    const std::uint32_t tag = input_.below(8) == 0 ? 0 : true_tag();
    std::vector<std::byte> all;
    for (std::size_t count = 1 + input_.below(4); count > 0; --count) {
      const std::uint8_t type = input_.u8();
      const std::uint8_t flags = input_.u8();
      append(all, sctp::testing::crafted_chunk(type, flags, input_.bytes()));
      if (all.size() > kLargestPacket) break;
    }
    return sctp::testing::crafted_packet(tag, all);
  }

  /// Up to eight FORWARD TSN and DATA chunks; each fragment's TSN says what it carries. Nothing before the true peer
  /// has sent some.
  std::vector<std::byte> fragments() {
    if (!last_) return {};
    replaced_ = true;
    std::vector<std::byte> all;
    std::set<std::uint8_t> numbers;
    std::vector<std::byte> given_up;  // RFC 9260 §6.10: DATA chunks come last
    for (std::size_t count = 1 + input_.below(8); count > 0; --count) {
      const auto ahead = static_cast<std::uint8_t>(1 + input_.below(32));
      std::vector<std::byte> value(sizeof(std::uint32_t));
      Writer(value).u32(last_->tsn + ahead);
      if (!numbers.insert(ahead).second) continue;  // two of one number in a packet: either may be taken for the other
      const std::uint8_t kind = input_.u8();
      if (kind % 8 == 0) {
        append(given_up, sctp::testing::crafted_chunk(kForwardTsn, 0, value));
        continue;
      }
      value.resize(sctp::kDataHeader - sctp::kChunkHeader + 1 + kind / 8);
      Writer writer(MutableBytes(value).subspan(sizeof(std::uint32_t)));
      writer.u16(last_->stream);
      writer.u16(0);
      writer.u32(kTextPpid);
      const unsigned flags = kind & (kBegin | kEnd);
      const auto content = static_cast<std::byte>(ahead | (flags * kFirstFlag));
      std::fill(value.begin() + sctp::kDataHeader - sctp::kChunkHeader, value.end(), content);
      append(all, sctp::testing::crafted_chunk(0, kUnordered | flags, value));
    }
    append(given_up, all);
    return sctp::testing::crafted_packet(true_tag(), given_up);
  }

  static void append(std::vector<std::byte>& all, const std::vector<std::byte>& chunk) {
    all.insert(all.end(), chunk.begin(), chunk.end());
  }

  static void expect_sequence(Bytes message) {
    const auto has_flag = [&](std::size_t at, unsigned flag) {
      return (std::to_integer<unsigned>(message[at]) & flag * kFirstFlag) != 0;
    };
    require(has_flag(0, kBegin) && has_flag(message.size() - 1, kEnd), "a message has its begin and its end");
    for (std::size_t i = 1; i < message.size(); ++i) {
      if (message[i] == message[i - 1]) continue;
      const auto number = [&](std::size_t at) { return std::to_integer<unsigned>(message[at]) % kFirstFlag; };
      require(number(i) == number(i - 1) + 1, "fragments of a message follow each other");
      require(!has_flag(i - 1, kEnd) && !has_flag(i, kBegin), "a message has one begin and one end");
    }
  }

  std::vector<std::byte> changed() {
    if (true_ones_.empty()) return {};
    std::vector<std::byte> packet = true_ones_[input_.below(true_ones_.size())];
    for (std::size_t changes = 1 + input_.below(3); changes > 0; --changes) {
      packet[input_.u16() % packet.size()] = static_cast<std::byte>(input_.u8());
    }
    if (packet.size() >= sctp::kCommonHeader) sctp::write_checksum(packet);
    sctp::ChunkWalk walk(packet);
    for (std::size_t count = 0; walk.next(); ++count) {
      require(count < packet.size() / sctp::kChunkHeader, "chunks come to an end");
      (void)walk.data();
      (void)walk.number_at(4);
    }
    return packet;
  }

  fuzz::Decoder& input_;
  Link link_{&make_engines, {}, {.dtls_client = true}, {.max_message_size = kMaxMessage}};
  std::vector<std::vector<std::byte>> true_ones_;
  std::optional<sctp::DataChunk> last_;  // of the true peer
  bool forged_ = false;                  // what arrives may be anything
  bool replaced_ = false;  // the true peer hears nothing any more: the numbers in the answers are not its own
  sctp::ChannelId channel_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  World(input).run();
  return 0;
}
