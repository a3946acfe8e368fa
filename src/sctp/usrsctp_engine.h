// One association inside usrsctp: a one-to-one socket of the address family AF_CONN, whose address is an integer id.
// usrsctp's callbacks only append to the queues here; what follows from them is done after the call into usrsctp
// returned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <vector>

#include "core/buffer_pool.h"
#include "core/bytes.h"
#include "core/ring.h"
#include "core/time.h"
#include "sctp/engine.h"
#include "sctp/error.h"
#include "sctp/packet.h"
#include "sctp/reassembly.h"
#include "sctp/usrsctp_gate.h"
#include "sctp/usrsctp_runtime.h"
#include "sctp/usrsctp_unsent.h"

struct socket;
struct sctp_rcvinfo;
struct sctp_sendv_spa;
union sctp_sockstore;

namespace bamgate::sctp {

/// The functions that every socket is made with.
struct UsrsctpCallbacks {
  int (*received)(struct socket*, union sctp_sockstore, void*, std::size_t, struct sctp_rcvinfo, int, void*);
  int (*acknowledged)(struct socket*, std::uint32_t, void*);
};
UsrsctpCallbacks usrsctp_callbacks();

class UsrsctpEngine final : public Engine {
 public:
  UsrsctpEngine(UsrsctpRuntime& runtime, const EngineOptions& options, BufferPool& pool);
  ~UsrsctpEngine() override;
  UsrsctpEngine(const UsrsctpEngine&) = delete;
  UsrsctpEngine& operator=(const UsrsctpEngine&) = delete;

  std::expected<void, Error> start(Instant now) override;
  std::expected<void, Error> handle_input(Instant now, Bytes packet) override;
  void handle_timeout(Instant now) override;
  std::optional<PacketBuffer> poll_packet() override;
  std::optional<EngineEvent> poll_event() override;
  Instant next_timeout() const override;
  std::expected<void, Error> send(Instant now, const SendOptions& options, Bytes message) override;
  std::expected<void, Error> reset_stream(Instant now, StreamId stream) override;
  void shutdown(Instant now) override;
  void abort(Instant now) override;
  std::size_t unsent_bytes() const override { return unsent_.bytes(); }
  const EngineCounters& counters() const override { return counters_; }

  // Called by the runtime from inside usrsctp.
  void on_packet(Bytes packet);
  void on_data(const sctp_rcvinfo& info, bool last, Bytes part);
  void on_notification(Bytes notification);
  /// usrsctp's send buffer has room for `free_bytes`.
  void on_send_space(std::uint32_t free_bytes);

 private:
  enum class State : std::uint8_t { kNew, kConnecting, kUp, kShuttingDown, kClosed };

  void enter(Instant now);
  void leave();
  void* address() const { return reinterpret_cast<void*>(id_); }
  void on_association_change(Bytes notification);
  void on_stream_reset(Bytes notification);
  void on_partial_delivery(Bytes notification);
  void push(EngineEvent event);
  void on_unordered(const sctp_rcvinfo& info, Bytes content);
  void deliver(std::uint16_t stream, std::uint32_t ppid, Bytes message);
  std::size_t max_part_bytes() const;
  bool note_chunks(Bytes packet);
  void queue_packet(Bytes packet);
  void queue_hollow(Bytes packet);
  void resynchronize();
  void fail(Error reason);
  void close_socket();
  void set_outstanding(bool outstanding);

  UsrsctpRuntime& runtime_;
  std::uintptr_t id_ = 0;  // while there is a socket
  const EngineOptions options_;
  BufferPool& pool_;
  struct socket* socket_ = nullptr;
  State state_ = State::kNew;
  std::optional<Error> failure_;  // set inside a callback, acted upon in leave()

  Ring<PacketBuffer> packets_;
  Ring<EngineEvent> events_;
  std::size_t event_bytes_ = 0;
  std::map<std::uint16_t, std::vector<std::byte>> parts_;  // of ordered messages, by stream
  std::size_t part_bytes_ = 0;
  Reassembly fragments_;  // of unordered ones

  std::uint16_t outgoing_streams_ = 0;
  std::size_t send_space_ = 0;         // bytes of usrsctp's send buffer
  std::size_t queued_ = 0;             // bytes in it, sent or not
  UsrsctpUnsent unsent_;               // those in it that were never sent
  std::vector<std::uint32_t> hollow_;  // TSNs in the packet that leaves just now
  UsrsctpGate gate_;
  bool outstanding_ = false;
  Instant last_activity_{};
  EngineCounters counters_;
};

}  // namespace bamgate::sctp
