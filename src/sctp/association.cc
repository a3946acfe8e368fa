#include "sctp/association.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "sctp/packet.h"

namespace bamgate::sctp {
namespace {

static_assert(SansIo<Association>);

/// RFC 9260 §3.2 wants chunks in multiples of 4 bytes; below the smallest IPv4 path nothing is gained, above Ethernet
/// no pooled buffer would do.
constexpr std::uint16_t kMinPathMtu = 576;
constexpr std::uint16_t kMaxPathMtu = 1500;
constexpr std::uint32_t kMaxMessageSize = std::uint32_t{1} << 20;
constexpr std::size_t kMaxPacket = 65535;

/// Events that wait for an owner who does not take them.
constexpr std::size_t kMaxEvents = 65536;
constexpr std::size_t kMaxEventBytes = std::size_t{8} << 20;

/// Times that the peer may refuse to have a stream reset before the channel counts as closed anyway.
constexpr std::uint8_t kMaxRefusedResets = 5;

bool valid(const Association::Options& options) {
  return options.path_mtu >= kMinPathMtu && options.path_mtu <= kMaxPathMtu && options.path_mtu % 4 == 0 &&
         options.local_port != 0 && options.remote_port != 0 && options.max_message_size != 0 &&
         options.max_message_size <= kMaxMessageSize;
}

// A channel that promises delivery keeps it; on one with a lifetime nothing waits longer than that.
QueueLimits limits_for(const ChannelOptions& channel, QueueLimits limits) {
  if (!channel.max_retransmits && !channel.max_lifetime) {
    limits.max_age.reset();
    limits.codel = false;
  }
  // RFC 3758 §4.1: the lifetime begins when the message is handed over, not when it leaves.
  if (channel.max_lifetime) {
    const Duration lifetime = *channel.max_lifetime;
    limits.max_age = std::min(limits.max_age.value_or(lifetime), lifetime);
  }
  return limits;
}

StreamId stream_of(ChannelId id) { return static_cast<StreamId>(id); }
ChannelId channel_of(StreamId stream) { return static_cast<ChannelId>(stream); }

// RFC 8831 §6.6: SCTP has no empty messages; an empty one is a zero byte under a PPID of its own.
Ppid ppid_of(MessageKind kind, bool empty) {
  switch (kind) {
    case MessageKind::kBinary:
      return empty ? Ppid::kBinaryEmpty : Ppid::kBinary;
    case MessageKind::kText:
      return empty ? Ppid::kTextEmpty : Ppid::kText;
  }
  return Ppid::kBinary;
}

}  // namespace

std::expected<Association, Error> Association::create(EngineFactory& factory, const Options& options,
                                                      BufferPool& pool) {
  if (!valid(options)) return std::unexpected(Error::kBadOptions);
  auto engine = factory.make_engine({.local_port = options.local_port,
                                     .remote_port = options.remote_port,
                                     .path_mtu = options.path_mtu,
                                     .max_message_size = options.max_message_size},
                                    pool);
  if (!engine) return std::unexpected(engine.error());
  return Association(std::move(*engine), options, pool);
}

Association::Association(std::unique_ptr<Engine> engine, const Options& options, BufferPool& pool)
    : engine_(std::move(engine)), options_(options), pool_(&pool) {}

void Association::start(Instant now) {
  if (state_ != State::kNew) return;
  state_ = State::kConnecting;
  const auto started = engine_->start(now);
  if (!started) return end(started.error());
  pump(now);
}

std::expected<void, Error> Association::handle_input(Instant now, const Received& received) {
  if (state_ == State::kClosed) return std::unexpected(Error::kClosed);
  if (const auto checked = check(received.data); !checked) return checked;
  const auto result = engine_->handle_input(now, received.data);
  pump(now);
  return result;
}

std::expected<void, Error> Association::check(Bytes packet) {
  if (packet.size() < kCommonHeader + kChunkHeader || packet.size() > kMaxPacket) {
    ++counters_.packets_malformed;
    return std::unexpected(Error::kMalformed);
  }
  // RFC 9260 §6.8: a packet with a wrong checksum is discarded; DTLS below does not change that (RFC 8261 §6.1).
  if (!has_right_checksum(packet)) {
    ++counters_.packets_bad_checksum;
    return std::unexpected(Error::kBadChecksum);
  }
  // RFC 9260 §8.4: what belongs to no association. It is not answered: there is only this one in the DTLS connection.
  const CommonHeader header = read_common_header(packet);
  if (header.destination_port != options_.local_port || header.source_port != options_.remote_port) {
    ++counters_.packets_wrong_port;
    return std::unexpected(Error::kWrongPort);
  }
  return {};
}

void Association::handle_timeout(Instant now) {
  engine_->handle_timeout(now);
  pump(now);
}

std::optional<Transmit> Association::poll_transmit(Instant, MutableBytes buffer) {
  while (const auto packet = engine_->poll_packet()) {
    if (packet->size() > buffer.size()) {
      ++counters_.packets_oversized;  // the others behind it still leave
      continue;
    }
    copy_bytes(packet->data(), buffer);
    return Transmit{.path = {}, .size = static_cast<std::uint32_t>(packet->size())};
  }
  return std::nullopt;
}

std::optional<PacketBuffer> Association::poll_packet() { return engine_->poll_packet(); }

std::optional<Association::Event> Association::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  if (const auto* message = std::get_if<Message>(&event)) event_bytes_ -= message->data.size();
  return event;
}

