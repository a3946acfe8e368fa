#include "peer/ice_sessions.h"

#include <algorithm>

#include "stun/message.h"

namespace bamgate::peer {
namespace {

Error from_ice(ice::Error error) {
  return error == ice::Error::kBadCandidate ? Error::kMalformedCandidate : Error::kUnsupportedCandidate;
}

// RFC 8445 §7.2.2: USERNAME is the receiver's ufrag, a colon, the sender's.
std::string_view receiver_of(const stun::Message& request) {
  const std::string_view username = request.text(stun::Attribute::kUsername).value_or("");
  return username.substr(0, username.find(':'));
}

}  // namespace

IceSessions::IceSessions(ice::Options options, Random& random, Crypto& crypto)
    : options_(std::move(options)), random_(random), crypto_(crypto), current_(make_session(options_.role)) {}

std::unique_ptr<IceSessions::Session> IceSessions::make_session(ice::Role role) {
  ice::Options options = options_;
  options.role = role;
  options.local = ice::Credentials::generate(random_);
  return std::make_unique<Session>(std::move(options), random_, crypto_);
}

// ---- Descriptions ----

IceSessions::Described IceSessions::describe() {
  Session& session = newest();
  take_events(session);
  session.described = true;
  return {session.agent.local_credentials(), session.candidates, session.gathered};
}

void IceSessions::set_remote(Instant now, const Described& remote) {
  ice::Agent& agent = newest().agent;
  (void)agent.set_remote_credentials(now, remote.credentials);
  for (const ice::Candidate& candidate : remote.candidates) (void)agent.add_remote_candidate(now, candidate);
  if (remote.complete) agent.set_remote_candidates_complete(now);
}

void IceSessions::restart(Instant now) {
  retire(next_);
  doubt_end_ = kNever;
  next_ = make_session(current_->agent.role());
  ice::Agent& agent = next_->agent;
  for (const auto& [socket, base] : known_.bases) (void)agent.add_local_address(now, socket, base);
  for (const ice::Reflexive& reflexive : known_.reflexives) agent.add_reflexive(now, reflexive);
  for (const ice::Relayed& relayed : known_.relays) agent.add_relayed(now, relayed);
  if (known_.complete) agent.set_local_candidates_complete(now);
  prolong(now);
  events_.emplace_back(LocalUfragsChanged{});
}

void IceSessions::cancel_restart(Instant now) {
  drop_next();
  pump(now);
}

bool IceSessions::is_rollback(const ice::Credentials& remote) const {
  return next_ && current_->agent.remote_credentials() == remote;
}

// ---- Candidates ----

ice::Agent* IceSessions::find_remote(std::string_view ufrag) {
  if (ufrag.empty()) return &newest().agent;
  for (const auto* session : {&next_, &current_}) {
    if (!*session) continue;
    const auto& remote = (*session)->agent.remote_credentials();
    if (remote && remote->ufrag == ufrag) return &(*session)->agent;
  }
  // RFC 8838 §9: candidates may come before the description that they belong to.
  return newest().agent.remote_credentials() ? nullptr : &newest().agent;
}

std::expected<void, Error> IceSessions::add_remote_candidate(Instant now, std::string_view line) {
  const auto parsed = ice::parse_candidate(line);
  ice::Agent* agent = parsed ? find_remote(parsed->ufrag) : &newest().agent;
  if (agent == nullptr) return std::unexpected(Error::kUnknownUfrag);
  const auto added = agent->add_remote_candidate_line(now, line);
  if (!added) return std::unexpected(from_ice(added.error()));
  return {};
}

bool IceSessions::add_local_address(Instant now, SocketId socket, const Endpoint& base) {
  if (!current_->agent.is_usable(base)) return false;
  const std::pair entry(socket, base);
  if (std::ranges::find(known_.bases, entry) == known_.bases.end()) {
    if (known_.bases.size() >= ice::Agent::kMaxLocalCandidates) return false;
    known_.bases.push_back(entry);
  }
  (void)newest().agent.add_local_address(now, socket, base);
  return true;
}

void IceSessions::add_reflexive(Instant now, const ice::Reflexive& reflexive) {
  // What a server says now is in place of what it said before.
  std::erase_if(known_.reflexives, [&](const ice::Reflexive& known) {
    return known.base == reflexive.base && known.server == reflexive.server;
  });
  if (known_.reflexives.size() < ice::Agent::kMaxLocalCandidates) known_.reflexives.push_back(reflexive);
  newest().agent.add_reflexive(now, reflexive);
}

void IceSessions::add_relayed(Instant now, const ice::Relayed& relayed) {
  std::erase_if(known_.relays, [&](const ice::Relayed& known) { return known.relay == relayed.relay; });
  if (known_.relays.size() < ice::Agent::kMaxLocalCandidates) known_.relays.push_back(relayed);
  newest().agent.add_relayed(now, relayed);
}

void IceSessions::remove_local_address(Instant now, SocketId socket) {
  std::erase_if(known_.bases, [&](const auto& base) { return base.first == socket; });
  std::erase_if(known_.reflexives, [&](const ice::Reflexive& reflexive) { return reflexive.socket == socket; });
  std::erase_if(known_.relays, [&](const ice::Relayed& relayed) { return relayed.socket == socket; });
  for (auto* session : {&next_, &current_, &former_}) {
    if (*session) (*session)->agent.remove_local_address(now, socket);
  }
}

void IceSessions::set_local_candidates_complete(Instant now) {
  known_.complete = true;
  newest().agent.set_local_candidates_complete(now);
}

// ---- Datagrams and time ----

ice::Agent& IceSessions::addressee(Bytes datagram) {
  if (!next_ && !former_) return current_->agent;
  const auto message = stun::Message::parse(datagram);
  if (!message) return current_->agent;
  const bool request = message->message_class() == stun::Class::kRequest;
  for (auto* session : {&next_, &former_}) {
    if (!*session) continue;
    ice::Agent& agent = (*session)->agent;
    if (request ? receiver_of(*message) == agent.local_credentials().ufrag : agent.awaits(message->id())) return agent;
  }
  return current_->agent;
}

std::expected<void, ice::Error> IceSessions::handle_input(Instant now, const Received& received) {
  return addressee(received.data).handle_input(now, received);
}

void IceSessions::handle_timeout(Instant now) {
  for (auto* session : {&next_, &current_, &former_}) {
    if (*session && (*session)->agent.next_timeout() <= now) (*session)->agent.handle_timeout(now);
  }
}

std::optional<Transmit> IceSessions::poll_transmit(Instant now, MutableBytes buffer) {
  for (auto* session : {&current_, &next_, &former_}) {
    if (!*session) continue;
    if (const auto transmit = (*session)->agent.poll_transmit(now, buffer)) return transmit;
  }
  return std::nullopt;
}

Instant IceSessions::next_timeout() const {
  Instant next = kNever;
  for_each([&](const ice::Agent& agent) { next = std::min(next, agent.next_timeout()); });
  if (awaits_answer()) next = std::min(next, answer_end_);
  if (former_) next = std::min(next, former_end_);
  next = std::min(next, doubt_end_);
  return next;
}

std::optional<IceSessions::Event> IceSessions::poll_event(Instant now) {
  pump(now);
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void IceSessions::note_authenticated(Instant now, const Path& path) {
  for (auto* session : {&next_, &current_, &former_}) {
    if (*session) (*session)->agent.note_authenticated(now, path);
  }
  if (doubt_end_ != kNever && path == next_->agent.selected_path()) take_next(now);
  if (!former_ || former_end_ != kNever) return;
  if (path == selected_path()) {
    prove(now);
  } else if (now >= trial_end_ && path == former_->agent.selected_path()) {
    undo(now);
  }
}

std::optional<Path> IceSessions::also_over(Instant now) {
  if (!former_ || former_end_ != kNever || !former_->agent.may_send(now)) return std::nullopt;
  if (alone_end_ == kNever) alone_end_ = doubted_ ? now : now + kAloneTime;
  if (now < alone_end_ || on_trial_++ % kAloneOf == 0) return std::nullopt;
  return former_->agent.selected_path();
}

// ---- From one session to the next ----

void IceSessions::pump(Instant now) {
  take_events(*current_);
  if (next_) take_events(*next_);
  const bool wanted = doubt_end_ == kNever || current_->agent.is_final();
  if (next_ && next_->agent.selected_path() && wanted) take_next(now);
  if (former_ && current_->agent.is_final() && !former_->agent.is_final()) undo(now);
  const bool late = now >= doubt_end_ || (awaits_answer() && now >= answer_end_);
  const bool over = next_ && (next_->agent.is_final() || late);
  if (over) drop_next();
  const bool lost = current_->agent.is_final() && !next_;
  if (over && !lost) events_.emplace_back(RestartFailed{});
  if (lost && !std::exchange(lost_, true)) events_.emplace_back(PathLost{});
  end_former(now);
}

// What a restarted session selects is told when it is taken; that it is connected, or over, is seen in its state.
void IceSessions::take_events(Session& session) {
  while (auto event = session.agent.poll_event()) {
    if (auto* local = std::get_if<ice::LocalCandidate>(&*event)) {
      events_.emplace_back(
          LocalCandidate{local->candidate.to_string(session.agent.local_credentials().ufrag), !session.described});
      session.candidates.push_back(std::move(local->candidate));
    } else if (std::holds_alternative<ice::GatheringComplete>(*event)) {
      session.gathered = true;
      events_.emplace_back(GatheringComplete{});
    } else if (auto* selected = std::get_if<ice::PathSelected>(&*event);
               selected != nullptr && &session != next_.get()) {
      events_.emplace_back(PathSelected{selected->path, selected->local, selected->remote});
    }
  }
}

// A path on trial that is left for another one was never more than that: the former session is still the former one.
void IceSessions::take_next(Instant now) {
  const bool on_trial = former_ && former_end_ == kNever;
  retire(on_trial ? current_ : former_);
  if (!on_trial) former_ = std::move(current_);
  current_ = std::move(next_);
  doubt_end_ = kNever;
  if (!on_trial) begin_trial(now);
  // Where data goes to the same place as before nothing is at stake.
  if (former_->agent.selected_path() == selected_path()) prove(now);
  tell_selected();
}

void IceSessions::begin_trial(Instant now) {
  former_end_ = kNever;
  trial_end_ = now + kTrial;
  alone_end_ = kNever;
  on_trial_ = 0;
}

// What is on its way over the former path is waited for.
void IceSessions::prove(Instant now) {
  former_end_ = now + kLinger;
  doubted_ = false;
}

void IceSessions::undo(Instant now) {
  doubted_ = former_end_ == kNever;
  std::unique_ptr<Session> left = std::exchange(current_, std::move(former_));
  if (doubted_ && !next_ && !left->agent.is_final()) {
    next_ = std::move(left);
    doubt_end_ = now + kDoubtTime;
  } else {
    retire(left);
    events_.emplace_back(RestartFailed{});
  }
  tell_selected();
}

void IceSessions::tell_selected() {
  const ice::PathSelected& selected = *current_->agent.selected();
  events_.emplace_back(PathSelected{selected.path, selected.local, selected.remote});
  events_.emplace_back(LocalUfragsChanged{});
}

void IceSessions::drop_next() {
  retire(next_);
  doubt_end_ = kNever;
  events_.emplace_back(LocalUfragsChanged{});
}

void IceSessions::end_former(Instant now) {
  if (!former_) return;
  while (former_->agent.poll_event()) {
  }
  if (now < former_end_ && !former_->agent.is_final()) return;
  retire(former_);
  events_.emplace_back(LocalUfragsChanged{});
}

void IceSessions::retire(std::unique_ptr<Session>& session) {
  if (!session) return;
  ended_ += session->agent.counters();
  session.reset();
}

// ---- What is asked of all of them ----

bool IceSessions::is_valid_path(const Path& path) const {
  bool valid = false;
  for_each([&](const ice::Agent& agent) { valid = valid || agent.is_valid_path(path); });
  return valid;
}

bool IceSessions::has_remote_check(const Path& path) const {
  bool has = false;
  for_each([&](const ice::Agent& agent) { has = has || agent.has_remote_check(path); });
  return has;
}

bool IceSessions::awaits(const stun::TransactionId& id) const {
  bool awaited = false;
  for_each([&](const ice::Agent& agent) { awaited = awaited || agent.awaits(id); });
  return awaited;
}

bool IceSessions::has_pair(const Path& path) const {
  bool has = false;
  for_each([&](const ice::Agent& agent) { has = has || agent.has_pair(path); });
  return has;
}

std::vector<std::string> IceSessions::local_ufrags() const {
  std::vector<std::string> ufrags;
  for_each([&](const ice::Agent& agent) { ufrags.push_back(agent.local_credentials().ufrag); });
  return ufrags;
}

const ice::Credentials* IceSessions::remote_credentials() const {
  for (const auto* session : {&next_, &current_}) {
    if (*session && (*session)->agent.remote_credentials()) return &*(*session)->agent.remote_credentials();
  }
  return nullptr;
}

ice::Counters IceSessions::counters() const {
  ice::Counters sum = ended_;
  for_each([&](const ice::Agent& agent) { sum += agent.counters(); });
  return sum;
}

}  // namespace bamgate::peer
