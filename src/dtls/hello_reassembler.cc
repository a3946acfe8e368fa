#include "dtls/hello_reassembler.h"

#include "core/writer.h"

namespace bamgate::dtls {

HelloReassembler::Outcome HelloReassembler::add(const Record& record) {
  Bytes rest = record.payload;
  const auto fragment = take_fragment(rest);
  if (!fragment || !rest.empty() || fragment->type != kClientHello || fragment->body.empty()) return Outcome::kRefused;
  if (fragment->length > kMaxPlaintext - kHandshakeHeader) return Outcome::kRefused;
  if (fragment->body.size() == fragment->length) {
    message_ = record.whole;
    return Outcome::kComplete;
  }
  if (buffered_ == 0 || message_seq_ != fragment->message_seq || body_.size() != fragment->length ||
      contradicts(*fragment)) {
    restart(*fragment);
  }
  keep(*fragment);
  if (buffered_ < body_.size()) return Outcome::kIncomplete;
  finish(record);
  return Outcome::kComplete;
}

void HelloReassembler::restart(const HandshakeFragment& fragment) {
  message_seq_ = fragment.message_seq;
  buffered_ = 0;
  body_.assign(fragment.length, std::byte{0});
  present_.assign(fragment.length, false);
}

bool HelloReassembler::contradicts(const HandshakeFragment& fragment) const {
  for (std::size_t i = 0; i < fragment.body.size(); ++i) {
    if (present_[fragment.offset + i] && body_[fragment.offset + i] != fragment.body[i]) return true;
  }
  return false;
}

void HelloReassembler::keep(const HandshakeFragment& fragment) {
  for (std::size_t i = 0; i < fragment.body.size(); ++i) {
    const std::size_t at = fragment.offset + i;
    if (!present_[at]) ++buffered_;
    present_[at] = true;
    body_[at] = fragment.body[i];
  }
}

void HelloReassembler::finish(const Record& record) {
  output_.resize(kRecordHeader + kHandshakeHeader + body_.size());
  Writer writer(output_);
  const auto length = static_cast<std::uint32_t>(body_.size());
  writer.u8(static_cast<std::uint8_t>(RecordType::kHandshake));
  writer.u16(record.version);
  writer.u16(record.epoch);
  writer.u16(static_cast<std::uint16_t>(record.sequence >> 32));
  writer.u32(static_cast<std::uint32_t>(record.sequence));
  writer.u16(static_cast<std::uint16_t>(kHandshakeHeader + body_.size()));
  writer.u8(kClientHello);
  writer.u24(length);
  writer.u16(message_seq_);
  writer.u24(0);
  writer.u24(length);
  writer.bytes(body_);
  message_ = output_;
  buffered_ = 0;
  body_.clear();
  present_.clear();
}

}  // namespace bamgate::dtls
