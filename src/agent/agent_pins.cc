// Keys that are pinned: whom the agent takes for whom, and what a person changes about it.
#include <algorithm>
#include <utility>

#include "agent/agent.h"

namespace bamgate::agent {
namespace {

std::string how_to_trust(const std::string& name) {
  return "if you set it up anew, run 'bamgate devices trust " + name + "' here; otherwise somebody poses as it";
}

}  // namespace

// False when the name has another key. What the hub lists is kept for the moment at which a person trusts it.
bool Agent::take_key(Instant now, const signaling::PeerInfo& info, const wg::PublicKey& key) {
  const Pins::Verdict verdict = pins_.meet(info.peer_id, key.bytes, shared_.unix_time(now));
  switch (verdict) {
    case Pins::Verdict::kTaken:
      refused_.erase(info.peer_id);
      return true;
    case Pins::Verdict::kNewlyRefused:
      notice(NoticeLevel::kWarning, info.peer_id + ": refused, it comes with another key (" + key.to_string() +
                                        ") than before; " + how_to_trust(info.peer_id));
      [[fallthrough]];
    case Pins::Verdict::kRefused:
      if (refused_.size() < kMaxPeers || refused_.contains(info.peer_id)) refused_[info.peer_id] = info;
      return false;
    case Pins::Verdict::kFull:
      notice(NoticeLevel::kDebug,
             info.peer_id + ": refused, " + std::to_string(config::kMaxPins) +
                 " names are known already; 'bamgate devices trust' of one that is gone makes room");
      return false;
  }
  return false;
}

// At once, and then at most once in kPinInterval, however many names the hub makes up.
void Agent::store_pins(Instant now) {
  if (!pins_.changed()) return;
  if (now < earliest_store_) return timers_.set(Timer::kPins, earliest_store_);
  (void)pins_.take_changed();
  earliest_store_ = now + kPinInterval;
  shared_.effects.emplace_back(StorePins{});
}

TrustAnswer Agent::trust(Instant now, const std::string& name) {
  const config::Pin* pin = pins_.find(name);
  if (pin == nullptr) return {false, "no device '" + name + "' is known here: 'bamgate status' shows those that are"};
  const auto entry = peers_.find(name);
  if (!pin->refused && entry != peers_.end() && entry->second->link.state() != PeerState::kAway) {
    return {true, "'" + name + "' has the key that it had before: there is nothing to trust"};
  }
  const Pins::Trust trusted = pins_.trust(name, shared_.unix_time(now));
  remove_peer(now, name, "its key is another one now");
  if (update_routes()) leave_stale_paths(now);
  const auto info = refused_.find(name);
  if (trusted == Pins::Trust::kTaken && info != refused_.end()) {
    signaling::PeerList list;
    list.peers.push_back(std::move(info->second));
    refused_.erase(info);
    handle_list(now, list);
  }
  store_pins(now);
  pump(now);
  if (trusted == Pins::Trust::kOpened) return {true, "the next key that '" + name + "' comes with is taken"};
  return {true, "'" + name + "' is trusted with the key " + wg::PublicKey{pins_.find(name)->key}.to_string() +
                    "; compare it with what 'bamgate status --json' shows there"};
}

// A name whose key is refused is shown, also when nothing else is known of it.
void Agent::show_refused(Status& status) const {
  for (const auto& [name, pin] : pins_.by_name()) {
    if (!pin.refused) continue;
    auto shown = std::ranges::find(status.peers, pin.name, &PeerStatus::id);
    if (shown == status.peers.end()) {
      shown = status.peers.insert(std::ranges::upper_bound(status.peers, pin.name, {}, &PeerStatus::id), PeerStatus{});
      shown->id = pin.name;
      shown->public_key = wg::PublicKey{pin.key}.to_string();
      shown->state = "failed";
    }
    shown->refused_key = wg::PublicKey{pin.refused->key}.to_string();
    shown->last_error = "the hub names another key for it than before, which is refused; " + how_to_trust(pin.name);
  }
}

}  // namespace bamgate::agent
