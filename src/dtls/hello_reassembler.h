// Puts a fragmented ClientHello together before mbedTLS sees it, because mbedTLS refuses one (Mbed-TLS/mbedtls#7549)
// and browsers with post-quantum key shares send one. RFC 6347 §4.2.3: fragments may come in any order, twice, and
// overlap. The result is one record with one unfragmented message, which is also the form that the transcript hashes
// (RFC 6347 §4.2.6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/bytes.h"
#include "dtls/record.h"

namespace bamgate::dtls {

/// Holds at most one message of at most 16 KiB. A fragment of another message (other message_seq or length), or one
/// that contradicts bytes that are already here, starts afresh: a forged fragment can delay the true message until it
/// is retransmitted, never lock it out, and two messages are never mixed.
class HelloReassembler {
 public:
  enum class Outcome : std::uint8_t {
    kComplete,    // message() is the ClientHello
    kIncomplete,  // kept; more fragments are needed
    kRefused,     // not one fragment of a ClientHello, empty, or longer than one record can hold; nothing changed
  };

  /// Takes one unencrypted handshake record.
  Outcome add(const Record& record);

  /// After kComplete: one whole record, with the record sequence number of the fragment that completed it (so that the
  /// replay window sees each number once). Valid until the next add(), and no longer than the record given to it.
  Bytes message() const { return message_; }
  /// Bytes that wait for the rest of their message.
  std::size_t buffered() const { return buffered_; }

 private:
  void restart(const HandshakeFragment& fragment);
  bool contradicts(const HandshakeFragment& fragment) const;
  void keep(const HandshakeFragment& fragment);
  void finish(const Record& record);

  std::uint16_t message_seq_ = 0;
  std::size_t buffered_ = 0;
  std::vector<std::byte> body_;  // of the message's length
  std::vector<bool> present_;    // for each byte of body_
  std::vector<std::byte> output_;
  Bytes message_;
};

}  // namespace bamgate::dtls
