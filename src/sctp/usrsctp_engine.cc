#include "sctp/usrsctp_engine.h"

#include <usrsctp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <variant>

#include "sctp/packet.h"
#include "sctp/usrsctp_option.h"

namespace bamgate::sctp {
namespace {

/// usrsctp's buffers: what a fast path of 100 Mbit/s and 80 ms has in flight.
constexpr std::size_t kBuffer = std::size_t{1} << 20;
/// From this size on usrsctp hands a message over in parts.
constexpr std::uint32_t kPartialDeliveryPoint = 65536;

/// Packets that wait to be taken; a congestion window's worth and more. Beyond, packets are lost as in a network.
constexpr std::size_t kMaxPackets = 2048;
/// Events that wait to be taken. What one packet may release is bounded by usrsctp's receive buffer.
constexpr std::size_t kMaxUnreadBytes = 4 * kBuffer;
constexpr std::size_t kMaxUnread = 65536;
/// What is kept of incomplete messages, those with an order and those without, each in multiples of the largest one.
constexpr std::size_t kMaxParts = 4;

/// An engine that hears nothing asks usrsctp after this time whether it still waits for something.
constexpr auto kResynchronizeAfter = std::chrono::seconds(1);

Error send_error(int code) {
  switch (code) {
    case EWOULDBLOCK:
    case ENOBUFS:
    case ENOMEM:
      return Error::kWouldBlock;
    case EMSGSIZE:
      return Error::kMessageTooLarge;
    case EINVAL:
      return Error::kUnknownChannel;
    default:
      return Error::kClosed;
  }
}

Error reset_error(int code) {
  switch (code) {
    case EOPNOTSUPP:
      return Error::kUnsupported;
    case ENOTCONN:
    case ENOENT:
    case ECONNRESET:
      return Error::kClosed;
    default:
      return Error::kWouldBlock;
  }
}

sctp_sendv_spa send_information(const SendOptions& options) {
  sctp_sendv_spa info{};
  info.sendv_flags = SCTP_SEND_SNDINFO_VALID;
  info.sendv_sndinfo.snd_sid = static_cast<std::uint16_t>(options.stream);
  info.sendv_sndinfo.snd_ppid = htonl(options.ppid);
  if (!options.ordered) info.sendv_sndinfo.snd_flags |= SCTP_UNORDERED;
  if (options.max_retransmits) {
    info.sendv_flags |= SCTP_SEND_PRINFO_VALID;
    info.sendv_prinfo = {.pr_policy = SCTP_PR_SCTP_RTX, .pr_value = *options.max_retransmits};
  } else if (options.max_lifetime) {
    info.sendv_flags |= SCTP_SEND_PRINFO_VALID;
    info.sendv_prinfo = {.pr_policy = SCTP_PR_SCTP_TTL,
                         .pr_value = static_cast<std::uint32_t>(options.max_lifetime->count())};
  }
  return info;
}

}  // namespace

UsrsctpEngine::UsrsctpEngine(UsrsctpRuntime& runtime, const EngineOptions& options, BufferPool& pool)
    : runtime_(runtime), options_(options), pool_(pool), fragments_(options.max_message_size) {}

UsrsctpEngine::~UsrsctpEngine() { close_socket(); }

std::expected<void, Error> UsrsctpEngine::start(Instant now) {
  if (state_ != State::kNew) return std::unexpected(Error::kClosed);
  enter(now);
  id_ = runtime_.attach(this);
  state_ = State::kConnecting;
  set_outstanding(true);
  const UsrsctpCallbacks callbacks = usrsctp_callbacks();
  socket_ =
      usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, callbacks.received, callbacks.acknowledged, 0, address());
  if (socket_ == nullptr || !configure_usrsctp_socket(socket_, options_, kBuffer, kPartialDeliveryPoint) ||
      !connect_usrsctp_socket(socket_, address(), options_)) {
    close_socket();
    state_ = State::kClosed;
    return std::unexpected(Error::kOutOfMemory);
  }
  send_space_ = usrsctp_send_space(socket_);
  leave();
  return {};
}

