// One SCTP association that carries data channels over DTLS: the face of this layer.
//   RFC 9260 SCTP, RFC 3758 partial reliability, RFC 6525 stream reset, RFC 8261 SCTP over DTLS, RFC 8831 data
//   channels, RFC 8832 their in-band opening.
// Left out: pre-negotiated channels (every channel is opened in-band), message interleaving (RFC 8260), multihoming,
// authentication of chunks. docs/sctp.md has the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <variant>

#include "core/buffer_pool.h"
#include "core/bytes.h"
#include "core/packet_buffer.h"
#include "core/ring.h"
#include "core/sans_io.h"
#include "core/time.h"
#include "core/transmit.h"
#include "sctp/channel.h"
#include "sctp/channel_table.h"
#include "sctp/dcep.h"
#include "sctp/engine.h"
#include "sctp/error.h"
#include "sctp/send_queue.h"

namespace bamgate::sctp {

/// The association is up; channels that were opened before are being announced.
struct Connected {};
/// A channel is open: the peer opened it, or has acknowledged ours, be it only by a message on it.
struct ChannelOpened {
  ChannelId channel{};
  ChannelOptions options;
  bool by_remote = false;
};
/// Both directions of a channel are closed; its number may be used again.
struct ChannelClosed {
  ChannelId channel{};
};
/// A whole message. `data` goes back to the pool that was given to create().
struct Message {
  ChannelId channel{};
  MessageKind kind = MessageKind::kBinary;
  PacketBuffer data;
};
/// The association has ended and all its channels with it (no ChannelClosed comes for them). Nothing follows. What
/// poll_packet() still yields (an ABORT, a SHUTDOWN COMPLETE) is worth sending.
struct Closed {
  Error reason = Error::kClosed;
};

struct AssociationCounters {
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t messages_dropped = 0;     // on a stream without channel, or with a payload protocol that we do not know
  std::uint64_t messages_before_ack = 0;  // of messages_in: each opened a channel whose ACK had not come
  std::uint64_t messages_unsent = 0;    // accepted by send() and never sent: too old, for CoDel, or the channel closed
  std::uint64_t dcep_refused = 0;       // DCEP messages that cannot be read or do not fit the channel's state
  std::uint64_t packets_malformed = 0;  // too short for a common header and a chunk, or longer than 65,535 bytes
  std::uint64_t packets_bad_checksum = 0;  // RFC 9260 §6.8
  std::uint64_t packets_wrong_port = 0;    // RFC 9260 §8.4
  std::uint64_t packets_oversized = 0;     // of ours: longer than the buffer of poll_transmit(), so dropped

  static constexpr auto list() {
    return std::to_array<Counter<AssociationCounters>>({
        {"sctp_messages_in", "messages received on data channels", &AssociationCounters::messages_in},
        {"sctp_messages_out", "messages sent on data channels", &AssociationCounters::messages_out},
        {"sctp_messages_dropped", "messages of peers on no channel, or of an unknown kind: dropped",
         &AssociationCounters::messages_dropped},
        {"messages_before_ack", "messages that opened a channel of ours whose acknowledgement had not come",
         &AssociationCounters::messages_before_ack},
        {"sctp_messages_unsent",
         "messages of ours that waited too long, also for the path, or whose channel closed: dropped",
         &AssociationCounters::messages_unsent},
        {"dcep_refused", "messages about opening a channel that make no sense: dropped",
         &AssociationCounters::dcep_refused},
        {"sctp_packets_malformed", "SCTP packets that are too short or too long: dropped",
         &AssociationCounters::packets_malformed},
        {"sctp_packets_bad_checksum", "SCTP packets with a wrong checksum: dropped",
         &AssociationCounters::packets_bad_checksum},
        {"sctp_packets_wrong_port", "SCTP packets for another port: dropped", &AssociationCounters::packets_wrong_port},
        {"sctp_packets_oversized", "SCTP packets of ours that were too long: dropped",
         &AssociationCounters::packets_oversized},
    });
  }
  AssociationCounters& operator+=(const AssociationCounters& other) { return add_counters(*this, other); }
};

/// Satisfies SansIo. Movable; a moved-from association may only be destroyed or assigned to.
class Association {
 public:
  using Event = std::variant<Connected, ChannelOpened, ChannelClosed, Message, Closed>;
  using Error = sctp::Error;

  struct Options {
    /// The DTLS client numbers its channels 0, 2, 4…, the server 1, 3, 5… (RFC 8832 §6).
    bool dtls_client = false;
    std::uint16_t local_port = 5000;   // a=sctp-port of ours
    std::uint16_t remote_port = 5000;  // a=sctp-port of the peer
    /// Bytes of the largest SCTP packet, from 576 to 1,500 (multiple of 4). A message of path_mtu - 28 bytes travels in
    /// one packet: 1,340 carries a WireGuard message of a 1,280-byte packet.
    std::uint16_t path_mtu = 1340;
    /// Bytes; send() refuses longer messages, and a peer that sends one loses the association. At most 1 MiB.
    std::uint32_t max_message_size = 262144;
    /// What may wait for the congestion window on each channel, until set_queue() says otherwise.
    QueueLimits queue = {};
  };

  /// Makes an association that waits for start(). `factory` and `pool` must outlive it; so must the pool every message
  /// that it gave out. Errors: kBadOptions, kOutOfMemory.
  static std::expected<Association, Error> create(EngineFactory& factory, const Options& options, BufferPool& pool);

