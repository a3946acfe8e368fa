#include "wg/keypair.h"

#include <utility>

#include "wg/timers.h"

namespace bamgate::wg {

bool Keypair::may_seal(Instant now) const { return may_open(now, send_counter); }

bool Keypair::may_open(Instant now, std::uint64_t counter) const {
  return now - created < kRejectAfterTime && counter < kRejectAfterMessages;
}

bool Keypair::wants_rekey_after_send(Instant now) const {
  return send_counter >= kRekeyAfterMessages || (initiator && now - created >= kRekeyAfterTime);
}

bool Keypair::wants_rekey_after_receive(Instant now) const {
  return initiator && now - created >= kRejectAfterTime - kKeepaliveTimeout - kRekeyTimeout;
}

void Keypairs::add_as_initiator(std::unique_ptr<Keypair> keypair) {
  // An unproven next keypair is newer than the current one: the peer may already be sending with it (both sides
  // initiated at once), so it must stay openable. So must the current one, with which the peer seals until it has our
  // answer.
  displaced_ = next_ ? std::move(current_) : nullptr;
  previous_ = next_ ? std::move(next_) : std::move(current_);
  current_ = std::move(keypair);
}

void Keypairs::add_as_responder(std::unique_ptr<Keypair> keypair) { next_ = std::move(keypair); }

bool Keypairs::confirm(const Keypair& keypair) {
  if (&keypair != next_.get()) return false;
  previous_ = std::move(current_);
  current_ = std::move(next_);
  return true;
}

void Keypairs::clear() {
  displaced_.reset();
  previous_.reset();
  current_.reset();
  next_.reset();
}

Keypair* Keypairs::find(ReceiverIndex index) {
  for (const auto* slot : {&current_, &previous_, &next_, &displaced_}) {
    if (*slot && (*slot)->keys.local_index == index) return slot->get();
  }
  return nullptr;
}

Keypair* Keypairs::sending(Instant now) const { return current_ && current_->may_seal(now) ? current_.get() : nullptr; }

}  // namespace bamgate::wg
