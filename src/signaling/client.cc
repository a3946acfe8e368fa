#include "signaling/client.h"

#include <algorithm>

namespace bamgate::signaling {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// How long each step of an attempt may take before the next attempt is due.
constexpr seconds kTokenPatience{60};
constexpr seconds kConnectPatience{15};
constexpr seconds kJoinPatience{10};
// A ping after this much silence; the connection is dead when nothing follows it for kPongPatience.
constexpr seconds kPingAfter{20};
constexpr seconds kPongPatience{10};
/// The same when the network has changed and the connection is likely to be dead.
constexpr seconds kProbePatience{3};
/// A connection that lasted so long was a good one: the next loss starts with short waits again. A hub that accepts a
/// join and then closes does not get there.
constexpr seconds kStableAfter{10};
/// However often the network changes, it hastens no more than one attempt in this time.
constexpr seconds kHurryInterval{1};

// Least waits that the hub asked for by the way it refused us.
constexpr seconds kBusyWait{5};         // HTTP 429 and 503
constexpr seconds kOurFaultWait{10};    // 4400, 4429: what we send is wrong or too much
constexpr seconds kNotWelcomeWait{60};  // 4403, and what the hub refuses: only a person can end this
/// A connection that lasted longer than the others may wait was taken over for the first time.
constexpr minutes kUndisputed = 2 * kLongestPatience;

/// Bounds what a hub can make us keep while a list is put together.
constexpr std::size_t kMaxRevoked = 8192;
constexpr std::size_t kMaxHeld = 1024;
/// protocol.md: 64 KiB a message.
constexpr std::size_t kMaxText = 65'536;

}  // namespace

Client::Client(PeerInfo self, Random& random) : self_(std::move(self)), random_(random) {}

void Client::start(Instant now) {
  if (state_ != State::kStopped) return;
  backoff_.reset();
  reported_.reset();
  begin_attempt(now);
}

void Client::stop(Instant) {
  if (connected() || state_ == State::kConnecting) effects_.emplace_back(Disconnect{CloseCode::kNormal});
  forget_connection();
  state_ = State::kStopped;
}

void Client::begin_attempt(Instant now) {
  forget_connection();
  state_ = State::kToken;
  earliest_attempt_ = now + kHurryInterval;
  timers_.set(Timer::kAttempt, now + kTokenPatience);
  effects_.emplace_back(NeedAccessToken{renew_token_});
}

void Client::on_access_token(Instant now, std::string token) {
  if (awaits_person()) {
    renew_token_ = false;
    token_patience_.reset();
    return retry_soon(now);
  }
  if (state_ != State::kToken) return;
  renew_token_ = false;
  token_patience_.reset();
  state_ = State::kConnecting;
  timers_.set(Timer::kAttempt, now + kConnectPatience);
  ++stats_.attempts;
  effects_.emplace_back(Connect{std::move(token)});
}

/// True while it waits because no token will be given before a person acts.
bool Client::awaits_person() const {
  return state_ == State::kWaiting && reported_ &&
         (reported_->why == OfflineReason::kExpired || reported_->why == OfflineReason::kSuperseded);
}

void Client::on_token_failed(Instant now, const HubFault& fault) {
  const bool final = fault.verdict == Verdict::kGone && state_ != State::kStopped;
  if (final || state_ == State::kToken) handle_fault(now, fault);
}

void Client::on_open(Instant now) {
  if (state_ != State::kConnecting) return;
  state_ = State::kJoining;
  timers_.set(Timer::kAttempt, now + kJoinPatience);
  heard(now);
  send_text(write(Join{self_}));
  pacer_.sent(now, Pacer::kMessageCost);
}

void Client::on_connect_failed(Instant now, const HubFault& fault) {
  if (state_ == State::kConnecting) handle_fault(now, fault);
}