  /// Begins to connect; the peer does the same (RFC 8841 §9.3, RFC 9260 §5.2.1: simultaneous INIT). Call it once, when
  /// DTLS is up. Connected or Closed{kTimedOut} follows.
  void start(Instant now);

  /// One SCTP packet, the content of one DTLS record (RFC 8261 §3). Packets before start() are dropped: the peer
  /// repeats its INIT, and ours will do. Errors, all counted drops: kMalformed, kBadChecksum, kWrongPort, kClosed.
  std::expected<void, Error> handle_input(Instant now, const Received& received);
  void handle_timeout(Instant now);
  /// Writes the next SCTP packet into `buffer`, which must hold path_mtu bytes (one that does not fit is dropped and
  /// counted). The Transmit has no path: the layer below knows it.
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  /// The same without a copy: the packet lies in a pooled buffer with kHeadroom in front, ready to be sealed in place.
  std::optional<PacketBuffer> poll_packet();
  std::optional<Event> poll_event();
  /// When handle_timeout() wants to be called; not later than now when packets or events wait that a call to another
  /// association of the same factory caused.
  Instant next_timeout() const;

  /// Opens a channel in-band (RFC 8832). Before the association is up it is announced as soon as it is. send() is
  /// allowed once the association is up; ChannelOpened tells that the peer knows it (RFC 8832 §6). Errors: kBadOptions,
  /// kNoStreamLeft, kClosed.
  std::expected<ChannelId, Error> open_channel(Instant now, const ChannelOptions& options);
  /// Says how much may wait on a channel, and how long. An unknown channel is ignored.
  void set_queue(ChannelId channel, const QueueLimits& limits);
  /// Takes a copy of `message`, to be sent with the reliability of its channel as soon as the congestion window and the
  /// messages before it allow. On a channel whose messages may be lost it is dropped when it has waited too long
  /// (QueueLimits, ChannelOptions::max_lifetime). Errors: kNotConnected, kClosed, kUnknownChannel, kMessageTooLarge,
  /// kWouldBlock (the queue is full; nothing was taken).
  std::expected<void, Error> send(Instant now, ChannelId channel, MessageKind kind, Bytes message);
  /// Closes a channel: what waits there is sent, then its streams are reset (RFC 8831 §6.7). ChannelClosed follows. An
  /// unknown channel is ignored.
  void close_channel(Instant now, ChannelId channel);
  /// Sends what waits and ends in good order (RFC 9260 §9.2). Closed{kShutdown} follows; Closed{kTimedOut} when the
  /// peer does not answer.
  void shutdown(Instant now);
  /// Ends at once with an ABORT to the peer (RFC 9260 §9.1). Closed{kLocalAbort} follows.
  void abort(Instant now);

  /// True between Connected and Closed.
  bool connected() const { return state_ == State::kConnected; }
  /// Bytes accepted by send() and not yet sent a first time, of all channels. Data in flight does not count.
  std::size_t buffered_bytes() const;
  /// Messages that wait on the channels for the congestion window.
  std::size_t waiting_messages() const;
  AssociationCounters counters() const;
  const EngineCounters& engine_counters() const { return engine_->counters(); }

 private:
  enum class State : std::uint8_t {
    kNew,
    kConnecting,
    kConnected,
    kDraining,  // shutdown() was called; what waits on the channels goes to the engine first
    kClosing,   // the engine shuts down
    kClosed,
  };

  Association(std::unique_ptr<Engine> engine, const Options& options, BufferPool& pool);

  std::expected<void, Error> check(Bytes packet);
  void pump(Instant now);
  void take_events(Instant now);
  void flush(Instant now);
  void flush_queues(Instant now);
  std::expected<void, Error> hand_over(Instant now, ChannelId id, const Channel& channel, MessageKind kind,
                                       Bytes message, Instant since);
  void on(Instant now, EngineUp up);
  void on(Instant now, EngineMessage message);
  void on(Instant now, EngineReset reset);
  void on(Instant now, EngineDown down);
  bool note_answer(ChannelId id);
  void on_dcep(Instant now, ChannelId id, Bytes message);
  void on_open(Instant now, ChannelId id, ChannelOptions options);
  void on_ack(ChannelId id);
  void refuse(Instant now, ChannelId id);
  void flush_control(Instant now);
  bool send_control(Instant now, ChannelId id, Channel& channel);
  bool send_dcep(Instant now, ChannelId id, const DcepMessage& message);
  bool request_reset(Instant now, ChannelId id, Channel& channel);
  void begin_close(Channel& channel);
  void finish_close(ChannelId id);
  Channel& add_channel(ChannelId id, ChannelOptions options, Channel::Outgoing outgoing);
  void end(Error reason);
  bool has_parity(ChannelId id, bool odd) const { return (static_cast<unsigned>(id) % 2 == 1) == odd; }

  std::unique_ptr<Engine> engine_;
  Options options_;
  BufferPool* pool_;
  State state_ = State::kNew;
  ChannelTable channels_;
  std::uint16_t streams_ = kStreams;  // outgoing ones that both sides agreed on
  bool control_due_ = false;          // some channel has something for the engine
  ChannelId last_served_{};           // whose message left last
  Ring<Event> events_;
  std::size_t event_bytes_ = 0;  // of the messages in events_
  AssociationCounters counters_;
};

}  // namespace bamgate::sctp
