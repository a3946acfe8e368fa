// The reader and the writer are two coroutines over one stream; wslay turns bytes into messages and back in memory.
#include "net/websocket_session.h"

#include <wslay/wslay.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/utf8.h"
#include "core/writer.h"
#include "net/clock.h"
#include "net/system_random.h"

namespace bamgate::net {
namespace {

// RFC 6455 §5.5: a control frame carries at most 125 bytes, two of them the code of a close.
constexpr std::size_t kMaxReason = 123;
// RFC 6455 §5.2: the longest frame header, with mask.
constexpr std::size_t kMaxFrameHeader = 14;
// RFC 6455 §5.2: the header of a control frame; a client's has a mask.
constexpr std::size_t kControlHeader = 2;
constexpr std::size_t kMask = 4;
constexpr std::size_t kCloseCode = 2;
constexpr std::size_t kMaxLinger = 1024 * 1024;
constexpr std::size_t kKeptBuffer = 4096;
// A frame of this size and more is shared rather than copied. The usual entry of a device is shorter.
constexpr std::size_t kSharedFrom = 1024;
// Each idle connection has a buffer of this size; an offer with its candidates fits in.
constexpr std::size_t kFrameReadSize = 4096;

const std::uint8_t* raw(Bytes bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }

/// RFC 6455 §7.4: codes that may stand in a close frame.
bool may_be_sent(std::uint16_t code) {
  const bool reserved = code == 1004 || code == kCloseNoStatus || code == kCloseAbnormal;
  return (code >= 1000 && code <= 1011 && !reserved) || (code >= 3000 && code <= 4999);
}

/// At most kMaxReason bytes, cut between two characters of UTF-8.
std::string_view short_reason(std::string_view reason) {
  if (reason.size() <= kMaxReason) return reason;
  std::size_t size = kMaxReason;
  while (size > 0 && (static_cast<unsigned char>(reason[size]) & 0xc0) == 0x80) --size;
  return reason.substr(0, size);
}

}  // namespace

// RFC 6455 §5.2: FIN and the opcode, then the length in 7, 16 or 64 bits.
SharedFrame make_text_frame(std::string_view text) {
  const auto frame = std::make_shared<std::string>();
  frame->reserve(kMaxFrameHeader + text.size());
  frame->push_back(static_cast<char>(0x80 | WSLAY_TEXT_FRAME));
  if (text.size() < 126) {
    frame->push_back(static_cast<char>(text.size()));
  } else if (text.size() <= 0xffff) {
    frame->push_back(126);
    frame->append(as_text(big_endian(static_cast<std::uint16_t>(text.size()))));
  } else {
    frame->push_back(127);
    frame->append(as_text(big_endian(std::uint64_t{text.size()})));
  }
  frame->append(text);
  return frame;
}

void FrameQueue::append(std::string_view bytes) {
  if (bytes.empty()) return;
  if (pieces_.empty() || pieces_.back().shared) pieces_.emplace_back();
  pieces_.back().own.append(bytes);
  bytes_ += bytes.size();
}

void FrameQueue::append(const SharedFrame& frame) {
  if (frame->size() < kSharedFrom) return append(*frame);
  if (pieces_.empty() || pieces_.back().shared || !pieces_.back().own.empty()) pieces_.emplace_back();
  pieces_.back().shared = frame;
  bytes_ += frame->size();
}

void FrameQueue::drop_last(std::size_t count) {
  std::string& last = pieces_.back().own;
  last.resize(last.size() - count);
  bytes_ -= count;
  if (last.empty()) pieces_.pop_back();
}

void FrameQueue::clear() {
  bytes_ = 0;
  // Most queues hold some short frames each time, whose buffer may stay. A list of a thousand devices makes a large
  // one, which an idle connection must not keep.
  if (pieces_.size() == 1 && pieces_.front().own.capacity() <= kKeptBuffer && !pieces_.front().shared) {
    pieces_.front().own.clear();
  } else {
    pieces_ = {};
  }
}

void FrameQueue::swap(FrameQueue& other) noexcept {
  pieces_.swap(other.pieces_);
  std::swap(bytes_, other.bytes_);
}

Bytes FrameQueue::piece(std::size_t index) const {
  const Piece& piece = pieces_[index];
  return as_bytes(piece.shared ? *piece.shared : piece.own);
}

struct WebSocketSession::Frames {
  Frames(WebSocketSession& owner, WebSocketRole own_role) : session(owner), role(own_role) {
    const wslay_event_callbacks callbacks = {receive, send, mask, nullptr, nullptr, nullptr, message};
    const int result = role == WebSocketRole::kServer ? wslay_event_context_server_init(&context, &callbacks, this)
                                                      : wslay_event_context_client_init(&context, &callbacks, this);
    if (result != 0) throw std::bad_alloc();
    wslay_event_config_set_max_recv_msg_length(context, owner.limits_.message_bytes);
  }
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;
  ~Frames() { wslay_event_context_free(context); }