// protocol.md, HTTP API: only "device not found or revoked" is an end for good, only said by the hub.
void Client::handle_fault(Instant now, const HubFault& fault) {
  switch (fault.verdict) {
    case Verdict::kUnreachable:
      return retry_later(now, {OfflineReason::kUnreachable, fault.text}, Duration::zero());
    case Verdict::kBusy:
      return retry_later(now, {OfflineReason::kUnreachable, fault.text}, kBusyWait);
    case Verdict::kTokenRefused:
      renew_token_ = true;
      return retry_later(now, {OfflineReason::kToken, fault.text}, Duration::zero());
    case Verdict::kRefused:
      return retry_later(now, {OfflineReason::kForbidden, fault.text}, kNotWelcomeWait);
    case Verdict::kExpired:
      return retry_later(now, {OfflineReason::kExpired, fault.text}, token_patience_.next());
    case Verdict::kSuperseded:
      return retry_later(now, {OfflineReason::kSuperseded, fault.text}, token_patience_.next());
    case Verdict::kGone:
      return end_for_good(fault);
  }
}

void Client::on_closed(Instant now, std::uint16_t code) {
  if (state_ == State::kConnecting) return on_connect_failed(now, {});
  if (!connected()) return;
  switch (static_cast<CloseCode>(code)) {
    case CloseCode::kMalformed:
      return retry_later(now, {OfflineReason::kMalformed}, kOurFaultWait);
    case CloseCode::kToken:
      renew_token_ = true;
      return retry_later(now, {OfflineReason::kToken}, Duration::zero());
    case CloseCode::kForbidden:
      return retry_later(now, {OfflineReason::kForbidden}, kNotWelcomeWait);
    case CloseCode::kReplaced:
      return handle_replaced(now);
    case CloseCode::kRevoked:
      // A code of two bytes is no proof: the answer to a refresh is, and it comes at once.
      renew_token_ = true;
      others_.clear();  // so that the wait is short
      return retry_later(now, {OfflineReason::kDoubt}, Duration::zero());
    case CloseCode::kFlooding:
      return retry_later(now, {OfflineReason::kFlooding}, kOurFaultWait);
    case CloseCode::kNormal:
    case CloseCode::kAbnormal:
      break;
  }
  retry_later(now, {OfflineReason::kLost}, Duration::zero());
}

/// Two machines of one device take each other's connection over for as long as both try: each waits longer each time.
void Client::handle_replaced(Instant now) {
  if (now - online_since_ > kUndisputed) replaced_patience_.reset();
  retry_later(now, {OfflineReason::kReplaced}, replaced_patience_.next());
}

/// The connection or the attempt is gone: waits for the backoff, and for `at_least` where the hub asked for patience.
void Client::retry_later(Instant now, Offline why, Duration at_least) {
  forget_connection();
  state_ = State::kWaiting;
  may_hurry_ = at_least == Duration::zero();
  Duration wait = backoff_.next(random_, others_.size());
  if (!may_hurry_) {
    const auto spread = static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(at_least).count() / 2);
    wait = std::max(wait, at_least + milliseconds(random_.below(spread + 1)));
  }
  timers_.set(Timer::kRetry, now + wait);
  if (reported_ != why) events_.emplace_back(why);
  reported_ = std::move(why);
}

/// Ends a connection or attempt that is still there.
void Client::give_up(Instant now, OfflineReason why) {
  effects_.emplace_back(Disconnect{CloseCode::kNormal});
  retry_later(now, {why}, Duration::zero());
}

void Client::end_for_good(const HubFault& fault) {
  if (connected() || state_ == State::kConnecting) {
    // After on_connect_failed() there is nothing left to end, and ending nothing does no harm.
    effects_.emplace_back(Disconnect{CloseCode::kNormal});
  }
  forget_connection();
  state_ = State::kStopped;
  events_.emplace_back(Fatal{fault.text});
}

/// What belongs to one connection ends with it.
void Client::forget_connection() {
  if (online()) ++stats_.losses;
  stats_.dropped_early += held_.size();
  stats_.dropped_queued += queue_.size();
  timers_.cancel_all();
  list_ = {};
  held_.clear();
  queue_.clear();
  queued_bytes_ = 0;
}

