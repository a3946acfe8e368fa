// What is done on the transitions of peer_state.cc, and what descriptions and candidates bring about. Packets, timers
// and status stand in link_packets.cc.
#include "agent/link.h"

#include <utility>

#include "agent/explain.h"
#include "ice/candidate.h"

namespace bamgate::agent {
namespace {

constexpr std::string_view kPathGone = "its path is gone with a change of the network";

std::string_view instance_of(const signaling::PeerInfo& info) {
  const auto found = info.metadata.find(std::string(kInstance));
  return found == info.metadata.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

Link::Link(Shared& shared, Carrier& carrier, signaling::PeerInfo info)
    : shared_(shared), carrier_(carrier), info_(std::move(info)) {}

void Link::notice(NoticeLevel level, std::string text) {
  shared_.effects.emplace_back(Notice{level, info_.peer_id + ": " + std::move(text)});
}

// Both sides know both names, so both know who offers, and glare cannot last.
bool Link::sorts_first() const { return shared_.self < info_.peer_id; }

PeerRole Link::role() const {
  const bool offers = attempt_ ? attempt_->offers() : sorts_first();
  return offers ? PeerRole::kOffers : PeerRole::kAnswers;
}

// ---- Transitions ----

void Link::apply(Instant now, PeerInput input, std::string_view why) {
  const PeerStep step = on(state_, input, role());
  state_ = step.to;
  switch (step.action) {
    case PeerAction::kNone:
      return;
    case PeerAction::kOffer:
      begin_attempt(now, Attempt::Role::kOffers);
      return make_offer(now);
    case PeerAction::kAnswer:
      return begin_attempt(now, answering_role());
    case PeerAction::kBeside:
      return begin_beside(now);
    case PeerAction::kSwitch:
      return take_next(now);
    case PeerAction::kKeep:
      if (!why.empty()) notice(NoticeLevel::kDebug, "its new connection came to nothing: " + std::string(why));
      return end_next(now);
    case PeerAction::kDrop:
      // The other side may hold it for a connection, or hold it soon: its last message may be on its way to us.
      return end_attempt(now, true);
    case PeerAction::kRetry:
      end_attempt(now, true);
      return schedule_retry(now, why);
    case PeerAction::kTell:
      notice(NoticeLevel::kInfo, "disconnected: " + std::string(why));
      return end_attempt(now, true);
  }
}

Attempt::Role Link::answering_role() const {
  return answers_passive_ ? Attempt::Role::kAnswersPassive : Attempt::Role::kAnswers;
}

void Link::begin_beside(Instant now) {
  end_next(now);
  next_ = std::make_unique<Attempt>(now, shared_, answering_role());
  timers_.set(Timer::kAttempt, now + kAnswerTime);
}

void Link::end_next(Instant now) {
  if (!next_) return;
  timers_.cancel(Timer::kAttempt);
  next_->say_goodbye(now);
  next_.reset();
}

// After its authenticated message the new connection carries everything. Or the old one broke before that; then the new
// one is the only one, and what it has reached by now counts.
void Link::take_next(Instant now) {
  attempt_->say_goodbye(now);
  attempt_ = std::move(next_);
  if (state_ == PeerState::kConnected) {
    timers_.cancel_all();
    return notice(NoticeLevel::kInfo, "goes on over its new connection");
  }
  connected_since_.reset();
  carrier_.closed();
  if (!attempt_->channel()) return;
  apply(now, PeerInput::kOpened);
  carrier_.opened(now, attempt_->offers());
}

void Link::begin_attempt(Instant now, Attempt::Role role) {
  end_attempt(now, false);
  attempt_ = std::make_unique<Attempt>(now, shared_, role);
  timers_.set(Timer::kAttempt, now + kAnswerTime);
}

void Link::make_offer(Instant now) {
  auto offer = attempt_->connection().create_offer(now);
  if (!offer) return apply(now, PeerInput::kFailed, peer::to_string(offer.error()));
  shared_.messages.emplace_back(signaling::Offer{.from = shared_.self,
                                                 .to = info_.peer_id,
                                                 .sdp = std::move(*offer),
                                                 .public_key = shared_.public_key,
                                                 .extra = {}});
  pump(now);
}

void Link::end_attempt(Instant now, bool tell_peer) {
  timers_.cancel_all();
  connected_since_.reset();
  if (!attempt_) return;
  for (const auto* attempt : {&next_, &attempt_}) {
    if (tell_peer && *attempt) (*attempt)->say_goodbye(now);
  }
  next_.reset();
  attempt_.reset();
  carrier_.closed();  // its way is gone
}

void Link::schedule_retry(Instant now, std::string_view why) {
  last_error_ = why;
  const auto delay = policy_.next(shared_.random);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(delay).count();
  notice(NoticeLevel::kWarning, std::string(why) + (sorts_first() ? "; trying again in " + std::to_string(ms) + " ms"
                                                                  : std::string("; waiting for its next offer")));
  timers_.set(Timer::kRetry, now + delay + (sorts_first() ? Duration{} : Duration(kOfferPatience)));
}

void Link::handle_closed(Instant now, const Attempt& attempt, peer::Error reason) {
  const peer::PeerConnection& connection = attempt.connection();
  // RFC 8842 §5.3: an answer may choose; what one role could not do the other may.
  if (reason == peer::Error::kDtlsSilent) answers_passive_ = connection.dtls_role() == dtls::Role::kClient;
  apply(now, is_old(attempt) ? PeerInput::kBroken : PeerInput::kFailed,
        explain_end(connection, shared_.node.findings(), reason));
}

// ---- What the hub says ----

void Link::set_info(Instant now, signaling::PeerInfo info) {
  const bool restarted = !instance_of(info_).empty() && instance_of(info_) != instance_of(info);
  info_ = std::move(info);
  if (!restarted) return;
  // It knows nothing of us any more: neither our connection nor what the carrier agreed with it leads anywhere.
  if (attempt_) notice(NoticeLevel::kInfo, "it has started afresh; connecting again");
  carrier_.restarted(now);
  policy_.reset();
  apply(now, PeerInput::kRestarted);
}

void Link::handle_offer(Instant now, const signaling::Offer& offer) {
  // Glare: both offers are out, and that of the name that sorts first counts. One that has been answered is over: its
  // answerer would not offer if it did not need a new connection.
  if (sorts_first() && attempt_ && attempt_->awaits_answer()) return;
  const auto readable = peer::parse_description(offer.sdp);
  if (!readable) {
    return notice(NoticeLevel::kWarning, std::string("its offer was refused: ") + peer::to_string(readable.error()));
  }
  if (Attempt* own = owner_of(*readable)) return answer_within(now, *own, offer);
  apply(now, PeerInput::kOffer);
  auto answer = newest()->connection().accept_offer(now, offer.sdp);
  if (!answer) return apply(now, PeerInput::kFailed, peer::to_string(answer.error()));
  timers_.set(Timer::kAttempt, now + kAttemptTime);
  shared_.messages.emplace_back(signaling::Answer{.from = shared_.self,
                                                  .to = info_.peer_id,
                                                  .sdp = std::move(*answer),
                                                  .public_key = shared_.public_key,
                                                  .extra = {}});
  use_early_candidates(now, *newest());
  pump(now);
}

// The attempt whose session a later offer is of: it restarts ICE.
Attempt* Link::owner_of(const peer::Description& offer) {
  for (const auto* attempt : {&next_, &attempt_}) {
    if (*attempt && (*attempt)->is_own(offer)) return attempt->get();
  }
  return nullptr;
}

void Link::answer_within(Instant now, Attempt& attempt, const signaling::Offer& offer) {
  auto answer = attempt.accept_later_offer(now, offer.sdp);
  if (!answer) {
    notice(NoticeLevel::kDebug, std::string("its later offer has no answer: ") + peer::to_string(answer.error()));
    return pump(now);
  }
  shared_.messages.emplace_back(signaling::Answer{.from = shared_.self,
                                                  .to = info_.peer_id,
                                                  .sdp = std::move(*answer),
                                                  .public_key = shared_.public_key,
                                                  .extra = {}});
  use_early_candidates(now, attempt);
  pump(now);
}

bool Link::take_restart_answer(Instant now, const signaling::Answer& answer) {
  for (const auto* attempt : {&next_, &attempt_}) {
    if (!*attempt || !(*attempt)->awaits_restart_answer()) continue;
    const auto accepted = (*attempt)->accept_restart_answer(now, answer.sdp);
    if (accepted) {
      use_early_candidates(now, **attempt);
    } else {
      notice(NoticeLevel::kInfo, std::string("no restart: ") + peer::to_string(accepted.error()));
    }
    pump(now);
    return true;
  }
  return false;
}

void Link::handle_answer(Instant now, const signaling::Answer& answer) {
  if (take_restart_answer(now, answer)) return;
  if (!attempt_ || next_ || !attempt_->offers() || attempt_->channel()) return;
  if (attempt_->awaits_answer()) {
    const auto accepted = attempt_->connection().accept_answer(now, answer.sdp);
    if (!accepted) return apply(now, PeerInput::kFailed, peer::to_string(accepted.error()));
    timers_.set(Timer::kAttempt, now + kAttemptTime);
    use_early_candidates(now, *attempt_);
    return pump(now);
  }
  // An answer names no offer. When a second one is unlike the first, the first was to an offer that we had given up by
  // then, and nobody holds its other end: begin again instead of waiting for the attempt to time out.
  const auto second = peer::parse_description(answer.sdp);
  if (!second || second->ice.ufrag == attempt_->connection().remote_ufrag()) return;
  apply(now, PeerInput::kStale);
}

void Link::handle_candidate(Instant now, const signaling::IceCandidate& candidate) {
  const auto parsed = ice::parse_candidate(candidate.candidate);
  if (!parsed) {
    ++shared_.ended.attempts.ice.ignored_candidates;
    return;
  }
  for (const auto* attempt : {&next_, &attempt_}) {
    const std::string current = *attempt ? (*attempt)->connection().remote_ufrag() : std::string();
    if (current.empty() || (!parsed->ufrag.empty() && parsed->ufrag != current)) continue;
    (void)(*attempt)->connection().add_remote_candidate(now, candidate.candidate);
    return pump(now);
  }
  // Of an older description, or of one that has not come yet: the next description tells.
  early_candidates_.add(parsed->ufrag, candidate.candidate);
}

void Link::use_early_candidates(Instant now, Attempt& attempt) {
  peer::PeerConnection& connection = attempt.connection();
  for (const std::string& line : early_candidates_.take(connection.remote_ufrag())) {
    (void)connection.add_remote_candidate(now, line);
  }
}

// ---- What the node says ----

void Link::learn(Instant now, const Node::Event& event) {
  if (attempt_) attempt_->learn(now, event);
  if (next_) next_->learn(now, event);
}

Link::AttemptIds Link::attempts() const {
  AttemptIds all;
  if (attempt_) all[0] = attempt_->id();
  if (next_) all[1] = next_->id();
  return all;
}

Attempt* Link::find(AttemptId attempt) {
  if (attempt_ && attempt_->id() == attempt) return attempt_.get();
  return next_ && next_->id() == attempt ? next_.get() : nullptr;
}

void Link::leave_stale_path(Instant now) {
  if (!attempt_) return;
  if (next_ && next_->is_stale() != attempt_->is_stale()) {
    apply(now, next_->is_stale() ? PeerInput::kFailed : PeerInput::kBroken, kPathGone);
  }
  if (attempt_->is_stale()) {
    notice(NoticeLevel::kInfo, std::string(kPathGone) + "; connecting again");
    policy_.reset();
    return apply(now, PeerInput::kStale);
  }
  attempt_->forget_gone_sockets(now);
  if (next_) next_->forget_gone_sockets(now);
}

}  // namespace bamgate::agent
