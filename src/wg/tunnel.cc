#include "wg/tunnel.h"

#include <algorithm>
#include <utility>

#include "wg/ip_packet.h"

namespace bamgate::wg {
namespace {

// Events are few; a caller that never polls them must not make memory grow.
constexpr std::size_t kMaxEvents = 16;

}  // namespace

std::expected<Tunnel, Error> Tunnel::create(const Options& options, Random& random) {
  prepare_primitives();
  auto identity = Identity::create(options.local, options.remote, options.preshared.value_or(PresharedKey{}));
  if (!identity) return std::unexpected(identity.error());
  identity->key_log = options.key_log;
  return Tunnel(std::move(*identity), options, random);
}

Tunnel::Tunnel(Identity identity, const Options& options, Random& random)
    : identity_(std::move(identity)),
      random_(&random),
      indices_(options.indices ? options.indices : std::make_shared<IndexTable>()),
      id_(options.id),
      mtu_(options.mtu),
      first_counter_(options.first_counter),
      stamps_(options.clock),
      macs_(identity_.local_public, identity_.remote),
      timers_(options.persistent_keepalive.value_or(std::chrono::seconds(0)), random) {}

void Tunnel::initiate(Instant now) {
  timers_.attempt_started(now);
  initiation_wanted_ = true;
}

// Paper §6.1: whatever asks for a handshake, no two initiations are sent within REKEY_TIMEOUT. While one is unanswered
// its retransmission is due anyway.
void Tunnel::request_handshake(Instant now) {
  timers_.attempt_started(now);
  if (last_initiation_ && now - *last_initiation_ < kRekeyTimeout) return;
  initiation_wanted_ = true;
}

std::expected<void, Error> Tunnel::handle_input(Instant now, const Received& received) {
  std::expected<void, Error> result;
  MutableBytes rest = received.data;
  do {
    const std::size_t size = received.stride == 0 ? rest.size() : std::min<std::size_t>(received.stride, rest.size());
    if (const auto handled = handle_message(now, rest.first(size)); !handled) {
      drop(handled.error());
      result = handled;
    }
    rest = rest.subspan(size);
  } while (!rest.empty());
  return result;
}

std::expected<void, Error> Tunnel::handle_message(Instant now, MutableBytes message) {
  const auto type = message_type(message);
  if (!type) return std::unexpected(message.size() < 4 ? Error::kWrongSize : Error::kUnknownType);
  switch (*type) {
    case MessageType::kInitiation:
      return handle_initiation(now, message);
    case MessageType::kResponse:
      return handle_response(now, message);
    case MessageType::kCookieReply:
      return handle_cookie_reply(now, message);
    case MessageType::kData:
      if (message.size() < kDataOverhead) return std::unexpected(Error::kWrongSize);
      if (message.size() > kDataOverhead) return std::unexpected(Error::kNotControl);
      if (const auto opened = open_in_place(now, message); !opened) return std::unexpected(opened.error());
      return {};
  }
  return std::unexpected(Error::kUnknownType);
}

std::expected<void, Error> Tunnel::handle_initiation(Instant now, Bytes message) {
  const auto initiation = InitiationMessage::parse(message);
  if (!initiation) return std::unexpected(Error::kWrongSize);
  if (!macs_.mac1_fits(message)) return std::unexpected(Error::kBadMac1);
  auto received = open_initiation(identity_.local, identity_.local_public, *initiation);
  if (!received) return std::unexpected(received.error());
  return answer_initiation(now, std::move(*received));
}

std::expected<void, Error> Tunnel::accept_initiation(Instant now, ReceivedInitiation received) {
  const auto answered = answer_initiation(now, std::move(received));
  if (!answered) drop(answered.error());
  return answered;
}

std::expected<void, Error> Tunnel::answer_initiation(Instant now, ReceivedInitiation received) {
  auto handshake = authenticate_initiation(identity_, std::move(received));
  if (!handshake) return std::unexpected(handshake.error());
  // Paper §5.1: the responder keeps the greatest timestamp of each peer and drops what is not greater.
  if (greatest_stamp_ && handshake->timestamp <= *greatest_stamp_) return std::unexpected(Error::kReplayedInitiation);
  if (last_answered_ && now - *last_answered_ < kInitiationInterval) return std::unexpected(Error::kFlooded);
  const Tai64n stamp = handshake->timestamp;
  IndexLease lease = draw_index();
  auto created = create_response(identity_, std::move(*handshake), lease.index(), *random_);
  if (!created) return std::unexpected(created.error());

  greatest_stamp_ = stamp;
  last_answered_ = now;
  response_.emplace(PendingResponse{{}, now});
  created->message.write(response_->message);
  macs_.write(now, created->message.sender, response_->message);
  keypairs_.add_as_responder(make_keypair(now, std::move(created->keys), std::move(lease), false));
  rx_bytes_ += kInitiationSize;
  timers_.any_received(now);
  timers_.session_derived(now);
  return {};
}

std::expected<void, Error> Tunnel::handle_response(Instant now, Bytes message) {
  const auto response = ResponseMessage::parse(message);
  if (!response) return std::unexpected(Error::kWrongSize);
  if (!macs_.mac1_fits(message)) return std::unexpected(Error::kBadMac1);
  if (!handshake_ || handshake_->lease.index() != response->receiver) return std::unexpected(Error::kUnknownIndex);
  auto keys = consume_response(identity_, handshake_->state, *response);
  if (!keys) return std::unexpected(keys.error());

  keypairs_.add_as_initiator(make_keypair(now, std::move(*keys), std::move(handshake_->lease), true));
  rx_bytes_ += message.size();
  timers_.any_received(now);
  timers_.session_derived(now);
  complete_handshake(now, true);
  // Paper §5.4.5: the responder may not send before it has received. If no packet goes out first, an empty message
  // does.
  keepalive_wanted_ = true;
  return {};
}

std::expected<void, Error> Tunnel::handle_cookie_reply(Instant now, Bytes message) {
  const auto reply = CookieReplyMessage::parse(message);
  if (!reply) return std::unexpected(Error::kWrongSize);
  // Paper §6.6: the cookie is only stored; the retransmission, when it is due, carries it.
  return macs_.consume_reply(now, *reply);
}

void Tunnel::complete_handshake(Instant now, bool initiator) {
  handshake_.reset();  // paper §5.4.5: its state is zeroed
  initiation_wanted_ = false;
  last_handshake_ = now;
  ++counters_.handshakes;
  timers_.handshake_completed(keypairs_.current()->created);
  push_event(HandshakeCompleted{initiator});
}

void Tunnel::handle_timeout(Instant now) {
  while (const auto action = timers_.poll(now)) {
    switch (*action) {
      case Timers::Action::kRetransmitInitiation:
        initiation_wanted_ = true;
        break;
      case Timers::Action::kGiveUp:
        handshake_.reset();
        initiation_wanted_ = false;
        ++counters_.handshakes_failed;
        push_event(HandshakeFailed{});
        break;
      case Timers::Action::kSendKeepalive:
        keepalive_wanted_ = true;
        break;
      case Timers::Action::kStartHandshake:
        request_handshake(now);
        break;
      case Timers::Action::kExpireSession:
        push_event(SessionExpired{});
        break;
      case Timers::Action::kZeroKeys:
        keypairs_.clear();
        handshake_.reset();
        break;
    }
  }
}

std::optional<Transmit> Tunnel::poll_transmit(Instant now, MutableBytes buffer) {
  if (keepalive_wanted_ && !can_seal(now)) {
    keepalive_wanted_ = false;
    request_handshake(now);
  }
  // An answer that could not leave for this long belongs to an initiation that has been given up.
  if (response_ && now - response_->made >= kRekeyTimeout) {
    response_.reset();
    ++counters_.responses_unsent;
  }
  if (response_) return send_response(now, buffer);
  if (initiation_wanted_) return send_initiation(now, buffer);
  if (keepalive_wanted_) return send_keepalive(now, buffer);
  return std::nullopt;
}

std::optional<Transmit> Tunnel::send_response(Instant now, MutableBytes buffer) {
  if (!response_ || buffer.size() < kResponseSize) return std::nullopt;
  copy_bytes(response_->message, buffer);
  response_.reset();
  return sent(now, kResponseSize);
}

// The initiation is made only now, so that its timestamp and retransmission count from when it really leaves.
std::optional<Transmit> Tunnel::send_initiation(Instant now, MutableBytes buffer) {
  if (buffer.size() < kInitiationSize) return std::nullopt;
  initiation_wanted_ = false;
  IndexLease lease = draw_index();
  auto created = create_initiation(identity_, lease.index(), stamps_.next(now), *random_);
  if (!created) return std::nullopt;
  const auto message = buffer.first<kInitiationSize>();
  created->message.write(message);
  macs_.write(now, created->message.sender, message);
  handshake_.emplace(PendingInitiation{std::move(created->state), std::move(lease)});
  last_initiation_ = now;
  timers_.initiation_sent(now);
  return sent(now, kInitiationSize);
}

std::optional<Transmit> Tunnel::send_keepalive(Instant now, MutableBytes buffer) {
  if (buffer.size() < kDataOverhead) return std::nullopt;
  keepalive_wanted_ = false;
  Keypair& keypair = *keypairs_.sending(now);
  seal_with(keypair, buffer.first(kDataOverhead));
  refresh_after_send(now, keypair);
  return sent(now, kDataOverhead);
}

Transmit Tunnel::sent(Instant now, std::size_t size) {
  tx_bytes_ += size;
  timers_.any_sent(now);
  return Transmit{.path = {}, .size = static_cast<std::uint32_t>(size)};
}

// Paper §5.4.6: zeros up to a multiple of 16 bytes. Linux cuts them at the MTU, so that a message is never longer than
// that of the longest packet; what is longer than the MTU itself gets none.
std::size_t Tunnel::padding_of(std::size_t size) const {
  const std::size_t padded = (size + kPaddingMultiple - 1) / kPaddingMultiple * kPaddingMultiple;
  return (mtu_ ? std::clamp(*mtu_, size, padded) : padded) - size;
}

// `message` is header, plain content and room for the tag.
void Tunnel::seal_with(Keypair& keypair, MutableBytes message) {
  const DataHeader header{keypair.keys.remote_index, keypair.send_counter++};
  header.write(message.first<kDataHeaderSize>());
  const MutableBytes sealed = message.subspan(kDataHeaderSize);
  aead_seal(keypair.keys.send, header.counter, sealed.first(sealed.size() - kTagSize), {}, sealed);
}

void Tunnel::refresh_after_send(Instant now, const Keypair& keypair) {
  if (keypair.wants_rekey_after_send(now)) request_handshake(now);
}

std::expected<void, Error> Tunnel::seal(Instant now, PacketBuffer& packet) {
  const std::size_t padding = padding_of(packet.size());
  if (packet.empty()) {
    drop(Error::kMalformedPacket);
    return std::unexpected(Error::kMalformedPacket);
  }
  if (packet.headroom() < kDataHeaderSize || packet.tailroom() < padding + kTagSize) {
    drop(Error::kNoRoom);
    return std::unexpected(Error::kNoRoom);
  }
  Keypair* keypair = keypairs_.sending(now);
  if (keypair == nullptr) {
    request_handshake(now);
    return std::unexpected(Error::kNoKeypair);
  }
  for (std::byte& byte : packet.append(padding)) byte = std::byte{0};
  packet.prepend(kDataHeaderSize);
  packet.append(kTagSize);
  seal_with(*keypair, packet.data());
  sent(now, packet.size());
  timers_.data_sent(now);
  keepalive_wanted_ = false;
  refresh_after_send(now, *keypair);
  return {};
}

std::expected<Opened, Error> Tunnel::open(Instant now, PacketBuffer& message) {
  const auto plain = open_in_place(now, message.data());
  if (!plain) {
    drop(plain.error());
    return std::unexpected(plain.error());
  }
  const bool keepalive = plain->empty();
  const auto length = keepalive ? std::optional<std::size_t>(0) : ip_packet_length(*plain);
  if (!length) {
    drop(Error::kMalformedPacket);
    return std::unexpected(Error::kMalformedPacket);
  }
  message.remove_prefix(kDataHeaderSize);
  message.remove_suffix(message.size() - *length);
  return Opened{.keepalive = keepalive};
}

// Returns the padded content.
std::expected<MutableBytes, Error> Tunnel::open_in_place(Instant now, MutableBytes message) {
  if (message.size() < kDataOverhead) return std::unexpected(Error::kWrongSize);
  const auto header = DataHeader::parse(message);
  if (!header) return std::unexpected(Error::kNotData);
  Keypair* keypair = keypairs_.find(header->receiver);
  if (keypair == nullptr) return std::unexpected(Error::kUnknownIndex);
  if (!keypair->may_open(now, header->counter)) return std::unexpected(Error::kExpiredKeypair);
  if (!keypair->received.is_fresh(header->counter)) return std::unexpected(Error::kReplayed);
  const MutableBytes sealed = message.subspan(kDataHeaderSize);
  const MutableBytes plain = sealed.first(sealed.size() - kTagSize);
  if (!aead_open(keypair->keys.receive, header->counter, sealed, {}, plain)) return std::unexpected(Error::kBadTag);
  keypair->received.accept(header->counter);
  after_authentic_data(now, *keypair, message.size(), plain.empty());
  return plain;
}

void Tunnel::after_authentic_data(Instant now, Keypair& keypair, std::size_t size, bool keepalive) {
  rx_bytes_ += size;
  timers_.any_received(now);
  if (keypairs_.confirm(keypair)) complete_handshake(now, false);
  if (!keepalive) timers_.data_received(now);
  // Paper §6.2: once. While the initiation is unanswered, further messages do not prolong the attempt.
  const Keypair* current = keypairs_.current();
  if (current != nullptr && current->wants_rekey_after_receive(now) && !handshake_) request_handshake(now);
}

void Tunnel::reset(Instant now) {
  static_cast<void>(now);
  keypairs_.clear();
  handshake_.reset();
  response_.reset();
  initiation_wanted_ = false;
  keepalive_wanted_ = false;
  last_initiation_.reset();
  macs_.clear();
  timers_.clear();
}

std::optional<Event> Tunnel::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_.front();
  events_.pop_front();
  return event;
}

void Tunnel::push_event(Event event) {
  if (events_.size() == kMaxEvents) {
    events_.pop_front();
    ++counters_.dropped_events;
  }
  events_.push_back(event);
}

std::unique_ptr<Keypair> Tunnel::make_keypair(Instant now, TransportKeys keys, IndexLease lease, bool initiator) const {
  auto keypair = std::make_unique<Keypair>();
  keypair->keys = std::move(keys);
  keypair->initiator = initiator;
  keypair->created = now;
  keypair->send_counter = first_counter_;
  keypair->lease = std::move(lease);
  return keypair;
}

}  // namespace bamgate::wg