std::expected<void, Error> UsrsctpEngine::handle_input(Instant now, Bytes packet) {
  enter(now);
  if (state_ == State::kNew) {
    ++counters_.packets_early;
    return {};
  }
  if (socket_ == nullptr) return std::unexpected(Error::kClosed);
  ++counters_.packets_in;
  const std::size_t max_fragments = std::max(kBuffer, max_part_bytes());  // the window that the peer is told
  switch (gate_.examine(packet, max_fragments - std::min(max_fragments, fragments_.bytes()))) {
    case UsrsctpGate::Verdict::kWrongTag:
      ++counters_.packets_wrong_tag;
      break;
    case UsrsctpGate::Verdict::kMalformed:
      ++counters_.packets_malformed;
      break;
    case UsrsctpGate::Verdict::kChanged:
      if (const Bytes changed = gate_.changed(); !changed.empty()) {
        usrsctp_conninput(address(), changed.data(), changed.size(), 0);
      }
      break;
    case UsrsctpGate::Verdict::kPass:
      usrsctp_conninput(address(), packet.data(), packet.size(), 0);
      break;
  }
  counters_.fragments_refused = gate_.refused();
  leave();
  return {};
}

void UsrsctpEngine::handle_timeout(Instant now) {
  runtime_.handle_timeout(now);
  if (queued_ != 0 && now - last_activity_ > kResynchronizeAfter) resynchronize();
  leave();
}

std::optional<PacketBuffer> UsrsctpEngine::poll_packet() {
  if (packets_.empty()) return std::nullopt;
  PacketBuffer packet = std::move(packets_.front());
  packets_.pop_front();
  return packet;
}

std::optional<EngineEvent> UsrsctpEngine::poll_event() {
  if (events_.empty()) return std::nullopt;
  EngineEvent event = std::move(events_.front());
  events_.pop_front();
  if (const auto* message = std::get_if<EngineMessage>(&event)) event_bytes_ -= message->data.size();
  return event;
}

Instant UsrsctpEngine::next_timeout() const {
  if (!packets_.empty() || !events_.empty() || failure_) return runtime_.now();
  return socket_ == nullptr ? kNever : runtime_.next_timeout();
}

std::expected<void, Error> UsrsctpEngine::send(Instant now, const SendOptions& options, Bytes message) {
  if (state_ != State::kUp)
    return std::unexpected(state_ == State::kConnecting ? Error::kNotConnected : Error::kClosed);
  if (message.empty() || message.size() > options_.max_message_size) return std::unexpected(Error::kMessageTooLarge);
  if (static_cast<std::uint16_t>(options.stream) >= outgoing_streams_) return std::unexpected(Error::kUnknownChannel);
  enter(now);
  const auto full = [&] { return unsent_.bytes() != 0 && unsent_.bytes() + message.size() > options_.max_unsent; };
  if (!options.urgent && full()) {
    resynchronize();
    if (full()) return std::unexpected(Error::kWouldBlock);
  }
  sctp_sendv_spa info = send_information(options);
  // Some of it may leave during the call; so it is counted before.
  queued_ += message.size();
  unsent_.push(static_cast<std::uint16_t>(options.stream), message.size(), options.send_by);
  const ssize_t sent =
      usrsctp_sendv(socket_, message.data(), message.size(), nullptr, 0, &info, sizeof(info), SCTP_SENDV_SPA, 0);
  const int code = errno;
  if (sent < 0) {
    queued_ -= std::min(queued_, message.size());
    unsent_.withdraw(static_cast<std::uint16_t>(options.stream));
  }
  set_outstanding(queued_ != 0);
  leave();
  if (sent < 0) return std::unexpected(send_error(code));
  return {};
}

std::expected<void, Error> UsrsctpEngine::reset_stream(Instant now, StreamId stream) {
  if (state_ != State::kUp) return std::unexpected(Error::kClosed);
  enter(now);
  const int code = reset_usrsctp_stream(socket_, static_cast<std::uint16_t>(stream));
  leave();
  if (code != 0) return std::unexpected(reset_error(code));
  return {};
}

void UsrsctpEngine::shutdown(Instant now) {
  enter(now);
  switch (state_) {
    case State::kNew:
    case State::kConnecting:
      fail(Error::kShutdown);
      break;
    case State::kUp:
      state_ = State::kShuttingDown;
      set_outstanding(true);
      if (usrsctp_shutdown(socket_, SHUT_WR) != 0) fail(Error::kShutdown);
      break;
    case State::kShuttingDown:
    case State::kClosed:
      break;
  }
  leave();
}

void UsrsctpEngine::abort(Instant now) {
  enter(now);
  state_ = State::kClosed;
  failure_.reset();
  close_socket();
}

void UsrsctpEngine::on_packet(Bytes packet) {
  gate_.note_output(packet);
  if (gate_.cumulative_tsn()) counters_.messages_aborted += fragments_.settle(*gate_.cumulative_tsn());
  if (note_chunks(packet)) {
    queue_hollow(packet);
  } else {
    queue_packet(packet);
  }
  last_activity_ = runtime_.now();
  runtime_.stay_busy();
}