Instant Association::next_timeout() const { return engine_->next_timeout(); }

std::expected<ChannelId, Error> Association::open_channel(Instant now, const ChannelOptions& options) {
  if (state_ > State::kConnected) return std::unexpected(Error::kClosed);
  if (!sctp::valid(options)) return std::unexpected(Error::kBadOptions);
  const auto id = channels_.lowest_free(!options_.dtls_client, streams_);
  if (!id) return std::unexpected(Error::kNoStreamLeft);
  add_channel(*id, options, Channel::Outgoing::kAnnouncing);
  pump(now);
  return *id;
}

Channel& Association::add_channel(ChannelId id, ChannelOptions options, Channel::Outgoing outgoing) {
  control_due_ = true;
  SendQueue queue(limits_for(options, options_.queue));
  return channels_.add(id, Channel{.options = std::move(options), .queue = std::move(queue), .outgoing = outgoing});
}

void Association::set_queue(ChannelId id, const QueueLimits& limits) {
  if (Channel* channel = channels_.find(id)) channel->queue.set_limits(limits_for(channel->options, limits));
}

std::expected<void, Error> Association::send(Instant now, ChannelId id, MessageKind kind, Bytes message) {
  if (state_ == State::kNew || state_ == State::kConnecting) return std::unexpected(Error::kNotConnected);
  if (state_ != State::kConnected) return std::unexpected(Error::kClosed);
  Channel* channel = channels_.find(id);
  if (channel == nullptr || !channel->writable()) return std::unexpected(Error::kUnknownChannel);
  // RFC 8841 §6.1: nothing longer than a=max-message-size.
  if (message.size() > options_.max_message_size) return std::unexpected(Error::kMessageTooLarge);
  const bool direct = channel->ready() && channel->queue.empty();
  auto result = direct ? hand_over(now, id, *channel, kind, message, now) : std::unexpected(Error::kWouldBlock);
  if (!result && result.error() == Error::kWouldBlock && channel->queue.has_room(message.size())) {
    channel->queue.push(now, kind, pool_->copy(message));
    result = {};
  }
  pump(now);
  return result;
}

// Gives the engine a message that send() took at `since`.
std::expected<void, Error> Association::hand_over(Instant now, ChannelId id, const Channel& channel, MessageKind kind,
                                                  Bytes message, Instant since) {
  static constexpr std::array<std::byte, 1> kEmpty{};
  SendOptions options{.stream = stream_of(id),
                      .ppid = static_cast<std::uint32_t>(ppid_of(kind, message.empty())),
                      // RFC 8832 §6: until the ACK has come everything is sent in order, behind the OPEN.
                      .ordered = channel.options.ordered || channel.outgoing == Channel::Outgoing::kOpening,
                      .max_retransmits = channel.options.max_retransmits};
  if (channel.options.max_lifetime) {
    const auto waited = std::chrono::ceil<std::chrono::milliseconds>(now - since);
    options.max_lifetime = std::max(*channel.options.max_lifetime - waited, std::chrono::milliseconds(0));
  }
  if (const auto age = channel.queue.limits().max_age) options.send_by = since + *age;
  const auto result = engine_->send(now, options, message.empty() ? Bytes(kEmpty) : message);
  if (result) ++counters_.messages_out;
  return result;
}

void Association::close_channel(Instant now, ChannelId id) {
  Channel* channel = channels_.find(id);
  if (channel == nullptr) return;
  if (channel->outgoing == Channel::Outgoing::kAnnouncing) return finish_close(id);
  begin_close(*channel);
  pump(now);
}

void Association::shutdown(Instant now) {
  switch (state_) {
    case State::kNew:
      return end(Error::kShutdown);
    case State::kConnecting:
      state_ = State::kClosing;
      engine_->shutdown(now);
      return pump(now);
    case State::kConnected:
      state_ = State::kDraining;
      return pump(now);
    case State::kDraining:
    case State::kClosing:
    case State::kClosed:
      return;
  }
}

void Association::abort(Instant now) {
  if (state_ == State::kClosed) return;
  engine_->abort(now);
  end(Error::kLocalAbort);
}

