// What all parts of one hub share: options, ports, settings, counters, and the effects that wait for the host.
#pragma once

#include <deque>

#include "core/crypto.h"
#include "core/random.h"
#include "hub/database.h"
#include "hub/effect.h"
#include "hub/options.h"
#include "hub/settings.h"

namespace bamgate::hub {

struct Context {
  HubOptions options;
  Database database;
  Crypto& crypto;
  Random& random;
  Settings settings;
  HubCounters counters;
  std::deque<Effect> effects;
};

}  // namespace bamgate::hub
