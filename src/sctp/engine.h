// The seam between data channels and the SCTP machine below them: streams, payload protocol identifiers, reliability.
// Any implementation of SCTP can stand behind it; make_engine_factory() says which does. An engine knows no channel and
// no DCEP. Like every machine here it never calls its owner: packets and events wait in bounded queues until they are
// taken.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <variant>

#include "core/buffer_pool.h"
#include "core/bytes.h"
#include "core/counters.h"
#include "core/packet_buffer.h"
#include "core/random.h"
#include "core/time.h"
#include "sctp/error.h"

namespace bamgate::sctp {

/// An SCTP stream number.
enum class StreamId : std::uint16_t {};

/// Streams that we ask for and accept in each direction. RFC 8831 §6.2 recommends 65,535; each costs a connection a
/// hundred bytes, and a pair of devices has one or two channels.
inline constexpr std::uint16_t kStreams = 64;

struct EngineOptions {
  std::uint16_t local_port = 5000;          // RFC 8841 §5: a=sctp-port
  std::uint16_t remote_port = 5000;         //
  std::uint16_t path_mtu = 1340;            // bytes of the largest SCTP packet, common header included; fixed
  std::uint32_t max_message_size = 262144;  // bytes; a longer message from the peer ends the association
  // Bytes accepted by send() and not yet sent a first time. Few: the queue that knows about age stands above.
  std::uint32_t max_unsent = 4096;
};

/// How one message travels.
struct SendOptions {
  StreamId stream{};
  std::uint32_t ppid = 0;
  bool ordered = true;
  std::optional<std::uint16_t> max_retransmits = {};           // RFC 7496 §3.1 over RFC 3758
  std::optional<std::chrono::milliseconds> max_lifetime = {};  // RFC 3758 §4.1: from now on; not sent again after it
  // The content of a message that has not begun to leave by then never leaves. Not for a message that must arrive.
  std::optional<Instant> send_by = {};
  bool urgent = false;  // may exceed max_unsent (DCEP)
};

/// The association is up.
struct EngineUp {
  std::uint16_t outgoing_streams = 0;
  std::uint16_t incoming_streams = 0;
};
/// A whole message arrived.
struct EngineMessage {
  StreamId stream{};
  std::uint32_t ppid = 0;
  PacketBuffer data;
};
/// What became of a stream (RFC 6525).
struct EngineReset {
  enum class What : std::uint8_t {
    kIncoming,  // the peer reset its side: it sends no more
    kOutgoing,  // the peer confirmed that we reset ours
    kFailed,    // our request was refused; it may be repeated
  };
  StreamId stream{};
  What what = What::kIncoming;
};
/// The association has ended; nothing follows.
struct EngineDown {
  Error reason = Error::kClosed;
};
using EngineEvent = std::variant<EngineUp, EngineMessage, EngineReset, EngineDown>;

struct EngineCounters {
  std::uint64_t packets_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t packets_early = 0;      // came before start()
  std::uint64_t packets_wrong_tag = 0;  // the verification tag is not ours (RFC 9260 §8.5)
  std::uint64_t packets_malformed = 0;  // an INIT or INIT ACK whose parameters do not fit into each other
  std::uint64_t packets_overrun = 0;    // dropped because the owner did not take the outgoing ones away
  std::uint64_t chunks_sent = 0;        // DATA chunks, each sent for the first time
  std::uint64_t chunks_resent = 0;      // DATA chunks sent again
  std::uint64_t fragments_refused = 0;  // came while too many others waited; the peer sends them again
  std::uint64_t messages_aborted = 0;  // messages of which only parts arrived (RFC 3758); each side of a hole may count
  std::uint64_t messages_stale = 0;    // messages that had not begun to leave at their send_by

