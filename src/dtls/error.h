// What can go wrong in the DTLS layer.
#pragma once

#include <cstdint>

namespace bamgate::dtls {

enum class Error : std::uint8_t {
  // What became of one call or one packet; the session goes on.
  kNotDtls,    // handle_input(): no record that RFC 6347 §4.1 allows
  kBadRecord,  // a record that must be discarded: wrong tag, replayed, wrong epoch, nothing that is expected now
  kNotApplicationData,  // open(): not exactly one application-data record; give it to handle_input()
  kNotConnected,        // seal() before Connected, or handle_input() before start()
  kBadSize,             // seal(): nothing in the packet, or more than the data MTU lets pass
  kNoRoom,              // seal(): too little room in front of or behind the packet
  kClosed,              // the session has ended before this call
  kBadOptions,          // create(): something is missing or out of range

  // Why a session ended.
  kFingerprintMismatch,  // the peer's certificate is not the one that its description promised
  kHandshakeFailed,      // no common parameters, a wrong signature, no certificate, or a malformed message
  kHandshakeTimeout,     // not connected within Options::handshake_timeout
  kProtocolViolation,    // the authenticated peer sent what DTLS does not allow
  kAlertReceived,        // the peer ended the session with a fatal alert
  kClosedByPeer,         // close_notify from the peer
  kClosedLocally,        // close() was called
  kLibraryFailed,        // mbedTLS failed by itself: out of memory, or sequence numbers used up
};

/// A short English text for logs; never null, lives for ever.
const char* to_string(Error error);

}  // namespace bamgate::dtls
