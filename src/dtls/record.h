// DTLS records as they stand in datagrams (RFC 6347 §4.1), and the headers of the handshake messages inside (§4.2.2).
// It only looks: nothing is decrypted here. Records with connection ids (RFC 9146) are left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/bytes.h"

namespace bamgate::dtls {

// RFC 5246 §6.2.1: the types of records.
enum class RecordType : std::uint8_t { kChangeCipherSpec = 20, kAlert = 21, kHandshake = 22, kApplicationData = 23 };

// RFC 6347 §4.1: type 1, version 2, epoch 2, sequence number 6, length 2 bytes.
inline constexpr std::size_t kRecordHeader = 13;
// RFC 5246 §6.2.1: at most 2^14 bytes of plaintext.
inline constexpr std::size_t kMaxPlaintext = 16384;
// RFC 5116 §5.1, RFC 7905 §2: all our suites are AEADs with this tag.
inline constexpr std::size_t kTag = 16;
// RFC 6347 §4.2.2: type 1, length 3, message_seq 2, fragment_offset 3, fragment_length 3 bytes.
inline constexpr std::size_t kHandshakeHeader = 12;
// RFC 5246 §7.4: the handshake messages that are treated apart.
inline constexpr std::uint8_t kHelloRequest = 0;
inline constexpr std::uint8_t kClientHello = 1;
// RFC 5246 §E.1: a first ClientHello may carry DTLS 1.0's version in its record.
inline constexpr std::uint16_t kDtls10 = 0xfeff;
inline constexpr std::uint16_t kDtls12 = 0xfefd;

/// One record: a view into its datagram.
struct Record {
  RecordType type = RecordType::kAlert;
  std::uint16_t version = 0;
  std::uint16_t epoch = 0;
  std::uint64_t sequence = 0;  // 48 bits
  Bytes payload;               // behind the header; encrypted unless the epoch is 0
  Bytes whole;                 // header and payload
};

/// The header of one handshake message or fragment, and the fragment's bytes.
struct HandshakeFragment {
  std::uint8_t type = 0;
  std::uint32_t length = 0;  // bytes of the whole message without its header
  std::uint16_t message_seq = 0;
  std::uint32_t offset = 0;  // where the fragment begins in the message
  Bytes body;
};

/// Takes the first record from the front of `datagram`. nullopt: what is left there is no record of DTLS 1.0 or 1.2,
/// and `datagram` is unchanged.
std::optional<Record> take_record(Bytes& datagram);

/// Takes the first fragment from the front of the payload of an unencrypted handshake record. nullopt: none is left,
/// or it contradicts itself; `payload` is then unchanged.
std::optional<HandshakeFragment> take_fragment(Bytes& payload);

/// True when the payload of an unencrypted record is well formed: whole handshake fragments, an alert of 2 bytes, a
/// ChangeCipherSpec of 1. mbedTLS gives up a handshake for less, so nothing else may reach it.
bool is_plausible(const Record& record);

}  // namespace bamgate::dtls