  static constexpr auto list() {
    return std::to_array<Counter<EngineCounters>>({
        {"sctp_packets_in", "SCTP packets received", &EngineCounters::packets_in},
        {"sctp_packets_out", "SCTP packets sent", &EngineCounters::packets_out},
        {"sctp_packets_early", "SCTP packets before we had begun: dropped", &EngineCounters::packets_early},
        {"sctp_packets_wrong_tag", "SCTP packets of another association: dropped", &EngineCounters::packets_wrong_tag},
        {"sctp_inits_malformed", "SCTP openings with parameters that do not fit: dropped",
         &EngineCounters::packets_malformed},
        {"sctp_packets_overrun", "SCTP packets of ours that found a full queue: dropped",
         &EngineCounters::packets_overrun},
        {"sctp_chunks_sent", "pieces of data sent", &EngineCounters::chunks_sent},
        {"sctp_chunks_resent", "pieces of data sent again", &EngineCounters::chunks_resent},
        {"sctp_fragments_refused", "pieces of long messages that were too many: refused, the peer sends them again",
         &EngineCounters::fragments_refused},
        {"sctp_messages_aborted", "messages of peers of which parts were lost: dropped",
         &EngineCounters::messages_aborted},
        {"sctp_messages_stale", "messages of ours that waited too long for the path: dropped",
         &EngineCounters::messages_stale},
    });
  }
  EngineCounters& operator+=(const EngineCounters& other) { return add_counters(*this, other); }
};

/// One association. Every call but the constant ones may queue packets and events.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Sends INIT; the peer does the same at about the same time (RFC 8841 §9.3, RFC 9260 §5.2.1).
  virtual std::expected<void, Error> start(Instant now) = 0;
  /// One SCTP packet from the peer, whose length, checksum and ports have been looked at. A packet that belongs to no
  /// association of ours, or to an older one, is a counted drop and never answered. A peer that started afresh
  /// (RFC 9260 §5.2.4 action A) ends this association: EngineDown{kRestarted}. Errors: kClosed.
  virtual std::expected<void, Error> handle_input(Instant now, Bytes packet) = 0;
  virtual void handle_timeout(Instant now) = 0;
  /// The next SCTP packet to send, in a buffer with headroom; nullopt when there is none.
  virtual std::optional<PacketBuffer> poll_packet() = 0;
  virtual std::optional<EngineEvent> poll_event() = 0;
  /// When handle_timeout() wants to be called; not later than now when packets or events wait.
  virtual Instant next_timeout() const = 0;

  /// Queues a copy of `message` (1 byte or more). Errors: kWouldBlock (more than max_unsent would wait; a single
  /// message may be longer), kMessageTooLarge, kNotConnected, kClosed, kUnknownChannel (no such stream).
  virtual std::expected<void, Error> send(Instant now, const SendOptions& options, Bytes message) = 0;
  /// Asks the peer to reset our outgoing `stream` once what waits there is sent (RFC 6525 §4.1). Errors: kWouldBlock
  /// (another request is under way), kUnsupported, kClosed.
  virtual std::expected<void, Error> reset_stream(Instant now, StreamId stream) = 0;
  /// Sends what waits, then SHUTDOWN (RFC 9260 §9.2). EngineDown{kShutdown} follows.
  virtual void shutdown(Instant now) = 0;
  /// Sends ABORT and ends the association at once (RFC 9260 §9.1); no event follows.
  virtual void abort(Instant now) = 0;

  /// Bytes accepted by send() and not yet sent a first time.
  virtual std::size_t unsent_bytes() const = 0;
  virtual const EngineCounters& counters() const = 0;
};

/// Makes engines. It must outlive them.
class EngineFactory {
 public:
  virtual ~EngineFactory() = default;
  /// Packets and messages come from `pool`, which must outlive the engine and what it gave out.
  virtual std::expected<std::unique_ptr<Engine>, Error> make_engine(const EngineOptions& options, BufferPool& pool) = 0;
};

/// The engines of this process. `random` must outlive them. Error: kRuntimeTaken (the present kind of engine has state
/// for the whole process: one factory lives at a time).
std::expected<std::unique_ptr<EngineFactory>, Error> make_engine_factory(Random& random);

}  // namespace bamgate::sctp