// Counts the DATA chunks that leave; true when one must leave hollow.
bool UsrsctpEngine::note_chunks(Bytes packet) {
  hollow_.clear();
  for (ChunkWalk walk(packet); walk.next();) {
    const auto chunk = walk.data();
    if (!chunk) continue;
    const auto departure = unsent_.leave(runtime_.now(), *chunk);
    ++(departure.again ? counters_.chunks_resent : counters_.chunks_sent);
    if (departure.stale) ++counters_.messages_stale;
    if (departure.hollow) hollow_.push_back(chunk->tsn);
  }
  return !hollow_.empty();
}

// usrsctp leaves the checksum to us (configure() in usrsctp_runtime.cc).
void UsrsctpEngine::queue_packet(Bytes packet) {
  if (packets_.size() >= kMaxPackets) {
    ++counters_.packets_overrun;
    return;
  }
  ++counters_.packets_out;
  PacketBuffer copy = pool_.take(packet.size());
  copy_bytes(packet, copy.append(packet.size()));
  write_checksum(copy.data());
  packets_.push_back(std::move(copy));
}

// With the chunks of hollow_ replaced.
void UsrsctpEngine::queue_hollow(Bytes packet) {
  std::vector<std::byte> shorter(packet.begin(), packet.begin() + kCommonHeader);
  for (ChunkWalk walk(packet); walk.next();) {
    const auto chunk = walk.data();
    if (!chunk || std::ranges::find(hollow_, chunk->tsn) == hollow_.end()) {
      shorter.insert(shorter.end(), walk.bytes().begin(), walk.bytes().end());
    } else {
      shorter.resize(shorter.size() + kHollowChunk);
      write_hollow(walk.bytes(), MutableBytes(shorter).last(kHollowChunk));
    }
  }
  queue_packet(shorter);
}

void UsrsctpEngine::on_data(const sctp_rcvinfo& info, bool last, Bytes part) {
  if (failure_ || state_ == State::kClosed) return;
  if ((info.rcv_flags & SCTP_UNORDERED) != 0) return on_unordered(info, part);
  const auto found = parts_.find(info.rcv_sid);
  const std::size_t before = found == parts_.end() ? 0 : found->second.size();
  if (before + part.size() > options_.max_message_size) return fail(Error::kMessageTooLarge);
  if (last && found == parts_.end()) return deliver(info.rcv_sid, info.rcv_ppid, part);
  if (part_bytes_ + part.size() > max_part_bytes()) return fail(Error::kMessageTooLarge);
  std::vector<std::byte>& whole = parts_[info.rcv_sid];
  whole.insert(whole.end(), part.begin(), part.end());
  part_bytes_ += part.size();
  if (!last) return;
  deliver(info.rcv_sid, info.rcv_ppid, whole);
  part_bytes_ -= whole.size();
  parts_.erase(info.rcv_sid);
}

std::size_t UsrsctpEngine::max_part_bytes() const { return kMaxParts * options_.max_message_size; }

// Behind the gate usrsctp takes each fragment for a whole message.
void UsrsctpEngine::on_unordered(const sctp_rcvinfo& info, Bytes content) {
  if (content.size() > options_.max_message_size) return fail(Error::kMessageTooLarge);
  const auto fragment = gate_.fragment(info.rcv_tsn);
  if (!fragment) return deliver(info.rcv_sid, info.rcv_ppid, content);
  const auto whole = fragments_.insert(*fragment, info.rcv_ppid, content);
  if (!whole) return fail(whole.error());
  if (*whole) deliver(info.rcv_sid, (*whole)->ppid, (*whole)->content);
}

void UsrsctpEngine::deliver(std::uint16_t stream, std::uint32_t ppid, Bytes message) {
  if (event_bytes_ + message.size() > kMaxUnreadBytes) return fail(Error::kQueueOverflow);
  event_bytes_ += message.size();
  push(EngineMessage{static_cast<StreamId>(stream), ntohl(ppid), pool_.copy(message)});
}

void UsrsctpEngine::on_send_space(std::uint32_t free_bytes) {
  queued_ = send_space_ - std::min<std::size_t>(send_space_, free_bytes);
  if (queued_ == 0) unsent_.clear();
  if (state_ == State::kUp) set_outstanding(queued_ != 0);
}

void UsrsctpEngine::on_notification(Bytes notification) {
  if (failure_ || state_ == State::kClosed) return;
  sctp_notification::sctp_tlv header{};
  if (notification.size() < sizeof(header)) return;
  std::memcpy(&header, notification.data(), sizeof(header));
  if (header.sn_type == SCTP_ASSOC_CHANGE) on_association_change(notification);
  if (header.sn_type == SCTP_STREAM_RESET_EVENT) on_stream_reset(notification);
  if (header.sn_type == SCTP_PARTIAL_DELIVERY_EVENT) on_partial_delivery(notification);
}

