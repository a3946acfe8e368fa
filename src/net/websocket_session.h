// One open WebSocket connection (RFC 6455), either side, over any Stream; frames by wslay.
// Left out: extensions (no compression), sub-protocols.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "net/event.h"
#include "net/loop.h"
#include "net/stream.h"

namespace bamgate::net {

// RFC 6455 §7.4.1: the close codes that we send or report ourselves. Those of the application are 4000 to 4999.
inline constexpr std::uint16_t kCloseNormal = 1000;
inline constexpr std::uint16_t kCloseGoingAway = 1001;
inline constexpr std::uint16_t kCloseProtocolError = 1002;
inline constexpr std::uint16_t kCloseNoStatus = 1005;  // never sent: the other side closed without a code
inline constexpr std::uint16_t kCloseAbnormal = 1006;  // never sent: the connection ended without a closing handshake
inline constexpr std::uint16_t kCloseInvalidText = 1007;
inline constexpr std::uint16_t kClosePolicy = 1008;
inline constexpr std::uint16_t kCloseTooBig = 1009;

/// The bounds of one connection.
struct WebSocketLimits {
  std::size_t message_bytes = 64 * 1024;  // a longer message from the other side closes with 1009
  std::size_t queue_bytes = 1024 * 1024;  // unsent bytes; more make a slow reader, who is closed
  std::uint16_t slow_reader_code = kClosePolicy;
  Duration ping_interval = std::chrono::seconds(30);  // a ping after that much silence, the end after twice as much
  Duration close_wait = std::chrono::seconds(5);      // how long a closing handshake may take
};

enum class WebSocketRole : std::uint8_t { kClient, kServer };

/// One text message as a frame of a server, which has no mask (RFC 6455 §5.1): the same for all connections, which
/// share it.
using SharedFrame = std::shared_ptr<const std::string>;
[[nodiscard]] SharedFrame make_text_frame(std::string_view text);

/// Whole frames that wait, in order. Those that many connections share stand here by reference unless they are short:
/// short ones stand together, and leave in one TLS record.
class FrameQueue {
 public:
  void append(std::string_view bytes);
  void append(const SharedFrame& frame);
  /// Takes off the last `count` bytes, which append(bytes) put there.
  void drop_last(std::size_t count);
  void clear();
  void swap(FrameQueue& other) noexcept;

  bool empty() const { return bytes_ == 0; }
  std::size_t size() const { return bytes_; }
  /// Runs of whole frames, none empty.
  std::size_t pieces() const { return pieces_.size(); }
  Bytes piece(std::size_t index) const;

 private:
  struct Piece {
    std::string own;
    SharedFrame shared;  // instead of `own`
  };
  std::vector<Piece> pieces_;
  std::size_t bytes_ = 0;
};

class WebSocketSession {
 public:
  /// Called from the loop; any of them may send, close, or drop the session. on_close is the last, once, and reports
  /// the other side's code, or ours when we closed first, or kCloseAbnormal.
  struct Handlers {
    std::function<void(std::string_view text)> on_text;
    std::function<void(Bytes data)> on_binary;
    std::function<void()> on_pong = {};
    std::function<void()> on_sent = {};  // see when_sent()
    std::function<void(std::uint16_t code, std::string_view reason)> on_close;
  };

  WebSocketSession(Loop& loop, WebSocketRole role, const WebSocketLimits& limits, Handlers handlers);
  ~WebSocketSession();

  /// Serves a stream whose upgrade is done, with the bytes that came behind it, until the connection has ended. What
  /// was sent before is sent now.
  static asio::awaitable<void> run(std::shared_ptr<WebSocketSession> self, std::shared_ptr<Stream> stream,
                                   std::string first_bytes);

  /// Queue one message. False: not queued, because the connection is closing, or the message would overfill the queue
  /// (which closes the connection with slow_reader_code).
  bool send_text(std::string_view text);
  bool send_binary(Bytes data);
  /// The same for a message that is a frame already. Only as a server.
  bool send_frame(const SharedFrame& frame);
  /// Calls on_sent once, from the loop, when nothing waits to be sent (any more): what was sent has gone to the kernel.
  void when_sent();
  /// Sends a ping now.
  void ping();
  /// Starts the closing handshake: what was queued before goes out first, no message is reported any more. `reason` is
  /// cut to 123 bytes. Does nothing when the connection is closing already.
  void close(std::uint16_t code, std::string_view reason);
  /// Ends the connection at once, without a closing handshake; on_close follows.
  void abort();
  /// Calls no handler any more.
  void silence();
  /// Leaves what arrives from now on unread for `pause`, so that TCP slows the other side down. What was read before
  /// (up to 16 KiB) is still reported.
  void delay_reading(Duration pause);

  /// Bytes that wait to be sent.
  std::size_t queued_bytes() const { return outgoing_.size() + writing_.size(); }
  bool is_closing() const { return state_ != State::kOpen; }

 private:
  struct Frames;  // wslay's context, hidden
  enum class State : std::uint8_t { kOpen, kClosing, kClosed };

  bool has_room(std::size_t bytes);
  bool queue_message(std::uint8_t opcode, Bytes data);
  void pump();
  void begin_closing(std::uint16_t code, std::string_view reason);
  void too_slow();
  void handle_bytes(Bytes bytes);
  void replace_close();
  void handle_message(std::uint8_t opcode, Bytes data, std::uint16_t status);
  bool reads_on() const;
  void check_alive();
  void finish();
  asio::awaitable<void> serve(std::string first_bytes);
  asio::awaitable<void> read_all();
  asio::awaitable<void> write_all();
  void report_sent();
  asio::awaitable<void> flush_and_linger();

  Loop& loop_;
  WebSocketLimits limits_;
  std::shared_ptr<Handlers> handlers_;  // shared, so that a handler may silence the session that calls it
  State state_ = State::kOpen;
  std::uint16_t close_code_ = kCloseAbnormal;
  std::string close_reason_;
  std::size_t bad_reason_ = 0;  // bytes of a reason that is no UTF-8, in the close that came
  std::unique_ptr<Frames> frames_;
  std::shared_ptr<Stream> stream_;
  FrameQueue outgoing_;  // what waits
  FrameQueue writing_;   // what the writer is sending
  bool asked_when_sent_ = false;
  bool stop_writing_ = false;
  bool writer_runs_ = false;
  bool aborted_ = false;
  Instant heard_at_{};
  Instant read_not_before_{};
  Event wake_reader_;
  Event wake_writer_;
  Timer alive_timer_;
};

}  // namespace bamgate::net
