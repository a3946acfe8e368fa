// The other side as a plain mbedTLS context with settings of its own: other suites, cookies, RSA, no certificate. It
// tells its keys, so that a test can write any record that the true peer could write.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "dtls/pair.h"

namespace bamgate::dtls::testing {

inline constexpr std::array kBothRoles{Role::kClient, Role::kServer};
inline constexpr std::uint8_t kData = 23;  // RFC 5246 §6.2.1: application_data

/// What both sides of a handshake share in the end.
struct SessionKeys {
  std::array<unsigned char, 48> master{};
  std::array<unsigned char, 64> randoms{};  // server's, then client's, as RFC 5246 §6.3 wants them
  int prf = 0;                              // mbedtls_tls_prf_types

  bool known() const { return prf != 0; }
  /// `size` bytes of the key block (RFC 5246 §6.3): client's key, server's key, client's IV, server's IV.
  std::vector<std::byte> key_block(std::size_t size) const;
};

/// Writes and reads records of epoch 1 as either side, for TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256.
class Forge {
 public:
  explicit Forge(const SessionKeys& keys) : block_(keys.key_block(40)) {}
  Forge(const Forge&) = delete;
  Forge& operator=(const Forge&) = delete;
  /// Wipes the keys, or wipe_test.cc would find them.
  ~Forge() { wipe(block_); }
  /// One encrypted record.
  Datagram seal(bool by_client, std::uint8_t type, std::uint64_t sequence, Bytes plaintext,
                std::uint16_t epoch = 1) const;
  /// The plaintext of one encrypted record; empty when it is none.
  Datagram open(bool by_client, const Datagram& record) const;

 private:
  Datagram crypt(bool by_client, const Datagram& header, Bytes explicit_nonce, Bytes input, bool encrypt) const;
  std::vector<std::byte> block_;
};

class RawPeer {
 public:
  enum class Identity : std::uint8_t { kP256, kRsa, kNone };
  enum class Srtp : std::uint8_t { kOurProfile, kAnotherProfile, kNone };
  struct Options {
    Role role = Role::kServer;
    std::vector<int> suites{};  // mbedTLS's numbers; empty: what mbedTLS has
    Identity identity = Identity::kP256;
    bool cookies = false;
    Srtp use_srtp = Srtp::kOurProfile;
    bool extended_master_secret = true;
  };

  explicit RawPeer(const Options& options);
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;
  ~RawPeer();

  Fingerprint fingerprint() const;
  /// Sends the first flight when it is the client.
  void start();
  void deliver(const Datagram& datagram);
  Datagrams take_output();
  void send(Bytes plaintext);

  bool connected() const { return connected_; }
  /// mbedTLS's error that ended it; 0 while it lives.
  int failure() const { return failure_; }
  const Datagrams& received() const { return received_; }
  std::string_view suite() const;
  const SessionKeys& keys() const { return keys_; }
  /// Ends it and wipes all that it knows. Nothing else may be called afterwards.
  void forget();

 private:
  struct Native;
  void set_up(const Options& options);
  void go_on();

  SeededRandom random_{4711};
  std::shared_ptr<const Certificate> certificate_;
  std::unique_ptr<Native> native_;
  Datagrams output_;
  Datagrams received_;
  Bytes input_;
  bool timer_runs_ = false;
  bool connected_ = false;
  int failure_ = 0;
  SessionKeys keys_;
};

/// A session of ours against a RawPeer, without loss.
struct Duel {
  Side ours{77};
  RawPeer theirs;
  Role our_role;
  Instant now{std::chrono::hours(5)};
  std::array<std::byte, 2048> scratch{};
  std::vector<std::pair<bool, Datagram>> transcript;  // true: ours

  explicit Duel(const RawPeer::Options& options);
  void exchange();
  Datagrams take_ours();
  /// Hands a datagram to our session.
  std::expected<void, Error> deliver(const Datagram& datagram);
  bool both_connected() const { return ours.session->connected() && theirs.connected(); }
};

/// A completed handshake with AES-128-GCM, and the means to write what the other side could write.
struct Secured : Duel {
  Forge forge;
  std::uint64_t sequence = 100;  // of the next forged record

  explicit Secured(Role our_role_now);
  /// Delivers one authentic record of the other side.
  std::expected<void, Error> deliver_record(std::uint8_t type, Bytes plaintext);
  /// What our side said since the last call, decrypted.
  Datagrams our_words();
};

}  // namespace bamgate::dtls::testing