void UsrsctpEngine::on_association_change(Bytes notification) {
  sctp_assoc_change change{};
  if (notification.size() < sizeof(change)) return;
  std::memcpy(&change, notification.data(), sizeof(change));
  // The chunk with which the peer aborted stands behind the fixed part.
  const std::size_t information = std::min<std::size_t>(notification.size(), change.sac_length) - sizeof(change);
  switch (change.sac_state) {
    case SCTP_COMM_UP:
      state_ = State::kUp;
      outgoing_streams_ = change.sac_outbound_streams;
      set_outstanding(false);
      return push(EngineUp{change.sac_outbound_streams, change.sac_inbound_streams});
    case SCTP_RESTART:
      return fail(Error::kRestarted);
    case SCTP_SHUTDOWN_COMP:
      return fail(Error::kShutdown);
    case SCTP_COMM_LOST:
    case SCTP_CANT_STR_ASSOC:
      return fail(information != 0 ? Error::kAborted : Error::kTimedOut);
    default:
      return;
  }
}

void UsrsctpEngine::on_stream_reset(Bytes notification) {
  sctp_stream_reset_event event{};
  if (notification.size() < sizeof(event)) return;
  std::memcpy(&event, notification.data(), sizeof(event));
  EngineReset reset;
  if ((event.strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED)) != 0) {
    reset.what = EngineReset::What::kFailed;
  } else if ((event.strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) != 0) {
    reset.what = EngineReset::What::kIncoming;
  } else {
    reset.what = EngineReset::What::kOutgoing;
  }
  for (Bytes list = notification.subspan(sizeof(event)); list.size() >= sizeof(std::uint16_t);
       list = list.subspan(sizeof(std::uint16_t))) {
    std::uint16_t stream = 0;
    std::memcpy(&stream, list.data(), sizeof(stream));
    reset.stream = static_cast<StreamId>(stream);
    push(reset);
  }
}

// The rest of a message of which parts were handed over will never come (RFC 3758 §3.6).
void UsrsctpEngine::on_partial_delivery(Bytes notification) {
  sctp_pdapi_event event{};
  if (notification.size() < sizeof(event)) return;
  std::memcpy(&event, notification.data(), sizeof(event));
  const auto found = parts_.find(static_cast<std::uint16_t>(event.pdapi_stream));
  if (found == parts_.end()) return;
  ++counters_.messages_aborted;
  part_bytes_ -= found->second.size();
  parts_.erase(found);
}

void UsrsctpEngine::push(EngineEvent event) {
  if (events_.size() >= kMaxUnread) return fail(Error::kQueueOverflow);
  events_.push_back(std::move(event));
}

void UsrsctpEngine::enter(Instant now) {
  runtime_.handle_timeout(now);
  runtime_.stay_busy();
  last_activity_ = runtime_.now();
}

// Inside a callback the socket may not be closed; now it may.
void UsrsctpEngine::leave() {
  if (const auto released = gate_.take_released(); released && socket_ != nullptr) {
    usrsctp_conninput(address(), released->data(), released->size(), 0);
  }
  if (!failure_) return;
  const Error reason = *failure_;
  failure_.reset();
  state_ = State::kClosed;
  close_socket();
  events_.push_back(EngineDown{reason});
}

// The first reason counts.
void UsrsctpEngine::fail(Error reason) {
  if (!failure_ && state_ != State::kClosed) failure_ = reason;
}

void UsrsctpEngine::resynchronize() {
  if (socket_ != nullptr && !usrsctp_has_data(socket_)) {
    queued_ = 0;
    unsent_.clear();
    if (state_ == State::kUp) set_outstanding(false);
  }
}

// usrsctp_close() sends ABORT when the association is up (linger time 0) and may still call back.
void UsrsctpEngine::close_socket() {
  set_outstanding(false);
  if (socket_ != nullptr) usrsctp_close(socket_);
  if (id_ != 0) runtime_.detach(std::exchange(id_, 0));
  socket_ = nullptr;
  queued_ = 0;
  unsent_.clear();
  parts_.clear();
  part_bytes_ = 0;
  fragments_.clear();
}

void UsrsctpEngine::set_outstanding(bool outstanding) {
  if (outstanding == outstanding_) return;
  outstanding_ = outstanding;
  runtime_.outstanding_ += outstanding ? 1 : std::size_t(-1);
}

}  // namespace bamgate::sctp
