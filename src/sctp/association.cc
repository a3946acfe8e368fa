#include "sctp/association.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace bamgate::sctp {
namespace {

static_assert(SansIo<Association>);

/// RFC 9260 §3.2 wants chunks in multiples of 4 bytes; below the smallest IPv4 path nothing is gained, above Ethernet
/// no pooled buffer would do.
constexpr std::uint16_t kMinPathMtu = 576;
constexpr std::uint16_t kMaxPathMtu = 1500;
constexpr std::uint32_t kMaxMessageSize = std::uint32_t{1} << 20;

/// Events that wait for an owner who does not take them.
constexpr std::size_t kMaxEvents = 65536;
constexpr std::size_t kMaxEventBytes = std::size_t{8} << 20;

/// Times that the peer may refuse to have a stream reset before the channel counts as closed anyway.
constexpr std::uint8_t kMaxRefusedResets = 5;

bool valid(const Association::Options& options) {
  return options.path_mtu >= kMinPathMtu && options.path_mtu <= kMaxPathMtu && options.path_mtu % 4 == 0 &&
         options.local_port != 0 && options.remote_port != 0 && options.max_message_size != 0 &&
         options.max_message_size <= kMaxMessageSize && options.max_unsent != 0;
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
                                     .max_message_size = options.max_message_size,
                                     .max_unsent = options.max_unsent},
                                    pool);
  if (!engine) return std::unexpected(engine.error());
  return Association(std::move(*engine), options);
}

Association::Association(std::unique_ptr<Engine> engine, const Options& options)
    : engine_(std::move(engine)), options_(options) {}

void Association::start(Instant now) {
  if (state_ != State::kNew) return;
  state_ = State::kConnecting;
  const auto started = engine_->start(now);
  if (!started) return end(started.error());
  pump(now);
}

std::expected<void, Error> Association::handle_input(Instant now, const Received& received) {
  if (state_ == State::kClosed) return std::unexpected(Error::kClosed);
  const auto result = engine_->handle_input(now, received.data);
  pump(now);
  return result;
}

void Association::handle_timeout(Instant now) {
  engine_->handle_timeout(now);
  pump(now);
}

std::optional<Transmit> Association::poll_transmit(Instant, MutableBytes buffer) {
  while (const auto packet = engine_->poll_packet()) {
    if (packet->size() > buffer.size()) continue;
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
  if (state_ == State::kClosing || state_ == State::kClosed) return std::unexpected(Error::kClosed);
  if (!sctp::valid(options)) return std::unexpected(Error::kBadOptions);
  const auto id = channels_.lowest_free(!options_.dtls_client, streams_);
  if (!id) return std::unexpected(Error::kNoStreamLeft);
  channels_.add(*id, Channel{.options = options});
  control_due_ = true;
  pump(now);
  return *id;
}

std::expected<void, Error> Association::send(Instant now, ChannelId id, MessageKind kind, Bytes message) {
  if (state_ == State::kNew || state_ == State::kConnecting) return std::unexpected(Error::kNotConnected);
  if (state_ != State::kConnected) return std::unexpected(Error::kClosed);
  const Channel* channel = channels_.find(id);
  if (channel == nullptr || channel->closing()) return std::unexpected(Error::kUnknownChannel);
  if (!channel->writable()) return std::unexpected(Error::kWouldBlock);
  static constexpr std::array<std::byte, 1> kEmpty{};
  // RFC 8832 §6: until the ACK has come everything is sent in order, so that nothing overtakes the OPEN.
  const bool in_order = channel->options.ordered || channel->outgoing == Channel::Outgoing::kOpening;
  const SendOptions options{.stream = stream_of(id),
                            .ppid = static_cast<std::uint32_t>(ppid_of(kind, message.empty())),
                            .ordered = in_order,
                            .max_retransmits = channel->options.max_retransmits,
                            .max_lifetime = channel->options.max_lifetime};
  const auto result = engine_->send(now, options, message.empty() ? Bytes(kEmpty) : message);
  if (result) ++counters_.messages_out;
  pump(now);
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
    case State::kConnected:
      state_ = State::kClosing;
      engine_->shutdown(now);
      return pump(now);
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
  result.engine = engine_->counters();
  return result;
}

// Takes what the engine has to say, then hands it what channels have to say.
void Association::pump(Instant now) {
  while (auto event = engine_->poll_event()) {
    if (state_ == State::kClosed) continue;
    std::visit([&](auto& what) { on(now, std::move(what)); }, *event);
  }
  if (control_due_ && state_ == State::kConnected) flush_control(now);
  if (state_ != State::kClosed && (events_.size() > kMaxEvents || event_bytes_ > kMaxEventBytes)) {
    engine_->abort(now);
    end(Error::kQueueOverflow);
  }
}

void Association::on(Instant, EngineUp up) {
  if (state_ != State::kConnecting) return;
  state_ = State::kConnected;
  streams_ = std::min({streams_, up.outgoing_streams, up.incoming_streams});
  events_.push_back(Connected{});
}

void Association::on(Instant now, EngineMessage message) {
  const ChannelId id = channel_of(message.stream);
  const auto ppid = static_cast<Ppid>(message.ppid);
  if (ppid == Ppid::kDcep) return on_dcep(now, id, message.data.data());
  const Channel* channel = channels_.find(id);
  const bool empty = ppid == Ppid::kTextEmpty || ppid == Ppid::kBinaryEmpty;
  const bool text = ppid == Ppid::kText || ppid == Ppid::kTextEmpty;
  const bool known = empty || text || ppid == Ppid::kBinary;
  if (channel == nullptr || channel->incoming == Channel::Incoming::kReset || !known) {
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
  channels_.add(id, Channel{.options = options, .outgoing = Channel::Outgoing::kAckDue});
  control_due_ = true;
  events_.push_back(ChannelOpened{id, std::move(options), true});
}

void Association::on_ack(ChannelId id) {
  Channel* channel = channels_.find(id);
  if (channel == nullptr || channel->outgoing != Channel::Outgoing::kOpening) {
    ++counters_.dcep_refused;
    return;
  }
  channel->outgoing = Channel::Outgoing::kOpen;
  events_.push_back(ChannelOpened{id, channel->options, false});
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
  const auto asked = engine_->reset_stream(now, stream_of(id));
  if (!asked && asked.error() == Error::kWouldBlock) return false;
  channel.outgoing = Channel::Outgoing::kResetSent;
  if (asked) return true;
  // Without stream reset (RFC 8831 §6.2 demands it) all that can be done is to forget the channel.
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
  channels_.erase(id);
  events_.push_back(ChannelClosed{id});
}

void Association::end(Error reason) {
  state_ = State::kClosed;
  channels_.clear();
  control_due_ = false;
  events_.push_back(Closed{reason});
}

}  // namespace bamgate::sctp
