// Fragments of ClientHellos at the reassembler: those of three true messages in any order, twice and overlapping, some
// damaged, and handshake records as they are. Input: the lengths of the messages, then commands.
// Oracle: a message that is complete is one of the true ones unless a damaged fragment had a part in it, it is one
// unfragmented record, and what waits is never more than the message that it belongs to.
#include "dtls/hello_reassembler.h"

#include <algorithm>
#include <array>

#include "core/writer.h"
#include "support/decoder.h"
#include "support/pattern.h"
#include "support/require.h"

namespace {

using namespace bamgate;
using dtls::HelloReassembler;
using fuzz::require;

constexpr std::size_t kHandshake = 12;  // bytes of a handshake header

struct Hello {
  std::uint16_t message_seq;
  std::vector<std::byte> body;
};

class World {
 public:
  explicit World(fuzz::Decoder& input) : input_(input) {
    for (std::uint16_t seq = 0; seq < hellos_.size(); ++seq) {
      hellos_[seq] = {seq, testing::pattern(1 + input.u16() % 3000, seq + 1U)};
    }
  }

  void run() {
    for (int steps = 0; !input_.at_end() && steps < 200; ++steps) {
      if (input_.below(8) == 0) {
        damaged_ = true;
        add(input_.copy());
      } else {
        add(fragment());
      }
    }
    // Whatever came before: the fragments of one message in order make it whole.
    const Hello& last = hellos_[0];
    const std::size_t half = last.body.size() / 2;
    outcome_ = HelloReassembler::Outcome::kRefused;
    add(write(last, half, last.body.size() - half));
    if (half > 0) add(write(last, 0, half));
    if (outcome_ != HelloReassembler::Outcome::kComplete) add(write(last, half, last.body.size() - half));
    require(outcome_ == HelloReassembler::Outcome::kComplete, "all fragments of a message make it complete");
  }

 private:
  std::vector<std::byte> write(const Hello& hello, std::size_t offset, std::size_t size) {
    std::vector<std::byte> record(dtls::kRecordHeader + kHandshake + size);
    Writer writer(record);
    writer.u8(static_cast<std::uint8_t>(dtls::RecordType::kHandshake));
    writer.u16(dtls::kDtls12);
    writer.u16(0);
    writer.u16(0);
    writer.u32(++sequence_);
    writer.u16(static_cast<std::uint16_t>(kHandshake + size));
    writer.u8(dtls::kClientHello);
    writer.u24(static_cast<std::uint32_t>(hello.body.size()));
    writer.u16(hello.message_seq);
    writer.u24(static_cast<std::uint32_t>(offset));
    writer.u24(static_cast<std::uint32_t>(size));
    writer.bytes(Bytes(hello.body).subspan(offset, size));
    return record;
  }

  std::vector<std::byte> fragment() {
    const Hello& hello = hellos_[input_.below(hellos_.size())];
    const std::size_t offset = input_.u16() % hello.body.size();
    auto record = write(hello, offset, std::min<std::size_t>(input_.u16(), hello.body.size() - offset));
    if (input_.below(16) == 0) {
      damaged_ = true;
      record[input_.u16() % record.size()] ^= static_cast<std::byte>(input_.u8() | 1);
    }
    return record;
  }

  void add(std::vector<std::byte> bytes) {
    Bytes rest = bytes;
    const auto record = dtls::take_record(rest);
    if (!record) return;
    outcome_ = reassembler_.add(*record);
    require(reassembler_.buffered() <= 16384, "what waits is bounded");
    if (outcome_ != HelloReassembler::Outcome::kComplete) return;
    Bytes message = reassembler_.message();
    const auto whole = dtls::take_record(message);
    require(whole && message.empty(), "a complete message is one record");
    Bytes payload = whole->payload;
    const auto read = dtls::take_fragment(payload);
    require(read && payload.empty() && read->offset == 0 && read->body.size() == read->length, "and is not fragmented");
    require(whole->sequence == record->sequence, "it has the number of the fragment that completed it");
    const bool is_true = std::ranges::any_of(hellos_, [&](const Hello& hello) {
      return hello.message_seq == read->message_seq && std::ranges::equal(hello.body, read->body);
    });
    require(is_true || damaged_, "two messages are never mixed");
  }

  fuzz::Decoder& input_;
  std::array<Hello, 3> hellos_;
  HelloReassembler reassembler_;
  HelloReassembler::Outcome outcome_ = HelloReassembler::Outcome::kRefused;
  std::uint32_t sequence_ = 0;
  bool damaged_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  World(input).run();
  return 0;
}