AssociationCounters Association::counters() const {
  AssociationCounters result = counters_;
  result.messages_unsent += engine_counters().messages_stale;
  for (const auto& [id, channel] : channels_.all()) result.messages_unsent += channel.queue.dropped();
  return result;
}

std::size_t Association::waiting_messages() const {
  std::size_t messages = 0;
  for (const auto& [id, channel] : channels_.all()) messages += channel.queue.size();
  return messages;
}

std::size_t Association::buffered_bytes() const {
  std::size_t bytes = engine_->unsent_bytes();
  for (const auto& [id, channel] : channels_.all()) bytes += channel.queue.bytes();
  return bytes;
}

// Takes what the engine has to say, then hands it what channels have to say.
void Association::pump(Instant now) {
  take_events(now);
  flush(now);
  take_events(now);  // of what was just handed over
  if (state_ != State::kClosed && (events_.size() > kMaxEvents || event_bytes_ > kMaxEventBytes)) {
    engine_->abort(now);
    end(Error::kQueueOverflow);
  }
}

void Association::take_events(Instant now) {
  while (auto event = engine_->poll_event()) {
    if (state_ == State::kClosed) continue;
    std::visit([&](auto& what) { on(now, std::move(what)); }, *event);
  }
}

// Hands the engine what it takes: messages, the closings of channels that have drained, openings and what waits behind
// them.
void Association::flush(Instant now) {
  if (state_ != State::kConnected && state_ != State::kDraining) return;
  flush_queues(now);
  if (control_due_) {
    flush_control(now);
    flush_queues(now);
  }
  if (state_ == State::kDraining && !channels_.waiting()) {
    state_ = State::kClosing;
    engine_->shutdown(now);
  }
}

// One message of each channel in turn, until the engine has enough.
void Association::flush_queues(Instant now) {
  while (const auto id = channels_.next_flowing(last_served_)) {
    Channel& channel = *channels_.find(*id);
    if (const SendQueue::Entry* head = channel.queue.head(now)) {
      if (!hand_over(now, *id, channel, head->kind, head->data.data(), head->since)) return;
      channel.queue.pop();
    }
    last_served_ = *id;
  }
}

void Association::on(Instant, EngineUp up) {
  if (state_ != State::kConnecting) return;
  state_ = State::kConnected;
  streams_ = std::min({streams_, up.outgoing_streams, up.incoming_streams});
  events_.push_back(Connected{});
}

// RFC 8832 §6: the ACK or any other message of the peer on a channel that is opening opens it: who sends on it knows
// it. True when this one did.
bool Association::note_answer(ChannelId id) {
  Channel* channel = channels_.find(id);
  if (channel == nullptr || channel->outgoing != Channel::Outgoing::kOpening) return false;
  channel->outgoing = Channel::Outgoing::kOpen;
  events_.push_back(ChannelOpened{id, channel->options, false});
  return true;
}

void Association::on(Instant now, EngineMessage message) {
  const ChannelId id = channel_of(message.stream);
  const auto ppid = static_cast<Ppid>(message.ppid);
  const bool opens = note_answer(id);
  if (ppid == Ppid::kDcep) return on_dcep(now, id, message.data.data());
  if (opens) ++counters_.messages_before_ack;
  const Channel* channel = channels_.find(id);
  const bool empty = ppid == Ppid::kTextEmpty || ppid == Ppid::kBinaryEmpty;
  const bool text = ppid == Ppid::kText || ppid == Ppid::kTextEmpty;
  const bool known = empty || text || ppid == Ppid::kBinary;
  if (channel == nullptr || !channel->receives() || !known) {
    ++counters_.messages_dropped;
    return;
  }
  if (empty) message.data.remove_suffix(message.data.size());
  ++counters_.messages_in;
  event_bytes_ += message.data.size();
  events_.push_back(Message{id, text ? MessageKind::kText : MessageKind::kBinary, std::move(message.data)});
}

void Association::on(Instant, EngineReset reset) {
  const ChannelId id = channel_of(reset.stream);
  Channel* channel = channels_.find(id);
  if (channel == nullptr) return;
  switch (reset.what) {
    case EngineReset::What::kIncoming:
      // RFC 8831 §6.7: whoever sees the peer's side closed closes its own.
      channel->incoming = Channel::Incoming::kReset;
      channel->queue.clear();
      begin_close(*channel);
      break;
    case EngineReset::What::kOutgoing:
      if (channel->outgoing == Channel::Outgoing::kResetSent) channel->outgoing = Channel::Outgoing::kReset;
      break;
    case EngineReset::What::kFailed:
      if (channel->outgoing != Channel::Outgoing::kResetSent) return;
      if (++channel->refused_resets >= kMaxRefusedResets) return finish_close(id);
      channel->outgoing = Channel::Outgoing::kResetDue;
      control_due_ = true;
      return;
  }
  if (channel->gone()) finish_close(id);
}