  static ssize_t receive(wslay_event_context_ptr context, std::uint8_t* out, std::size_t size, int /*flags*/,
                         void* user) {
    Bytes& incoming = static_cast<Frames*>(user)->incoming;
    if (incoming.empty()) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    const std::size_t count = std::min(size, incoming.size());
    std::memcpy(out, incoming.data(), count);
    incoming = incoming.subspan(count);
    return static_cast<ssize_t>(count);
  }
  static ssize_t send(wslay_event_context_ptr /*context*/, const std::uint8_t* data, std::size_t size, int /*flags*/,
                      void* user) {
    static_cast<Frames*>(user)->session.outgoing_.append({reinterpret_cast<const char*>(data), size});
    return static_cast<ssize_t>(size);
  }
  // RFC 6455 §5.3: masks must not be predictable.
  static int mask(wslay_event_context_ptr /*context*/, std::uint8_t* out, std::size_t size, void* /*user*/) {
    return mbedtls_random(nullptr, out, size);
  }
  static void message(wslay_event_context_ptr /*context*/, const wslay_event_on_msg_recv_arg* arg, void* user) {
    const Bytes data = std::as_bytes(std::span(arg->msg, arg->msg_length));
    static_cast<Frames*>(user)->session.handle_message(arg->opcode, data, arg->status_code);
  }