void Client::on_text(Instant now, std::string_view text) {
  if (!connected()) return;
  ++stats_.texts_in;
  heard(now);
  auto message = parse(text);
  if (!message) {
    ++(message.error() == Error::kUnknownType ? stats_.ignored : stats_.not_understood);
    return;
  }
  if (Peers* list = std::get_if<Peers>(&*message)) return handle_peers(now, std::move(*list));
  if (std::holds_alternative<Join>(*message)) {
    ++stats_.not_understood;
    return;
  }
  deliver(std::move(*message));
}

void Client::on_pong(Instant now) {
  if (!connected()) return;
  ++stats_.pongs;
  heard(now);
}

void Client::heard(Instant now) {
  timers_.cancel(Timer::kDead);
  timers_.set(Timer::kPing, now + kPingAfter);
}

/// Sends a ping unless one is out already, and waits no longer than `patience` for anything to be heard.
void Client::ping(Instant now, Duration patience) {
  if (!timers_.is_set(Timer::kDead)) {
    ++stats_.pings;
    effects_.emplace_back(Ping{});
  }
  timers_.cancel(Timer::kPing);
  timers_.set(Timer::kDead, std::min(timers_.deadline(Timer::kDead), now + patience));
}

/// Gathers the parts of a list. A hub that was not told of an old connection of ours may name ourselves: left out.
void Client::handle_peers(Instant now, Peers list) {
  stats_.dropped_peers += list.malformed;
  for (PeerInfo& peer : list.peers) {
    if (peer.peer_id == self_.peer_id) continue;
    if (list_.peers.size() < kMaxPeers) {
      list_.peers.push_back(std::move(peer));
    } else {
      ++stats_.dropped_peers;
    }
  }
  for (PeerRevoked& revoked : list.revoked) {
    if (list_.revoked.size() < kMaxRevoked) {
      list_.revoked.push_back(std::move(revoked));
    } else {
      ++stats_.dropped_peers;
    }
  }
  if (!list.more) return deliver_list(now);
  // A long list comes as fast as this device reads it; as long as it comes, the hub is at it.
  if (state_ == State::kJoining) timers_.set(Timer::kAttempt, now + kJoinPatience);
}

void Client::deliver_list(Instant now) {
  PeerList list = std::exchange(list_, {});
  if (state_ != State::kOnline) others_.clear();
  for (const PeerInfo& peer : list.peers) {
    if (others_.size() < kMaxPeers) others_.insert(peer.peer_id);
  }
  if (state_ == State::kOnline) {
    if (!list.peers.empty() || !list.revoked.empty()) events_.emplace_back(std::move(list));
    return;
  }
  state_ = State::kOnline;
  online_since_ = now;
  ++stats_.joins;
  timers_.cancel(Timer::kAttempt);
  timers_.set(Timer::kStable, now + kStableAfter);
  reported_.reset();
  list.complete = true;
  events_.emplace_back(Online{});
  events_.emplace_back(std::move(list));
  for (Message& message : std::exchange(held_, {})) deliver(std::move(message));
}

/// What comes before our first list is complete waits for it: its sender may stand in a later part.
void Client::deliver(Message message) {
  if (state_ == State::kOnline) {
    if (const auto* left = std::get_if<PeerLeft>(&message)) others_.erase(left->peer_id);
    events_.emplace_back(signaling::Received{std::move(message)});
  } else if (held_.size() < kMaxHeld) {
    held_.push_back(std::move(message));
  } else {
    ++stats_.dropped_early;
  }
}

bool Client::send(Instant now, const Message& message) {
  std::string text = online() ? write(message) : std::string();
  if (text.empty() || text.size() > kMaxText || queue_.size() >= kMaxQueued ||
      queued_bytes_ + text.size() > kMaxQueuedBytes) {
    ++stats_.dropped_sends;
    return false;
  }
  queued_bytes_ += text.size();
  const bool offer = std::holds_alternative<Offer>(message);
  queue_.push_back({std::move(text), offer ? Pacer::kOfferCost : Pacer::kMessageCost});
  flush(now);
  return true;
}

