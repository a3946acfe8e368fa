// The port through which protocols tell the secrets of their sessions, so that Wireshark can decrypt a capture. Nobody
// listens unless a person asked for a key log: layers hold a null pointer then, and nothing is computed or copied.
// Whoever has the log can read everything that was sent under these secrets; writing it down is the owner's business.
#pragma once

#include "core/bytes.h"

namespace bamgate::inline core {

class KeyLog {
 public:
  virtual ~KeyLog() = default;

  /// A DTLS 1.2 handshake is complete: the ClientHello's 32 random bytes name the session (RFC 9850 §2, CLIENT_RANDOM).
  virtual void add_dtls(Bytes client_random, Bytes master_secret) = 0;

  /// What one side of a WireGuard handshake knows, 32 bytes each (paper §5.4.2, §5.4.3).
  struct WireGuardKeys {
    Bytes local_static_private;
    Bytes remote_static_public;
    Bytes local_ephemeral_private;
    Bytes preshared;  // zeros: none
  };
  /// A message with our ephemeral key goes out: an initiation or a response.
  virtual void add_wireguard(const WireGuardKeys& keys) = 0;
};

}  // namespace bamgate::inline core
