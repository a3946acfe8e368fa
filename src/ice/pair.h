// A candidate pair and its states (RFC 8445 §6.1.2).
//
// A pair is known by its path: local socket (and relay) and remote endpoint. Server-reflexive candidates are checked
// from their base, so their pairs would have the path of the host candidate's pair and are never formed (§6.1.2.4,
// pruning).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/endpoint.h"
#include "core/time.h"
#include "ice/candidate.h"
#include "stun/transaction.h"

namespace bamgate::ice {

/// Who nominates (RFC 8445 §6.1.1): the side that made the offer controls, unless a conflict changes that.
enum class Role : std::uint8_t { kControlling, kControlled };

constexpr Role opposite(Role role) { return role == Role::kControlling ? Role::kControlled : Role::kControlling; }

enum class PairState : std::uint8_t {
  kFrozen,      // waits for another pair of its foundation
  kWaiting,     // to be checked in its turn
  kInProgress,  // its check is in flight
  kSucceeded,   // a check was answered: the pair is valid
  kFailed,      // the check was given up or refused; a check from the peer revives the pair
};

/// What is remembered of a check of ours, so that a late answer still counts.
struct SentCheck {
  stun::TransactionId id{};
  Role role = Role::kControlling;
  bool nominating = false;
  Instant when;
  bool sent_again = false;  // the round trip cannot be told then (Karn)
};

struct Pair {
  using Id = std::uint32_t;

  Id id = 0;
  Path path;
  Candidate local;  // the base: a host or relayed candidate
  Candidate remote;
  std::uint32_t check_priority = 0;  // the PRIORITY of our checks: that of a peer-reflexive candidate of this base
  std::string foundation;            // of both candidates
  std::uint64_t priority = 0;
  PairState state = PairState::kWaiting;

  std::optional<stun::Transaction> transaction;  // the check that is retransmitted now
  std::vector<std::byte> request;                // its bytes
  std::vector<SentCheck> sent;                   // the latest checks, newest last; at most kMaxSent
  bool nominate = false;                         // controlling: the next check carries USE-CANDIDATE
  bool remote_checked = false;                   // an authenticated check of the peer came on it
  bool remote_nominated = false;                 // controlled: USE-CANDIDATE came, perhaps before our own success
  std::optional<Instant> valid_since;
  Instant last_answer;              // once valid: when the latest success response came
  std::optional<Candidate> mapped;  // after success: the local candidate that the peer saw (RFC 8445 §7.2.5.3.2)
  std::optional<Duration> round_trip;

  // A triggered check replaces the check in flight; answers to that many older ones are still taken.
  static constexpr std::size_t kMaxSent = 4;

  bool is_relayed() const { return path.relay != RelayId::kNone || remote.type == CandidateType::kRelayed; }
  const Candidate& local_seen() const { return mapped ? *mapped : local; }
  bool is_host_to_host() const {
    return local_seen().type == CandidateType::kHost && remote.type == CandidateType::kHost;
  }
  /// Not decided yet: it may still become valid without the peer's help.
  bool is_open() const {
    return state == PairState::kFrozen || state == PairState::kWaiting || state == PairState::kInProgress;
  }
  const SentCheck* find_sent(const stun::TransactionId& transaction_id) const;
  void remember(const SentCheck& check);
  /// The newest check is retransmitted.
  void note_sent_again() {
    if (!sent.empty()) sent.back().sent_again = true;
  }
  void stop_transaction();
};

/// RFC 8445 §6.1.2.3: both sides compute the same number. `local` and `remote` are candidate priorities.
std::uint64_t pair_priority(Role role, std::uint32_t local, std::uint32_t remote);

}  // namespace bamgate::ice
