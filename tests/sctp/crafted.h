// SCTP packets made by hand: what a peer could send, and our own engine would not.
#pragma once

#include <cstdint>
#include <vector>

#include "core/bytes.h"
#include "core/writer.h"
#include "sctp/packet.h"

namespace bamgate::sctp::testing {

/// `chunks` behind a common header with this verification tag and the default ports.
inline std::vector<std::byte> crafted_packet(std::uint32_t tag, Bytes chunks) {
  std::vector<std::byte> packet(kCommonHeader + chunks.size());
  Writer writer(packet);
  writer.u16(5000);
  writer.u16(5000);
  writer.u32(tag);
  writer.u32(0);
  writer.bytes(chunks);
  write_checksum(packet);
  return packet;
}

/// A chunk with its padding.
inline std::vector<std::byte> crafted_chunk(unsigned type, unsigned flags, Bytes value) {
  std::vector<std::byte> chunk((kChunkHeader + value.size() + 3) / 4 * 4);
  Writer writer(chunk);
  writer.u8(static_cast<std::uint8_t>(type));
  writer.u8(static_cast<std::uint8_t>(flags));
  writer.u16(static_cast<std::uint16_t>(kChunkHeader + value.size()));
  writer.bytes(value);
  return chunk;
}

}  // namespace bamgate::sctp::testing
