#include "dtls/session.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/ring.h"
#include "dtls/engine.h"
#include "dtls/hello_reassembler.h"
#include "dtls/record.h"
#include "dtls/transmit_queue.h"

namespace bamgate::dtls {
namespace {

// One GRO batch brings at most 64 datagrams, and the owner drains after every call.
constexpr std::size_t kMaxEvents = 128;
// Encrypted records that overtook the end of the handshake: Finished, and the first data of a peer that was quicker.
constexpr std::size_t kMaxEarly = 8;
constexpr std::size_t kMaxEarlySize = 2048;  // bytes
// RFC 6347 §4.1: epoch 0 is unencrypted, epoch 1 has the keys of the (only) handshake.
constexpr std::uint16_t kEncryptedEpoch = 1;
constexpr std::size_t kMinMtu = 256;
constexpr std::size_t kMaxMtu = 16384;

enum class State : std::uint8_t {
  kIdle,         // before start()
  kWaiting,      // a server before the first ClientHello: mbedTLS would give up if it saw anything else
  kHandshaking,  // flights go to and fro
  kConnected,
  kClosed,  // the engine and its keys are gone
};

bool is_application_data(Bytes record) {
  return !record.empty() && record[0] == static_cast<std::byte>(RecordType::kApplicationData);
}

}  // namespace

class Session::Impl {
 public:
  explicit Impl(const Options& options) : options_(options), outgoing_(*options.pool) {}

  std::expected<void, Error> create_engine();
  void start(Instant now, std::optional<Duration> round_trip);
  std::expected<void, Error> handle_input(Instant now, const Received& received);
  void handle_timeout(Instant now);
  std::optional<Transmit> poll_transmit(MutableBytes buffer);
  std::optional<Event> poll_event();
  Instant next_timeout() const;
  std::expected<void, Error> seal(Instant now, PacketBuffer& packet);
  std::expected<Opened, Error> open(Instant now, PacketBuffer& packet);
  void close(Instant now);

  bool connected() const { return state_ == State::kConnected; }
  std::size_t overhead() const { return overhead_; }
  const Counters& counters() const { return counters_; }

 private:
  std::expected<void, Error> handle_datagram(Instant now, Bytes datagram);
  bool handle_record(Instant now, const Record& record);
  bool handle_plain_record(Instant now, const Record& record);
  bool handle_client_hello(Instant now, const Record& record);
  bool handle_early_record(Instant now, const Record& record);
  bool handle_protected_record(Instant now, Bytes record);
  void advance(Instant now, Bytes record);
  void retry_early(Instant now);
  void replay_early(Instant now);
  void become_connected(Instant now);
  void finish(Instant now, Error reason);

