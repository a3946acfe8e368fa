#include "ice/checklist.h"

#include <algorithm>

namespace bamgate::ice {
namespace {

template <typename Pairs, typename Predicate>
auto* best_of(Pairs& pairs, Predicate wanted) {
  decltype(&pairs.front()) best = nullptr;
  for (auto& pair : pairs) {
    if (wanted(pair) && (best == nullptr || pair.priority > best->priority)) best = &pair;
  }
  return best;
}

template <typename Pairs, typename Predicate>
auto* first_of(Pairs& pairs, Predicate wanted) {
  const auto found = std::ranges::find_if(pairs, wanted);
  return found == pairs.end() ? nullptr : &*found;
}

}  // namespace

Pair* Checklist::add(Pair pair, Role role) {
  if (Pair* existing = find(pair.path)) return existing;
  pair.priority = pair_priority(role, pair.local.priority, pair.remote.priority);
  pair.foundation = pair.local.foundation + ':' + pair.remote.foundation;
  if (pairs_.size() >= kMaxPairs && !make_room(pair.priority)) return nullptr;
  pair.id = next_id_++;
  // RFC 8838 §12: a new pair waits, unless a pair of its foundation is being tried already.
  pair.state = foundation_busy(pair.foundation) ? PairState::kFrozen : PairState::kWaiting;
  pairs_.push_back(std::move(pair));
  return &pairs_.back();
}

bool Checklist::make_room(std::uint64_t priority) {
  // RFC 8838 §11: failed pairs go first, then the worst; valid ones never.
  const auto rank = [](const Pair& pair) {
    if (pair.state == PairState::kFailed) return std::uint64_t{0};
    return pair.state == PairState::kSucceeded ? UINT64_MAX : pair.priority;
  };
  const auto worst = std::ranges::min_element(pairs_, {}, rank);
  if (rank(*worst) >= priority) return false;
  std::erase(triggered_, worst->id);
  pairs_.erase(worst);
  return true;
}

void Checklist::remove(SocketId socket) {
  for (const Pair& pair : pairs_) {
    if (pair.path.local == socket) untrigger(pair);
  }
  std::erase_if(pairs_, [&](const Pair& pair) { return pair.path.local == socket; });
}

Pair* Checklist::find(const Path& path) {
  return first_of(pairs_, [&](const Pair& pair) { return pair.path == path; });
}

const Pair* Checklist::find(const Path& path) const {
  return first_of(pairs_, [&](const Pair& pair) { return pair.path == path; });
}

Pair* Checklist::find(Pair::Id id) {
  return first_of(pairs_, [&](const Pair& pair) { return pair.id == id; });
}

Pair* Checklist::find_check(const stun::TransactionId& id) {
  return first_of(pairs_, [&](const Pair& pair) { return pair.find_sent(id) != nullptr; });
}

const Pair* Checklist::find_check(const stun::TransactionId& id) const {
  return first_of(pairs_, [&](const Pair& pair) { return pair.find_sent(id) != nullptr; });
}

void Checklist::update_remote(const Candidate& remote, Role role) {
  for (Pair& pair : pairs_) {
    if (pair.path.remote != remote.endpoint) continue;
    pair.remote = remote;
    pair.foundation = pair.local.foundation + ':' + remote.foundation;
    pair.priority = pair_priority(role, pair.local.priority, remote.priority);
  }
}

void Checklist::set_role(Role role) {
  for (Pair& pair : pairs_) pair.priority = pair_priority(role, pair.local.priority, pair.remote.priority);
}

void Checklist::trigger(Pair& pair) {
  if (pair.state != PairState::kSucceeded) pair.state = PairState::kWaiting;
  if (std::ranges::find(triggered_, pair.id) == triggered_.end()) triggered_.push_back(pair.id);
}

Pair* Checklist::take_triggered() {
  while (!triggered_.empty()) {
    Pair* pair = find(triggered_.front());
    triggered_.pop_front();
    if (pair != nullptr) return pair;
  }
  return nullptr;
}

bool Checklist::foundation_busy(const std::string& foundation) const {
  // RFC 8838 §12: where one pair of the foundation is valid, none has to wait.
  const auto valid = [&](const Pair& pair) {
    return pair.foundation == foundation && pair.state == PairState::kSucceeded;
  };
  if (std::ranges::any_of(pairs_, valid)) return false;
  return std::ranges::any_of(pairs_, [&](const Pair& pair) {
    if (pair.foundation != foundation) return false;
    // A check that went unanswered once holds nobody back any longer: it may take 40 s to fail, and with one component
    // there is nothing else to learn from waiting.
    const bool young = pair.transaction && pair.transaction->transmissions() == 1;
    return pair.state == PairState::kWaiting || (pair.state == PairState::kInProgress && young);
  });
}

Pair* Checklist::take_ordinary() {
  Pair* best = best_of(pairs_, [](const Pair& pair) { return pair.state == PairState::kWaiting; });
  if (best == nullptr) {
    best = best_of(pairs_, [this](const Pair& pair) {
      return pair.state == PairState::kFrozen && !foundation_busy(pair.foundation);
    });
  }
  if (best != nullptr) std::erase(triggered_, best->id);
  return best;
}

bool Checklist::has_ordinary() const {
  return std::ranges::any_of(pairs_, [this](const Pair& pair) {
    return pair.state == PairState::kWaiting || (pair.state == PairState::kFrozen && !foundation_busy(pair.foundation));
  });
}

void Checklist::unfreeze(const std::string& foundation) {
  for (Pair& pair : pairs_) {
    if (pair.state == PairState::kFrozen && pair.foundation == foundation) pair.state = PairState::kWaiting;
  }
}

void Checklist::stop_below(std::uint64_t priority) {
  for (Pair& pair : pairs_) {
    if (pair.priority >= priority || !pair.is_open()) continue;
    pair.stop_transaction();
    pair.state = PairState::kFailed;
    std::erase(triggered_, pair.id);
  }
}

void Checklist::stop_all() {
  triggered_.clear();
  for (Pair& pair : pairs_) {
    pair.stop_transaction();
    if (pair.is_open()) pair.state = PairState::kFailed;
  }
}

bool Checklist::any_open() const { return std::ranges::any_of(pairs_, &Pair::is_open); }

bool Checklist::any_open_above(const Pair& pair) const {
  return std::ranges::any_of(pairs_,
                             [&](const Pair& other) { return other.is_open() && other.priority > pair.priority; });
}

std::size_t Checklist::busy() const {
  return static_cast<std::size_t>(std::ranges::count_if(pairs_, [](const Pair& pair) {
    return pair.state == PairState::kWaiting || pair.state == PairState::kInProgress;
  }));
}

}  // namespace bamgate::ice
