// The keys of one session, and the three sessions that a tunnel keeps at once (paper §6.3):
//
//   next      made by answering an initiation; not proven yet: the responder sends nothing with it (key confirmation)
//   current   what data is sealed with
//   previous  the one before, so that messages on the way during a rekey can still be opened
//
// An initiator's new keypair becomes current at once; a responder's waits as next until the first message sealed with
// it arrives. Old ones fall off the end and are wiped.
#pragma once

#include <cstdint>
#include <memory>

#include "core/replay_window.h"
#include "core/time.h"
#include "wg/handshake.h"
#include "wg/index_table.h"
#include "wg/messages.h"

namespace bamgate::wg {

/// One session. Keys are wiped with it.
struct Keypair {
  TransportKeys keys;
  bool initiator = false;
  Instant created;
  std::uint64_t send_counter = 0;  // of the next message
  ReplayWindow received;
  IndexLease lease;  // of keys.local_index

  /// True when another message may be sealed: younger than REJECT_AFTER_TIME, fewer than REJECT_AFTER_MESSAGES.
  bool may_seal(Instant now) const;
  /// True when a message with this counter may be opened, by the same two limits. Says nothing about replay.
  bool may_open(Instant now, std::uint64_t counter) const;
  /// True when sending should lead to a new handshake (REKEY_AFTER_MESSAGES; REKEY_AFTER_TIME for an initiator).
  bool wants_rekey_after_send(Instant now) const;
  /// True when receiving should lead to one: an initiator's keypair that is about to expire (paper §6.2).
  bool wants_rekey_after_receive(Instant now) const;
};

/// The slots. Pointers that it returns stay valid until the keypair falls off.
class Keypairs {
 public:
  /// A finished handshake of ours: the new keypair is current, its forerunner previous. When both sides initiated at
  /// once, an unproven next one is the forerunner, and the one before stays as well: until our answer reaches the peer,
  /// it seals with that.
  void add_as_initiator(std::unique_ptr<Keypair> keypair);
  /// An answered initiation: the new keypair is next; an unproven one before it is forgotten.
  void add_as_responder(std::unique_ptr<Keypair> keypair);
  /// Something sealed with `keypair` was opened: if it is next, it becomes current. True when it did.
  bool confirm(const Keypair& keypair);
  void clear();

  /// The keypair with our index `index`; nullptr when there is none.
  Keypair* find(ReceiverIndex index);
  /// What to seal with now; nullptr when there is no current keypair or it has expired.
  Keypair* sending(Instant now) const;
  const Keypair* current() const { return current_.get(); }
  bool empty() const { return !displaced_ && !previous_ && !current_ && !next_; }

 private:
  std::unique_ptr<Keypair> displaced_;  // from a simultaneous initiation until the next handshake
  std::unique_ptr<Keypair> previous_;
  std::unique_ptr<Keypair> current_;
  std::unique_ptr<Keypair> next_;
};

}  // namespace bamgate::wg
