#include "wg/messages.h"

#include "core/reader.h"
#include "core/writer.h"

namespace bamgate::wg {
namespace {

// Type and the three reserved zero bytes are one little-endian number.
void write_type(Writer& writer, MessageType type) { writer.u32_le(static_cast<std::uint32_t>(type)); }
void write_index(Writer& writer, ReceiverIndex index) { writer.u32_le(static_cast<std::uint32_t>(index)); }
ReceiverIndex read_index(Reader& reader) { return ReceiverIndex{reader.u32_le()}; }
void read_into(Reader& reader, MutableBytes field) { copy_bytes(reader.bytes(field.size()), field); }

}  // namespace

std::optional<MessageType> message_type(Bytes message) {
  Reader reader(message);
  const std::uint32_t type = reader.u32_le();
  if (!reader.ok() || type < 1 || type > 4) return std::nullopt;
  return static_cast<MessageType>(type);
}

std::optional<InitiationMessage> InitiationMessage::parse(Bytes message) {
  if (message.size() != kInitiationSize || message_type(message) != MessageType::kInitiation) return std::nullopt;
  Reader reader(message.subspan(4));
  InitiationMessage parsed;
  parsed.sender = read_index(reader);
  read_into(reader, parsed.ephemeral.bytes);
  read_into(reader, parsed.sealed_static);
  read_into(reader, parsed.sealed_timestamp);
  return parsed;
}

void InitiationMessage::write(std::span<std::byte, kInitiationSize> out) const {
  Writer writer(out);
  write_type(writer, MessageType::kInitiation);
  write_index(writer, sender);
  writer.bytes(ephemeral.bytes);
  writer.bytes(sealed_static);
  writer.bytes(sealed_timestamp);
  writer.zeros(2 * kMacSize);
}

std::optional<ResponseMessage> ResponseMessage::parse(Bytes message) {
  if (message.size() != kResponseSize || message_type(message) != MessageType::kResponse) return std::nullopt;
  Reader reader(message.subspan(4));
  ResponseMessage parsed;
  parsed.sender = read_index(reader);
  parsed.receiver = read_index(reader);
  read_into(reader, parsed.ephemeral.bytes);
  read_into(reader, parsed.sealed_nothing);
  return parsed;
}

void ResponseMessage::write(std::span<std::byte, kResponseSize> out) const {
  Writer writer(out);
  write_type(writer, MessageType::kResponse);
  write_index(writer, sender);
  write_index(writer, receiver);
  writer.bytes(ephemeral.bytes);
  writer.bytes(sealed_nothing);
  writer.zeros(2 * kMacSize);
}

std::optional<CookieReplyMessage> CookieReplyMessage::parse(Bytes message) {
  if (message.size() != kCookieReplySize || message_type(message) != MessageType::kCookieReply) return std::nullopt;
  Reader reader(message.subspan(4));
  CookieReplyMessage parsed;
  parsed.receiver = read_index(reader);
  read_into(reader, parsed.nonce);
  read_into(reader, parsed.sealed_cookie);
  return parsed;
}

void CookieReplyMessage::write(std::span<std::byte, kCookieReplySize> out) const {
  Writer writer(out);
  write_type(writer, MessageType::kCookieReply);
  write_index(writer, receiver);
  writer.bytes(nonce);
  writer.bytes(sealed_cookie);
}

std::optional<DataHeader> DataHeader::parse(Bytes message) {
  if (message.size() < kDataOverhead || message_type(message) != MessageType::kData) return std::nullopt;
  Reader reader(message.subspan(4));
  DataHeader parsed;
  parsed.receiver = read_index(reader);
  parsed.counter = reader.u64_le();
  return parsed;
}

void DataHeader::write(std::span<std::byte, kDataHeaderSize> out) const {
  Writer writer(out);
  write_type(writer, MessageType::kData);
  write_index(writer, receiver);
  writer.u64_le(counter);
}

}  // namespace bamgate::wg
