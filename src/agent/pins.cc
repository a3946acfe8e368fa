#include "agent/pins.h"

namespace bamgate::agent {

Pins::Pins(const std::vector<config::Pin>& stored) {
  for (const config::Pin& pin : stored) pins_.emplace(pin.name, pin);
}

Pins::Verdict Pins::meet(const std::string& name, const config::PinnedKey& key, UnixTime now) {
  const auto found = pins_.find(name);
  if (found == pins_.end()) {
    if (pins_.size() >= config::kMaxPins) return Verdict::kFull;
    pins_.emplace(name, config::Pin{name, key, now, config::PinnedBy::kHub});
    changed_ = true;
    return Verdict::kTaken;
  }
  config::Pin& pin = found->second;
  if (pin.key == key) {
    if (pin.refused) changed_ = true;
    pin.refused.reset();
    return Verdict::kTaken;
  }
  if (pin.refused && pin.refused->key == key) return Verdict::kRefused;
  pin.refused = {key, now};
  changed_ = true;
  return Verdict::kNewlyRefused;
}

Pins::Trust Pins::trust(const std::string& name, UnixTime now) {
  const auto found = pins_.find(name);
  if (found == pins_.end()) return Trust::kUnknown;
  changed_ = true;
  if (!found->second.refused) {
    pins_.erase(found);
    return Trust::kOpened;
  }
  found->second = {name, found->second.refused->key, now, config::PinnedBy::kTrusted};
  return Trust::kTaken;
}

void Pins::forget_refused(const config::PinnedKey& key) {
  for (auto& [name, pin] : pins_) {
    if (!pin.refused || pin.refused->key != key) continue;
    pin.refused.reset();
    changed_ = true;
  }
}

const config::Pin* Pins::find(const std::string& name) const {
  const auto found = pins_.find(name);
  return found == pins_.end() ? nullptr : &found->second;
}

std::vector<config::Pin> Pins::all() const {
  std::vector<config::Pin> all;
  all.reserve(pins_.size());
  for (const auto& [name, pin] : pins_) all.push_back(pin);
  return all;
}

}  // namespace bamgate::agent