void Client::flush(Instant now) {
  while (!queue_.empty() && pacer_.ready_at() <= now) {
    Queued& next = queue_.front();
    pacer_.sent(now, next.cost);
    queued_bytes_ -= next.text.size();
    send_text(std::move(next.text));
    queue_.pop_front();
  }
}

void Client::send_text(std::string text) {
  ++stats_.texts_out;
  effects_.emplace_back(SendText{std::move(text)});
}

void Client::network_changed(Instant now, NetworkChange change) {
  switch (state_) {
    case State::kStopped:
    case State::kToken:
      return;
    case State::kWaiting:
      if (may_hurry_) retry_soon(now);
      return;
    case State::kConnecting:
      if (change != NetworkChange::kOther) break;
      // Perhaps on the old network; repeated changes do not draw this out.
      timers_.set(Timer::kAttempt, std::min(timers_.deadline(Timer::kAttempt), now + kProbePatience));
      return;
    case State::kJoining:
    case State::kOnline:
      if (change != NetworkChange::kOther) break;
      return ping(now, kProbePatience);
  }
  give_up(now, OfflineReason::kNetwork);
  retry_soon(now);
}

void Client::retry_soon(Instant now) {
  backoff_.shorten();
  const Instant soon = std::max(now, earliest_attempt_);
  timers_.set(Timer::kRetry, std::min(timers_.deadline(Timer::kRetry), soon));
}

void Client::handle_timeout(Instant now) {
  if (timers_.take_expired(Timer::kAttempt, now)) {
    if (state_ == State::kToken) return retry_later(now, {OfflineReason::kUnreachable}, Duration::zero());
    return give_up(now, OfflineReason::kTimeout);
  }
  if (timers_.take_expired(Timer::kRetry, now)) return begin_attempt(now);
  if (timers_.take_expired(Timer::kDead, now)) return give_up(now, OfflineReason::kTimeout);
  if (timers_.take_expired(Timer::kStable, now)) backoff_.reset();
  if (timers_.take_expired(Timer::kPing, now)) ping(now, kPongPatience);
  flush(now);
}

std::optional<Client::Effect> Client::poll_effect() {
  if (effects_.empty()) return std::nullopt;
  std::optional<Effect> effect(std::move(effects_.front()));
  effects_.pop_front();
  return effect;
}

std::optional<Client::Event> Client::poll_event() {
  if (events_.empty()) return std::nullopt;
  std::optional<Event> event(std::move(events_.front()));
  events_.pop_front();
  return event;
}

Instant Client::next_timeout() const {
  return queue_.empty() ? timers_.next() : std::min(timers_.next(), pacer_.ready_at());
}

const char* to_string(OfflineReason reason) {
  switch (reason) {
    case OfflineReason::kUnreachable:
      return "the hub cannot be reached";
    case OfflineReason::kLost:
      return "the connection to the hub was lost";
    case OfflineReason::kNetwork:
      return "the network of this machine has changed";
    case OfflineReason::kTimeout:
      return "the hub does not answer";
    case OfflineReason::kToken:
      return "the hub refused the access token";
    case OfflineReason::kMalformed:
      return "the hub could not read a message of this device";
    case OfflineReason::kForbidden:
      return "the hub says that this device's name, key or address belong to another registration";
    case OfflineReason::kReplaced:
      return "another machine seems to use this folder: it took over this device's connection to the hub; each machine "
             "needs a folder of its own, so run 'bamgate setup' with a new join string on one of them";
    case OfflineReason::kFlooding:
      return "the hub says that this device sends too much";
    case OfflineReason::kDoubt:
      return "the connection was closed as if this device were revoked; the hub is asked whether that is so";
    case OfflineReason::kExpired:
      return "this device's credentials have expired";
    case OfflineReason::kSuperseded:
      return "another machine seems to use this folder";
  }
  return "offline";
}

std::string Offline::text() const { return detail.empty() ? to_string(why) : detail; }

}  // namespace bamgate::signaling
