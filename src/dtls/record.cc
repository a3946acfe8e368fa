#include "dtls/record.h"

#include "core/reader.h"

namespace bamgate::dtls {

std::optional<Record> take_record(Bytes& datagram) {
  Reader reader(datagram);
  Record record;
  const std::uint8_t type = reader.u8();
  record.version = reader.u16();
  record.epoch = reader.u16();
  record.sequence = static_cast<std::uint64_t>(reader.u16()) << 32;
  record.sequence |= reader.u32();
  record.payload = reader.bytes(reader.u16());
  const bool known_type = type >= static_cast<std::uint8_t>(RecordType::kChangeCipherSpec) &&
                          type <= static_cast<std::uint8_t>(RecordType::kApplicationData);
  const bool known_version = record.version == kDtls12 || record.version == kDtls10;
  if (!reader.ok() || !known_type || !known_version) return std::nullopt;
  record.type = static_cast<RecordType>(type);
  record.whole = datagram.first(kRecordHeader + record.payload.size());
  datagram = datagram.subspan(record.whole.size());
  return record;
}

std::optional<HandshakeFragment> take_fragment(Bytes& payload) {
  Reader reader(payload);
  HandshakeFragment fragment;
  fragment.type = reader.u8();
  fragment.length = reader.u24();
  fragment.message_seq = reader.u16();
  fragment.offset = reader.u24();
  const std::uint32_t size = reader.u24();
  fragment.body = reader.bytes(size);
  if (!reader.ok() || fragment.offset > fragment.length || size > fragment.length - fragment.offset) {
    return std::nullopt;
  }
  payload = reader.rest();
  return fragment;
}

bool is_plausible(const Record& record) {
  if (record.payload.empty() || record.payload.size() > kMaxPlaintext) return false;
  switch (record.type) {
    case RecordType::kChangeCipherSpec:
      return record.payload.size() == 1 && record.payload[0] == std::byte{1};
    case RecordType::kAlert:
      return record.payload.size() == 2;
    case RecordType::kHandshake: {
      Bytes rest = record.payload;
      while (!rest.empty()) {
        const auto fragment = take_fragment(rest);
        if (!fragment || fragment->length > kMaxPlaintext - kHandshakeHeader) return false;
      }
      return true;
    }
    case RecordType::kApplicationData:
      return false;  // never unencrypted
  }
  return false;
}

}  // namespace bamgate::dtls
