// One mbedTLS context and its configuration behind a small interface: a record in, datagrams out, virtual time.
// It hides callbacks, error numbers and the quirks of retransmission; what a session is stands in session.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>

#include "dtls/mbedtls_compat.h"
#include "dtls/session.h"
#include "dtls/transmit_queue.h"

namespace bamgate::dtls {

class Engine {
 public:
  /// What check() says about an encrypted record.
  enum class Verdict : std::uint8_t {
    kReady,  // authentic: it may be handed to mbedTLS
    kEarly,  // cannot be judged yet: the keys are not in force (or it was seen before)
    kWrong,  // wrong tag
  };

  /// `outgoing` takes what mbedTLS sends; it and everything in `options` must outlive the engine.
  /// Errors: kLibraryFailed.
  static std::expected<std::unique_ptr<Engine>, Error> create(const Session::Options& options, TransmitQueue& outgoing);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  /// Wipes all keys.
  ~Engine();

  /// Sets the moment that Options::unix_time belongs to, and how long the first retransmission of a flight waits.
  void start(Instant now, std::chrono::milliseconds initial_retransmit);
  /// Goes on with the handshake: with one record, or with nothing to send the first flight or retransmit a late one.
  /// True when the handshake is complete and the peer's certificate is the right one. An error ends the session.
  std::expected<bool, Error> handshake(Instant now, Bytes record);
  /// When the current flight wants to be sent again; kNever when nothing is waited for.
  Instant retransmit_at() const { return deadline_; }
  /// Examines an encrypted record during the handshake. Changes nothing.
  Verdict check(Instant now, const PacketBuffer& record);

  /// After the handshake: hands over one record. Returns the bytes of plaintext that were written to `plaintext` (which
  /// has room for the record's payload and may overlap it); 0 when the record was discarded or was none for the
  /// application. An error ends the session.
  std::expected<std::size_t, Error> read(Instant now, Bytes record, MutableBytes plaintext);
  /// After the handshake: encrypts `packet` in place. It needs room for the header and the tag. An error ends the
  /// session.
  std::expected<void, Error> write(Instant now, PacketBuffer& packet);
  /// Tells the peer that the session ends, under the keys in force: by close_notify when it ends in order, by a fatal
  /// alert when it failed and the call that failed has not sent one. Nothing answers a fatal alert. Not for a server
  /// before its first ClientHello: it has no version yet.
  void send_last_alert(Instant now, Error reason);

  /// After the handshake.
  std::size_t overhead() const;
  std::string_view cipher_suite() const;
  const Fingerprint& remote_fingerprint() const { return remote_fingerprint_; }

 private:
  class Call;

  Engine(const Session::Options& options, TransmitQueue& outgoing);
  int configure();
  int set_up();
  void set_retransmit_timeout(std::chrono::milliseconds initial);
  Error ended(int result, Error otherwise) const;

  static int on_send(void* self, const unsigned char* data, std::size_t size) noexcept;
  static int on_receive(void* self, unsigned char* buffer, std::size_t size) noexcept;
  static void on_set_timer(void* self, std::uint32_t intermediate, std::uint32_t final) noexcept;
  static int on_get_timer(void* self) noexcept;
  static int on_verify(void* self, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags) noexcept;

  Session::Options options_;
  TransmitQueue& outgoing_;
  mbedtls_ssl_config config_;
  mbedtls_ssl_context ssl_;

  Instant started_{};
  std::chrono::milliseconds initial_retransmit_ = kInitialRetransmit;
  Instant now_{};
  Bytes input_;                     // the record that on_receive() gives out; empty: none
  PacketBuffer* sealed_ = nullptr;  // where on_send() writes during write()

  std::chrono::milliseconds timer_{};  // the retransmit timer's last value; 0: not running
  Instant halfway_ = kNever;
  Instant deadline_ = kNever;

  bool alerted_ = false;  // the last call sent an alert
  Fingerprint remote_fingerprint_;
  bool certificate_matches_ = false;
  bool certificate_differs_ = false;
};

}  // namespace bamgate::dtls
