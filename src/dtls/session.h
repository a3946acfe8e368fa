// One DTLS 1.2 association (RFC 6347) as WebRTC uses it below SCTP (RFC 8261) and checks it (RFC 8827 §6.5): mutual
// self-signed certificates, each compared with the fingerprint from the session description; no CA, no dates.
// Only ECDHE-ECDSA with AEAD suites; use_srtp is offered and accepted (some stacks refuse without it) but never used.
// Left out: renegotiation, resumption, tickets, cookies (ICE has proved the address), DTLS 1.3, connection ids.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "core/buffer_pool.h"
#include "core/counters.h"
#include "core/key_log.h"
#include "core/packet_buffer.h"
#include "core/random.h"
#include "core/sans_io.h"
#include "core/time.h"
#include "core/transmit.h"
#include "dtls/certificate.h"
#include "dtls/error.h"
#include "dtls/fingerprint.h"

namespace bamgate::dtls {

/// Who sends the ClientHello: `a=setup:active` is the client (RFC 8842 §5.3).
enum class Role : std::uint8_t { kClient, kServer };

/// The handshake is complete and the peer holds the promised certificate; seal() and open() work from now on.
struct Connected {
  std::string_view cipher_suite;  // "TLS-ECDHE-ECDSA-WITH-…", lives for ever
  std::size_t overhead = 0;       // bytes that seal() adds to each packet
  Fingerprint remote;             // of the certificate that the peer showed
};
/// Plaintext that came through handle_input().
struct ApplicationData {
  PacketBuffer packet;
};
/// The session has ended: every later call fails with kClosed, the keys are wiped. Always the last event.
struct Closed {
  Error reason = Error::kClosed;
};

// RFC 6347 §4.2.4.1: the retransmit timer should start at 1 s, and it doubles up to 60 s or more.
inline constexpr auto kInitialRetransmit = std::chrono::milliseconds(1000);
inline constexpr auto kMaximalRetransmit = std::chrono::seconds(60);
// A handshake carries no stream that could congest a path, so a known round trip may shorten the start (§4.2.4.1 itself
// lowered it for the sake of latency). What a flight needs beside the round trip is the peer's time for signatures:
// three round trips and not less than 100 ms keep a slow phone from being asked twice.
inline constexpr int kRetransmitRoundTrips = 3;
inline constexpr auto kShortestRetransmit = std::chrono::milliseconds(100);

/// The first retransmission of a flight waits this long: 1 s, less when the path's round trip is known and short.
std::chrono::milliseconds initial_retransmit(std::optional<Duration> round_trip);

/// Satisfies SansIo and DataPath. Move-only. Before start() it sends nothing and accepts nothing.
class Session {
 public:
  using Error = bamgate::dtls::Error;
  using Event = std::variant<Connected, ApplicationData, Closed>;

  struct Options {
    Role role = Role::kClient;
    std::shared_ptr<const Certificate> certificate;
    Fingerprints remote_fingerprints;  // from the peer's description: its certificate must be one of these
    UnixTime unix_time;                // the time of day when start() is called
    Random* random = nullptr;          // must outlive the session
    BufferPool* pool = nullptr;        // must outlive the session and all packets in its events
    std::size_t handshake_mtu = 1200;  // bytes of a datagram with handshake messages: fits every path that we meet
    std::size_t data_mtu = 1472;       // bytes of a datagram that seal() may make: Ethernet minus IPv4 and UDP headers
    std::chrono::milliseconds handshake_timeout = std::chrono::seconds(30);  // from start() until Connected
    KeyLog* key_log = nullptr;  // outlives the session; none: the secret stays inside. With one, only AES-GCM is spoken
  };

  /// What open() found; the plaintext is what remains in the packet.
  struct Opened {
    std::size_t size = 0;  // bytes of plaintext
  };

  /// Input that was dropped, and output or events that found a full queue.
  struct Counters {
    std::uint64_t not_dtls = 0;   // bytes that are no record (a datagram, or the rest of one)
    std::uint64_t records = 0;    // well-formed records that were discarded (kBadRecord)
    std::uint64_t transmits = 0;  // datagrams that found the output queue full or the caller's buffer too small
    std::uint64_t events = 0;     // application data that found the event queue full

    static constexpr auto list() {
      return std::to_array<Counter<Counters>>({
          {"dtls_not_records", "pieces of datagrams that are no DTLS records: dropped", &Counters::not_dtls},
          {"dtls_records_discarded", "DTLS records that are forged, damaged, repeated or out of place: dropped",
           &Counters::records},
          {"dtls_transmits_dropped", "handshake datagrams of ours that found a full queue or were too long: dropped",
           &Counters::transmits},
          {"dtls_packets_dropped", "packets of peers that found a full queue: dropped", &Counters::events},
      });
    }
    Counters& operator+=(const Counters& other) { return add_counters(*this, other); }
  };

  /// Errors: kBadOptions (no certificate, fingerprint, random or pool; an MTU under 256 or over 16,384 bytes; a timeout
  /// that is not positive), kLibraryFailed.
  static std::expected<Session, Error> create(const Options& options);

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// The path works: the client sends its first flight, the server waits for it. `round_trip` is the path's, if checks
  /// have measured it, and sets initial_retransmit(). A second call does nothing.
  void start(Instant now, std::optional<Duration> round_trip = std::nullopt);
  /// Takes any datagram (or several of `stride` bytes): handshake, alerts, application data (which comes out as
  /// events). The bytes are not changed. Succeeds when at least one record was of use. Errors: kNotDtls, kBadRecord
  /// (all counted drops), kNotConnected before start(), kClosed.
  std::expected<void, Error> handle_input(Instant now, const Received& received);
  /// Retransmits the last flight, or gives up.
  void handle_timeout(Instant now);
  /// Writes the next datagram into `buffer`, which should hold max(handshake_mtu, data_mtu) bytes; a larger datagram is
  /// dropped and counted. The path stays empty: the owner knows where its peer is.
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  std::optional<Event> poll_event();
  Instant next_timeout() const;

  /// Turns plaintext into one application-data record in the same buffer: the header is put in front, the tag behind.
  /// Needs headroom for overhead() - 16 bytes and tailroom for 16. On failure the packet is unchanged.
  /// Errors: kNotConnected, kBadSize, kNoRoom, kClosed; kLibraryFailed also ends the session.
  std::expected<void, Error> seal(Instant now, PacketBuffer& packet);
  /// Decrypts a datagram that is exactly one application-data record, in the same buffer; the packet's bytes are then
  /// the plaintext. On failure the packet is unchanged.
  /// Errors: kNotApplicationData (anything else, or not connected yet: give it to handle_input()), kBadRecord, kClosed.
  std::expected<Opened, Error> open(Instant now, PacketBuffer& packet);
  /// Sends close_notify (unless nothing was said yet), wipes the keys and ends with Closed{kClosedLocally}.
  /// poll_transmit() still gives out what is queued.
  void close(Instant now);

  bool connected() const;
  /// Bytes that seal() adds: 37 with AES-GCM, 29 with ChaCha20-Poly1305; 0 until connected.
  std::size_t overhead() const;
  const Counters& counters() const;

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

static_assert(SansIo<Session> && DataPath<Session>);

}  // namespace bamgate::dtls
