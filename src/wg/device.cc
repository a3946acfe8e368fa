#include "wg/device.h"

#include <algorithm>
#include <numeric>

#include "core/reader.h"

namespace bamgate::wg {
namespace {

// Paper §5.4.3, §5.4.6, §5.4.7: where the receiver's index stands: after the sender's in a response, else first.
constexpr std::size_t kIndexOffset = 4;
constexpr std::size_t kResponseIndexOffset = 8;

}  // namespace

Device::Device(const Options& options, Random& random)
    : local_(options.local),
      local_public_(options.local.public_key()),
      clock_(options.clock),
      key_log_(options.key_log),
      random_(&random),
      checker_(local_public_, random) {
  prepare_primitives();
}

std::expected<PeerId, Error> Device::add_peer(const PeerOptions& options) {
  if (by_key_.contains(options.remote)) return std::unexpected(Error::kPeerExists);
  if (options.remote == local_public_) return std::unexpected(Error::kBadKey);
  const PeerId id{last_id_ + 1};
  auto tunnel = Tunnel::create({.local = local_,
                                .remote = options.remote,
                                .preshared = options.preshared,
                                .persistent_keepalive = options.persistent_keepalive,
                                .clock = clock_,
                                .mtu = options.mtu,
                                .indices = indices_,
                                .id = id,
                                .key_log = key_log_},
                               *random_);
  if (!tunnel) return std::unexpected(tunnel.error());
  ++last_id_;
  peers_.try_emplace(id, Peer{std::move(*tunnel), options.endpoint, deadlines_.add(id)});
  by_key_.emplace(options.remote, id);
  return id;
}

bool Device::remove_peer(PeerId peer) {
  const auto entry = peers_.find(peer);
  if (entry == peers_.end()) return false;
  by_key_.erase(entry->second.tunnel.remote());
  deadlines_.remove(entry->second.slot);
  std::erase(ready_, peer);
  peers_.erase(entry);
  return true;
}

const Tunnel* Device::tunnel(PeerId peer) const {
  const auto entry = peers_.find(peer);
  return entry == peers_.end() ? nullptr : &entry->second.tunnel;
}

std::optional<PeerId> Device::find(const PublicKey& remote) const {
  const auto found = by_key_.find(remote);
  if (found == by_key_.end()) return std::nullopt;
  return found->second;
}

std::optional<Path> Device::endpoint(PeerId peer) const {
  const auto entry = peers_.find(peer);
  return entry == peers_.end() ? std::nullopt : entry->second.endpoint;
}

void Device::set_endpoint(PeerId peer, const Path& endpoint) {
  const auto entry = peers_.find(peer);
  if (entry == peers_.end()) return;
  entry->second.endpoint = endpoint;
  touch(*entry);
}

void Device::initiate(Instant now, PeerId peer) {
  const auto entry = peers_.find(peer);
  if (entry == peers_.end()) return;
  entry->second.tunnel.initiate(now);
  touch(*entry);
}

void Device::set_clock(WallClock clock) {
  clock_ = clock;
  for (auto& [id, peer] : peers_) peer.tunnel.set_clock(clock);
}

std::expected<void, Error> Device::handle_input(Instant now, const Received& received) {
  std::expected<void, Error> result;
  MutableBytes rest = received.data;
  do {
    const std::size_t size = received.stride == 0 ? rest.size() : std::min<std::size_t>(received.stride, rest.size());
    if (const auto handled = handle_message(now, received.path, rest.first(size)); !handled) {
      result = drop(handled.error());
    }
    rest = rest.subspan(size);
  } while (!rest.empty());
  return result;
}

std::expected<void, Error> Device::handle_message(Instant now, const Path& from, MutableBytes message) {
  const auto type = message_type(message);
  if (!type) return std::unexpected(message.size() < 4 ? Error::kWrongSize : Error::kUnknownType);
  switch (*type) {
    case MessageType::kInitiation:
      if (message.size() != kInitiationSize) return std::unexpected(Error::kWrongSize);
      return handle_initiation(now, from, message);
    case MessageType::kResponse:
      if (message.size() != kResponseSize) return std::unexpected(Error::kWrongSize);
      if (const auto admitted = admit(now, from, message); !admitted) return admitted;
      return pass_on(now, from, message, kResponseIndexOffset);
    case MessageType::kCookieReply:
      if (message.size() != kCookieReplySize) return std::unexpected(Error::kWrongSize);
      return pass_on(now, from, message, kIndexOffset);
    case MessageType::kData:
      if (message.size() < kDataOverhead) return std::unexpected(Error::kWrongSize);
      return pass_on(now, from, message, kIndexOffset);
  }
  return std::unexpected(Error::kUnknownType);
}

// The first step that costs something, DH, comes after admit().
std::expected<void, Error> Device::handle_initiation(Instant now, const Path& from, Bytes message) {
  if (const auto admitted = admit(now, from, message); !admitted) return admitted;
  const auto initiation = InitiationMessage::parse(message);
  if (!initiation) return std::unexpected(Error::kWrongSize);
  auto received = open_initiation(local_, local_public_, *initiation);
  if (!received) return std::unexpected(received.error());
  const auto peer = find(received->initiator);
  const auto entry = peer ? peers_.find(*peer) : peers_.end();
  if (entry == peers_.end()) return std::unexpected(Error::kUnknownPeer);
  const auto accepted = entry->second.tunnel.accept_initiation(now, std::move(*received));
  if (!accepted) return accepted;
  entry->second.endpoint = from;
  touch(*entry);
  return {};
}

// Paper §5.3: mac1 before anything else, always; mac2 only under load, and then a limit for each address that has
// proven itself with it.
std::expected<void, Error> Device::admit(Instant now, const Path& from, Bytes message) {
  if (!checker_.mac1_fits(message)) return std::unexpected(Error::kBadMac1);
  load_.add(now);
  if (!under_load(now)) return {};
  if (!checker_.mac2_fits(now, message, from.remote)) {
    offer_cookie(now, from, message);
    return std::unexpected(Error::kUnderLoad);
  }
  if (!limiter_.allow(now, from.remote.address)) return std::unexpected(Error::kRateLimited);
  return {};
}

void Device::offer_cookie(Instant now, const Path& from, Bytes message) {
  if (replies_.size() == kMaxReplies) {
    ++suppressed_replies_;
    return;
  }
  replies_.push_back({from, checker_.make_reply(now, message, from.remote)});
  ++cookie_replies_;
}

std::expected<void, Error> Device::pass_on(Instant now, const Path& from, MutableBytes message,
                                           std::size_t index_offset) {
  const auto entry = owner_of(message, index_offset);
  if (entry == peers_.end()) return std::unexpected(Error::kUnknownIndex);
  const bool cookie = message_type(message) == MessageType::kCookieReply;
  const auto handled = entry->second.tunnel.handle_input(now, Received{.path = from, .data = message});
  if (!handled) return handled;
  // Paper §2.1: the endpoint follows authentic messages of the peer's session; a cookie reply proves none.
  if (!cookie) entry->second.endpoint = from;
  touch(*entry);
  return {};
}

Device::PeerMap::iterator Device::owner_of(Bytes message, std::size_t index_offset) {
  const auto owner = indices_->find(ReceiverIndex{Reader(message.subspan(index_offset)).u32_le()});
  return owner ? peers_.find(*owner) : peers_.end();
}

std::expected<Path, Error> Device::seal(Instant now, PeerId peer, PacketBuffer& packet) {
  const auto entry = peers_.find(peer);
  if (entry == peers_.end()) return drop(Error::kUnknownPeer);
  if (!entry->second.endpoint) return drop(Error::kNoEndpoint);
  const auto sealed = entry->second.tunnel.seal(now, packet);
  touch(*entry);
  if (!sealed) return std::unexpected(sealed.error());
  return *entry->second.endpoint;
}

std::expected<PeerOpened, Error> Device::open(Instant now, const Path& from, PacketBuffer& message) {
  if (message.size() < kDataOverhead) return drop(Error::kWrongSize);
  const auto entry = owner_of(message.data(), kIndexOffset);
  if (entry == peers_.end()) return drop(Error::kUnknownIndex);
  const auto opened = entry->second.tunnel.open(now, message);
  // Paper §3: what matters for the endpoint is that the message was authentic, not what was in it.
  if (opened || opened.error() == Error::kMalformedPacket) entry->second.endpoint = from;
  touch(*entry);
  if (!opened) return drop(opened.error());
  return PeerOpened{entry->first, opened->keepalive};
}

void Device::handle_timeout(Instant now) {
  while (const auto due = deadlines_.take_due(now)) {
    const auto entry = peers_.find(*due);
    entry->second.tunnel.handle_timeout(now);
    touch(*entry);
  }
}

std::optional<Transmit> Device::poll_transmit(Instant now, MutableBytes buffer) {
  if (buffer.size() < kInitiationSize) return std::nullopt;
  if (!replies_.empty()) return send_reply(buffer);
  while (!ready_.empty()) {
    const auto entry = peers_.find(ready_.back());
    Peer& peer = entry->second;
    auto transmit = peer.endpoint ? peer.tunnel.poll_transmit(now, buffer) : std::nullopt;
    schedule(*entry);
    if (transmit) {
      transmit->path = *peer.endpoint;
      return transmit;
    }
    peer.ready = false;
    ready_.pop_back();
  }
  return std::nullopt;
}

Transmit Device::send_reply(MutableBytes buffer) {
  const Reply reply = replies_.front();
  replies_.pop_front();
  reply.message.write(buffer.first<kCookieReplySize>());
  return Transmit{.path = reply.path, .size = kCookieReplySize};
}

std::optional<Device::Event> Device::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_.front();
  events_.pop_front();
  return event;
}

// To be called after whatever may have changed a tunnel.
void Device::touch(PeerMap::value_type& entry) {
  take_events(entry);
  schedule(entry);
  if (entry.second.ready) return;
  entry.second.ready = true;
  ready_.push_back(entry.first);
}

void Device::schedule(PeerMap::value_type& entry) {
  deadlines_.set(entry.second.slot, entry.second.tunnel.next_timeout());
}

void Device::take_events(PeerMap::value_type& entry) {
  while (const auto event = entry.second.tunnel.poll_event()) {
    if (events_.size() == kMaxEvents) events_.pop_front();
    events_.push_back({entry.first, *event});
  }
}

std::unexpected<Error> Device::drop(Error error) {
  ++drops_[static_cast<std::size_t>(error)];
  return std::unexpected(error);
}

std::uint64_t Device::drops() const { return std::accumulate(drops_.begin(), drops_.end(), std::uint64_t{0}); }

}  // namespace bamgate::wg