  Options options_;
  TransmitQueue outgoing_;
  std::unique_ptr<Engine> engine_;  // null when closed
  HelloReassembler hello_;
  State state_ = State::kIdle;
  Instant give_up_at_ = kNever;
  std::size_t overhead_ = 0;
  std::vector<PacketBuffer> early_;
  Ring<Event> events_;
  Counters counters_;
};

std::expected<void, Error> Session::Impl::create_engine() {
  auto engine = Engine::create(options_, outgoing_);
  if (!engine) return std::unexpected(engine.error());
  engine_ = std::move(*engine);
  return {};
}

void Session::Impl::start(Instant now, std::optional<Duration> round_trip) {
  if (state_ != State::kIdle) return;
  give_up_at_ = now + options_.handshake_timeout;
  engine_->start(now, initial_retransmit(round_trip));
  if (options_.role == Role::kServer) {
    state_ = State::kWaiting;
  } else {
    state_ = State::kHandshaking;
    advance(now, {});
  }
}

std::expected<void, Error> Session::Impl::handle_input(Instant now, const Received& received) {
  if (state_ == State::kClosed) return std::unexpected(Error::kClosed);
  if (state_ == State::kIdle) return std::unexpected(Error::kNotConnected);
  Bytes rest = received.data;
  const std::size_t stride = received.stride == 0 ? rest.size() : received.stride;
  std::expected<void, Error> result = std::unexpected(Error::kNotDtls);
  do {
    const Bytes datagram = rest.first(std::min(stride, rest.size()));
    rest = rest.subspan(datagram.size());
    const auto one = handle_datagram(now, datagram);
    if (one || !result) result = one;
  } while (!rest.empty() && state_ != State::kClosed);
  return result;
}

/// RFC 6347 §4.1.1: a datagram may carry several records. §4.1.2.7: what is invalid is silently discarded.
std::expected<void, Error> Session::Impl::handle_datagram(Instant now, Bytes datagram) {
  bool useful = false;
  bool records = false;
  while (state_ != State::kClosed) {
    const auto record = take_record(datagram);
    if (!record) break;
    records = true;
    if (handle_record(now, *record)) {
      useful = true;
    } else {
      ++counters_.records;
    }
  }
  if (!records || (!datagram.empty() && state_ != State::kClosed)) ++counters_.not_dtls;
  if (useful) return {};
  return std::unexpected(records ? Error::kBadRecord : Error::kNotDtls);
}

/// True when the record was of use. There is no epoch behind the first handshake's.
bool Session::Impl::handle_record(Instant now, const Record& record) {
  const bool encrypted = record.epoch == kEncryptedEpoch;
  switch (state_) {
    case State::kWaiting:
      return record.epoch == 0 && handle_plain_record(now, record);
    case State::kHandshaking:
      return encrypted ? handle_early_record(now, record) : record.epoch == 0 && handle_plain_record(now, record);
    case State::kConnected:
      // What is left of the handshake's unencrypted records is late or forged. A peer that lost our last flight shows
      // that by repeating its Finished, which is encrypted.
      return encrypted && handle_protected_record(now, record.whole);
    case State::kIdle:
    case State::kClosed:
      return false;
  }
  return false;
}

bool Session::Impl::handle_plain_record(Instant now, const Record& record) {
  if (!is_plausible(record)) return false;
  if (record.type == RecordType::kHandshake) {
    const auto message = std::to_integer<std::uint8_t>(record.payload[0]);
    // RFC 5246 §7.4.1.1: a client that negotiates already ignores it; mbedTLS would give up.
    if (message == kHelloRequest) return false;
    if (message == kClientHello) return options_.role == Role::kServer && handle_client_hello(now, record);
  }
  if (state_ == State::kWaiting) return false;
  advance(now, record.whole);
  return true;
}

bool Session::Impl::handle_client_hello(Instant now, const Record& record) {
  switch (hello_.add(record)) {
    case HelloReassembler::Outcome::kRefused:
      return false;
    case HelloReassembler::Outcome::kIncomplete:
      return true;
    case HelloReassembler::Outcome::kComplete:
      break;
  }
  state_ = State::kHandshaking;
  advance(now, hello_.message());
  return true;
}

/// An encrypted record before the handshake is complete. mbedTLS gives up the handshake when such a record has a wrong
/// tag, so none may reach it untested; what cannot be tested yet, and data, waits.
bool Session::Impl::handle_early_record(Instant now, const Record& record) {
  if (record.whole.size() > kMaxEarlySize) return false;
  PacketBuffer copy = options_.pool->copy(record.whole);
  const Engine::Verdict verdict = engine_->check(now, copy);
  if (verdict == Engine::Verdict::kWrong) return false;
  if (verdict == Engine::Verdict::kReady && record.type != RecordType::kApplicationData) {
    advance(now, record.whole);
    return true;
  }
  if (early_.size() >= kMaxEarly) return false;
  early_.push_back(std::move(copy));
  return true;
}

bool Session::Impl::handle_protected_record(Instant now, Bytes record) {
  PacketBuffer packet = options_.pool->take(record.size());
  const auto size = engine_->read(now, record, packet.append(record.size()));
  if (!size) {
    finish(now, size.error());
    return true;
  }
  if (!is_application_data(record)) return true;
  if (*size == 0) return false;
  if (events_.size() >= kMaxEvents) {
    ++counters_.events;
    return true;
  }
  packet.remove_suffix(packet.size() - *size);
  events_.emplace_back(ApplicationData{std::move(packet)});
  return true;
}

/// Takes the handshake one step on and sees what became of it.
void Session::Impl::advance(Instant now, Bytes record) {
  const auto complete = engine_->handshake(now, record);
  if (!complete) {
    finish(now, complete.error());
  } else if (*complete) {
    become_connected(now);
  } else {
    retry_early(now);
  }
}

/// Hands over the first waiting record that has become testable; advance() then calls this again.
void Session::Impl::retry_early(Instant now) {
  for (auto record = early_.begin(); record != early_.end();) {
    const Engine::Verdict verdict = engine_->check(now, *record);
    if (verdict == Engine::Verdict::kWrong) {
      ++counters_.records;
      record = early_.erase(record);
    } else if (verdict == Engine::Verdict::kReady && !is_application_data(record->data())) {
      const PacketBuffer ready = std::move(*record);
      early_.erase(record);
      return advance(now, ready.data());
    } else {
      ++record;
    }
  }
}

void Session::Impl::become_connected(Instant now) {
  state_ = State::kConnected;
  give_up_at_ = kNever;
  overhead_ = engine_->overhead();
  hello_ = HelloReassembler();
  events_.emplace_back(Connected{engine_->cipher_suite(), overhead_, engine_->remote_fingerprint()});
  replay_early(now);
}

void Session::Impl::replay_early(Instant now) {
  for (const PacketBuffer& record : std::exchange(early_, {})) {
    if (state_ != State::kConnected) return;
    if (!handle_protected_record(now, record.data())) ++counters_.records;
  }
}

void Session::Impl::handle_timeout(Instant now) {
  if (give_up_at_ <= now) return finish(now, Error::kHandshakeTimeout);
  if (state_ == State::kHandshaking && engine_->retransmit_at() <= now) advance(now, {});
}

std::optional<Transmit> Session::Impl::poll_transmit(MutableBytes buffer) {
  const auto size = outgoing_.pop(buffer);
  counters_.transmits = outgoing_.dropped();
  if (!size) return std::nullopt;
  return Transmit{.path = {}, .size = static_cast<std::uint32_t>(*size)};
}

std::optional<Session::Event> Session::Impl::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

Instant Session::Impl::next_timeout() const {
  return state_ == State::kHandshaking ? std::min(give_up_at_, engine_->retransmit_at()) : give_up_at_;
}

std::expected<void, Error> Session::Impl::seal(Instant now, PacketBuffer& packet) {
  if (state_ == State::kClosed) return std::unexpected(Error::kClosed);
  if (state_ != State::kConnected) return std::unexpected(Error::kNotConnected);
  if (packet.empty() || packet.size() + overhead_ > options_.data_mtu) return std::unexpected(Error::kBadSize);
  if (packet.headroom() < overhead_ - kTag || packet.tailroom() < kTag) return std::unexpected(Error::kNoRoom);
  const auto sealed = engine_->write(now, packet);
  if (!sealed) finish(now, sealed.error());
  return sealed;
}

std::expected<Session::Opened, Error> Session::Impl::open(Instant now, PacketBuffer& packet) {
  if (state_ == State::kClosed) return std::unexpected(Error::kClosed);
  Bytes rest = packet.data();
  const auto record = take_record(rest);
  if (state_ != State::kConnected || !record || !rest.empty() || record->type != RecordType::kApplicationData ||
      record->epoch != kEncryptedEpoch) {
    return std::unexpected(Error::kNotApplicationData);
  }
  const std::size_t header = overhead_ - kTag;
  const auto size = record->whole.size() <= header ? std::expected<std::size_t, Error>(0)
                                                   : engine_->read(now, record->whole, packet.data().subspan(header));
  if (!size) {
    finish(now, size.error());
    return std::unexpected(Error::kBadRecord);
  }
  if (*size == 0) {
    ++counters_.records;
    return std::unexpected(Error::kBadRecord);
  }
  packet.remove_prefix(header);
  packet.remove_suffix(packet.size() - *size);
  return Opened{*size};
}

void Session::Impl::close(Instant now) {
  if (state_ != State::kClosed) finish(now, Error::kClosedLocally);
}

/// The only way into kClosed. RFC 5246 §7.2.1: close_notify is answered with close_notify. A handshake that is given up
/// says so too, because the other side may be complete (our last flight arrived, its answer did not) and would hold a
/// session that nobody shares.
void Session::Impl::finish(Instant now, Error reason) {
  if (state_ == State::kHandshaking || state_ == State::kConnected) engine_->send_last_alert(now, reason);
  state_ = State::kClosed;
  give_up_at_ = kNever;
  engine_.reset();
  early_.clear();
  hello_ = HelloReassembler();
  events_.emplace_back(Closed{reason});
}

std::chrono::milliseconds initial_retransmit(std::optional<Duration> round_trip) {
  if (!round_trip) return kInitialRetransmit;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*round_trip * kRetransmitRoundTrips);
  return std::clamp(wait, kShortestRetransmit, kInitialRetransmit);
}