void Association::on(Instant, EngineDown down) { end(down.reason); }

void Association::on_dcep(Instant now, ChannelId id, Bytes message) {
  auto parsed = parse_dcep(message);
  if (!parsed) return refuse(now, id);
  if (auto* open = std::get_if<DcepOpen>(&*parsed)) return on_open(now, id, std::move(open->options));
  on_ack(id);
}

void Association::on_open(Instant now, ChannelId id, ChannelOptions options) {
  // RFC 8832 §6: the peer opens only streams of its own parity.
  const bool theirs = has_parity(id, options_.dtls_client);
  if (!theirs || static_cast<std::uint16_t>(id) >= streams_) return refuse(now, id);
  if (const Channel* old = channels_.find(id)) {
    // The peer knows already that both directions are reset; the confirmation to us is on its way.
    if (old->incoming != Channel::Incoming::kReset) return refuse(now, id);
    finish_close(id);
  }
  add_channel(id, options, Channel::Outgoing::kAckDue);
  events_.push_back(ChannelOpened{id, std::move(options), true});
}

// note_answer() has opened the channel; a message that overtook the ACK may have done so before.
void Association::on_ack(ChannelId id) {
  const bool ours = has_parity(id, !options_.dtls_client);
  if (!ours || channels_.find(id) == nullptr) ++counters_.dcep_refused;
}

// RFC 8832 §6: an OPEN that breaks the rules is answered with the reset of its stream.
void Association::refuse(Instant now, ChannelId id) {
  ++counters_.dcep_refused;
  if (channels_.find(id) == nullptr) static_cast<void>(engine_->reset_stream(now, stream_of(id)));
}

void Association::flush_control(Instant now) {
  control_due_ = false;
  std::vector<ChannelId> finished;
  for (auto& [id, channel] : channels_.all()) {
    if (channel.control_due() && !send_control(now, id, channel)) control_due_ = true;
    if (channel.gone()) finished.push_back(id);
  }
  for (const ChannelId id : finished) finish_close(id);
}

// Hands to the engine what `channel` has for it and moves the channel on; false when the engine cannot take it now.
bool Association::send_control(Instant now, ChannelId id, Channel& channel) {
  switch (channel.outgoing) {
    case Channel::Outgoing::kAnnouncing:
      if (!send_dcep(now, id, DcepOpen{channel.options})) return false;
      channel.outgoing = Channel::Outgoing::kOpening;
      return true;
    case Channel::Outgoing::kAckDue:
      if (!send_dcep(now, id, DcepAck{})) return false;
      channel.outgoing = Channel::Outgoing::kOpen;
      return true;
    case Channel::Outgoing::kResetDue:
      return request_reset(now, id, channel);
    case Channel::Outgoing::kOpening:
    case Channel::Outgoing::kOpen:
    case Channel::Outgoing::kResetSent:
    case Channel::Outgoing::kReset:
      return true;
  }
  return true;
}

// RFC 8832 §6: DCEP messages are sent reliably and in order, whatever the channel promises.
bool Association::send_dcep(Instant now, ChannelId id, const DcepMessage& message) {
  std::array<std::byte, kMaxDcepSize> buffer;
  const SendOptions options{
      .stream = stream_of(id), .ppid = static_cast<std::uint32_t>(Ppid::kDcep), .ordered = true, .urgent = true};
  return engine_->send(now, options, write_dcep(message, buffer)).has_value();
}

bool Association::request_reset(Instant now, ChannelId id, Channel& channel) {
  if (!channel.queue.empty()) return false;
  const auto asked = engine_->reset_stream(now, stream_of(id));
  if (!asked && asked.error() == Error::kWouldBlock) return false;
  channel.outgoing = Channel::Outgoing::kResetSent;
  if (asked) return true;
  // Without stream reset (RFC 8831 §6.1 demands it) all that can be done is to forget the channel.
  channel.outgoing = Channel::Outgoing::kReset;
  channel.incoming = Channel::Incoming::kReset;
  return true;
}

void Association::begin_close(Channel& channel) {
  if (channel.closing()) return;
  channel.outgoing = Channel::Outgoing::kResetDue;
  control_due_ = true;
}

void Association::finish_close(ChannelId id) {
  if (Channel* channel = channels_.find(id)) {
    channel->queue.clear();
    counters_.messages_unsent += channel->queue.dropped();
  }
  channels_.erase(id);
  events_.push_back(ChannelClosed{id});
}

void Association::end(Error reason) {
  state_ = State::kClosed;
  for (auto& [id, channel] : channels_.all()) {
    channel.queue.clear();
    counters_.messages_unsent += channel.queue.dropped();
  }
  channels_.clear();
  control_due_ = false;
  events_.push_back(Closed{reason});
}

}  // namespace bamgate::sctp
