// Which key each name has. The first key that the hub names for a name is pinned, and from then on another one is
// refused under that name, whatever the hub says, until a person trusts it: a hub, or who has got hold of it, cannot
// put a machine of its own in a device's place. A revocation changes nothing of that. Pure; Agent asks for each change
// to be stored.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/pins.h"

namespace bamgate::agent {

class Pins {
 public:
  enum class Verdict : std::uint8_t {
    kTaken,         // the key is the name's, from now on if the name was new
    kRefused,       // the name has another one; it was refused before
    kNewlyRefused,  // likewise, for the first time
    kFull,          // the name is new, and no more are kept
  };
  enum class Trust : std::uint8_t {
    kUnknown,  // no such name is pinned
    kTaken,    // the key that was refused is the name's now
    kOpened,   // none was refused: the name is new again
  };

  explicit Pins(const std::vector<config::Pin>& stored);

  /// The hub names this key for this name.
  Verdict meet(const std::string& name, const config::PinnedKey& key, UnixTime now);
  /// A person wants this name's next key, or the one that was refused.
  Trust trust(const std::string& name, UnixTime now);
  /// A key that the hub has revoked is not waiting to be trusted any more.
  void forget_refused(const config::PinnedKey& key);

  /// nullptr when there is none of that name. Valid until the next change.
  const config::Pin* find(const std::string& name) const;
  const std::map<std::string, config::Pin>& by_name() const { return pins_; }
  /// In order of their names.
  std::vector<config::Pin> all() const;
  /// True once after each change.
  bool take_changed() { return std::exchange(changed_, false); }
  bool changed() const { return changed_; }

 private:
  std::map<std::string, config::Pin> pins_;  // by name
  bool changed_ = false;
};

}  // namespace bamgate::agent