std::expected<Session, Session::Error> Session::create(const Options& options) {
  const auto valid_mtu = [](std::size_t mtu) { return mtu >= kMinMtu && mtu <= kMaxMtu; };
  const bool valid = options.certificate && options.random != nullptr && options.pool != nullptr &&
                     !options.remote_fingerprints.empty() && valid_mtu(options.handshake_mtu) &&
                     valid_mtu(options.data_mtu) && options.handshake_timeout.count() > 0;
  if (!valid) return std::unexpected(Error::kBadOptions);
  auto impl = std::make_unique<Impl>(options);
  if (const auto created = impl->create_engine(); !created) return std::unexpected(created.error());
  return Session(std::move(impl));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

void Session::start(Instant now, std::optional<Duration> round_trip) { impl_->start(now, round_trip); }
std::expected<void, Session::Error> Session::handle_input(Instant now, const Received& received) {
  return impl_->handle_input(now, received);
}
void Session::handle_timeout(Instant now) { impl_->handle_timeout(now); }
std::optional<Transmit> Session::poll_transmit(Instant, MutableBytes buffer) { return impl_->poll_transmit(buffer); }
std::optional<Session::Event> Session::poll_event() { return impl_->poll_event(); }
Instant Session::next_timeout() const { return impl_->next_timeout(); }
std::expected<void, Session::Error> Session::seal(Instant now, PacketBuffer& packet) {
  return impl_->seal(now, packet);
}
std::expected<Session::Opened, Session::Error> Session::open(Instant now, PacketBuffer& packet) {
  return impl_->open(now, packet);
}
void Session::close(Instant now) { impl_->close(now); }
bool Session::connected() const { return impl_->connected(); }
std::size_t Session::overhead() const { return impl_->overhead(); }
const Session::Counters& Session::counters() const { return impl_->counters(); }

}  // namespace bamgate::dtls