  WebSocketSession& session;
  WebSocketRole role;
  wslay_event_context_ptr context = nullptr;
  Bytes incoming;  // what wslay has not yet taken of the bytes being handled
};

WebSocketSession::WebSocketSession(Loop& loop, WebSocketRole role, const WebSocketLimits& limits, Handlers handlers)
    : loop_(loop),
      limits_(limits),
      handlers_(std::make_shared<Handlers>(std::move(handlers))),
      frames_(std::make_unique<Frames>(*this, role)),
      wake_reader_(loop),
      wake_writer_(loop),
      alive_timer_(loop) {}

WebSocketSession::~WebSocketSession() = default;

asio::awaitable<void> WebSocketSession::run(std::shared_ptr<WebSocketSession> self, std::shared_ptr<Stream> stream,
                                            std::string first_bytes) {
  self->stream_ = std::move(stream);
  co_await self->serve(std::move(first_bytes));
}

asio::awaitable<void> WebSocketSession::serve(std::string first_bytes) {
  heard_at_ = now();
  if (aborted_) stream_->close();
  stream_->set_deadline(state_ == State::kOpen ? kNever : now() + limits_.close_wait);
  writer_runs_ = true;
  loop_.spawn(write_all());
  check_alive();
  handle_bytes(as_bytes(first_bytes));
  co_await read_all();
  alive_timer_.cancel();
  co_await flush_and_linger();
}

asio::awaitable<void> WebSocketSession::read_all() {
  std::array<std::byte, kFrameReadSize> buffer;
  while (reads_on()) {
    const auto count = co_await stream_->read_some(buffer);
    if (!count || *count == 0) break;
    while (!aborted_ && now() < read_not_before_) co_await wake_reader_.wait(read_not_before_);
    heard_at_ = now();
    handle_bytes(Bytes(buffer).first(*count));
  }
}

// serve() waits for its end, so the session lives as long.
asio::awaitable<void> WebSocketSession::write_all() {
  bool works = true;
  while (works && !(stop_writing_ && outgoing_.empty())) {
    if (outgoing_.empty()) {
      report_sent();
      if (outgoing_.empty()) co_await wake_writer_.wait();
      continue;
    }
    writing_.swap(outgoing_);
    for (std::size_t i = 0; works && i < writing_.pieces(); ++i) {
      const Result<void> written = co_await stream_->write(writing_.piece(i));
      works = written.has_value();
    }
    writing_.clear();
  }
  // The other side's last words may still stand in the receive buffer; the reader gets some time to find them.
  if (!works && state_ == State::kOpen) stream_->set_deadline(now() + limits_.close_wait);
  writer_runs_ = false;
  wake_reader_.notify();
}

void WebSocketSession::report_sent() {
  const auto handlers = handlers_;
  if (!std::exchange(asked_when_sent_, false) || state_ != State::kOpen || aborted_ || !handlers) return;
  if (handlers->on_sent) handlers->on_sent();
}

// The end: what is queued (a close frame, mostly) goes out, on_close is called, and then whatever still comes in is
// thrown away until the other side has read our last words: closing over unread bytes would make TCP withdraw them.
asio::awaitable<void> WebSocketSession::flush_and_linger() {
  stream_->set_deadline(now() + limits_.close_wait);
  stop_writing_ = true;
  wake_writer_.notify();
  while (writer_runs_) co_await wake_reader_.wait();
  co_await stream_->shutdown();
  finish();
  std::array<std::byte, 4096> rubbish;
  for (std::size_t total = 0; total < kMaxLinger;) {
    const auto count = co_await stream_->read_some(rubbish);
    if (!count || *count == 0) break;
    total += *count;
  }
  stream_->close();
}

bool WebSocketSession::reads_on() const { return !aborted_ && wslay_event_get_read_enabled(frames_->context) != 0; }

void WebSocketSession::handle_bytes(Bytes bytes) {
  frames_->incoming = bytes;
  const int result = wslay_event_recv(frames_->context);
  frames_->incoming = {};
  pump();
  const bool refused = result != 0 || wslay_event_get_read_enabled(frames_->context) == 0;
  if (refused && state_ == State::kOpen) {
    // A fault was found, and wslay has queued the close for it: 1002, 1007, 1009, or a wrong one.
    state_ = State::kClosing;
    const std::uint16_t sent = wslay_event_get_status_code_sent(frames_->context);
    close_code_ = bad_reason_ != 0 ? kCloseInvalidText : may_be_sent(sent) ? sent : kCloseProtocolError;
    if (bad_reason_ != 0 || sent == kCloseNoStatus) replace_close();
  }
  // Pongs to someone who sends pings and reads nothing.
  if (state_ == State::kOpen && queued_bytes() > limits_.queue_bytes) too_slow();
}

// RFC 6455 §7.1.7: who fails a connection says why. wslay says nothing when it cannot read a frame's header, and
// repeats a reason that handle_message() refused. Its close is the last frame that it wrote.
void WebSocketSession::replace_close() {
  const std::size_t payload = bad_reason_ == 0 ? 0 : kCloseCode + bad_reason_;
  outgoing_.drop_last(kControlHeader + (frames_->role == WebSocketRole::kClient ? kMask : 0) + payload);
  const Frames last(*this, frames_->role);
  wslay_event_queue_close(last.context, close_code_, nullptr, 0);
  wslay_event_send(last.context);
}

void WebSocketSession::handle_message(std::uint8_t opcode, Bytes data, std::uint16_t status) {
  // RFC 6455 §5.5.1: a code has two bytes. wslay reads half a one as none; handle_bytes() refuses it.
  if (opcode == WSLAY_CONNECTION_CLOSE && data.size() == 1) return;
  // The reason behind it is UTF-8. wslay leaves two bytes unread of every piece in which the frame comes, not of the
  // first alone. (That can also make it refuse a right reason beyond ASCII, with 1007: the connection ends either way.)
  if (opcode == WSLAY_CONNECTION_CLOSE && data.size() > kCloseCode && !is_utf8(as_text(data.subspan(kCloseCode)))) {
    bad_reason_ = data.size() - kCloseCode;
    return;
  }
  if (opcode == WSLAY_CONNECTION_CLOSE && state_ == State::kOpen) {
    state_ = State::kClosing;
    close_code_ = status == 0 ? kCloseNoStatus : status;
    close_reason_ = data.size() > kCloseCode ? as_text(data.subspan(kCloseCode)) : std::string_view();
    return;
  }
  const auto handlers = handlers_;
  if (state_ != State::kOpen || aborted_ || !handlers) return;
  if (opcode == WSLAY_TEXT_FRAME && handlers->on_text) handlers->on_text(as_text(data));
  if (opcode == WSLAY_PONG && handlers->on_pong) handlers->on_pong();
  if (opcode == WSLAY_BINARY_FRAME && handlers->on_binary) handlers->on_binary(data);
}

bool WebSocketSession::send_text(std::string_view text) { return queue_message(WSLAY_TEXT_FRAME, as_bytes(text)); }

bool WebSocketSession::send_binary(Bytes data) { return queue_message(WSLAY_BINARY_FRAME, data); }

bool WebSocketSession::has_room(std::size_t bytes) {
  if (state_ != State::kOpen || aborted_) return false;
  if (queued_bytes() + bytes <= limits_.queue_bytes) return true;
  too_slow();
  return false;
}

bool WebSocketSession::send_frame(const SharedFrame& frame) {
  if (!has_room(frame->size())) return false;
  if (outgoing_.empty()) wake_writer_.notify();
  outgoing_.append(frame);
  return true;
}

void WebSocketSession::when_sent() {
  asked_when_sent_ = true;
  if (outgoing_.empty()) wake_writer_.notify();
}

bool WebSocketSession::queue_message(std::uint8_t opcode, Bytes data) {
  if (!has_room(data.size() + kMaxFrameHeader)) return false;
  const wslay_event_msg message = {opcode, raw(data), data.size()};
  const bool queued = wslay_event_queue_msg(frames_->context, &message) == 0;
  pump();
  return queued;
}

void WebSocketSession::ping() {
  if (state_ != State::kOpen || aborted_) return;
  const wslay_event_msg message = {WSLAY_PING, nullptr, 0};
  wslay_event_queue_msg(frames_->context, &message);
  pump();
}

// Moves all frames into outgoing_, so that a close frame never overtakes a message that was sent before it.
void WebSocketSession::pump() {
  wslay_event_send(frames_->context);
  if (!outgoing_.empty()) wake_writer_.notify();
}

void WebSocketSession::close(std::uint16_t code, std::string_view reason) {
  if (state_ != State::kOpen || aborted_) return;
  begin_closing(may_be_sent(code) ? code : kCloseNormal, reason);
}

void WebSocketSession::begin_closing(std::uint16_t code, std::string_view reason) {
  state_ = State::kClosing;
  close_code_ = code;
  close_reason_ = short_reason(reason);
  wslay_event_queue_close(frames_->context, code, raw(as_bytes(close_reason_)), close_reason_.size());
  pump();
  read_not_before_ = Instant{};
  wake_reader_.notify();
  if (stream_) stream_->set_deadline(now() + limits_.close_wait);
}

// The frames that wait are dropped whole; the one on its way is not touched, so the close can still be understood.
void WebSocketSession::too_slow() {
  outgoing_.clear();
  begin_closing(limits_.slow_reader_code, "too slow");
}

void WebSocketSession::abort() {
  aborted_ = true;
  if (state_ == State::kOpen) close_code_ = kCloseAbnormal;
  if (stream_) stream_->close();
  wake_reader_.notify();
}

void WebSocketSession::silence() { handlers_.reset(); }

void WebSocketSession::delay_reading(Duration pause) {
  if (state_ != State::kOpen) return;
  read_not_before_ = now() + pause;
  heard_at_ = read_not_before_;
}

// RFC 6455 §5.5.2: a ping asks whether the other side is still there.
void WebSocketSession::check_alive() {
  const Duration silence = now() - heard_at_;
  if (silence >= 2 * limits_.ping_interval) return abort();
  if (silence >= limits_.ping_interval) ping();
  const int intervals = silence >= limits_.ping_interval ? 2 : 1;
  alive_timer_.expires_at(heard_at_ + intervals * limits_.ping_interval, [this] { check_alive(); });
}

void WebSocketSession::finish() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  const auto handlers = std::exchange(handlers_, nullptr);
  if (handlers && handlers->on_close) handlers->on_close(close_code_, close_reason_);
}

}  // namespace bamgate::net
