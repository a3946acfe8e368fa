// What all parts of one hub share: options, ports, settings, counters, limits, and the effects that wait for the host.
#pragma once

#include <deque>
#include <string_view>
#include <utility>

#include "core/crypto.h"
#include "core/random.h"
#include "hub/database.h"
#include "hub/effect.h"
#include "hub/hub_clock.h"
#include "hub/options.h"
#include "hub/rate_limit.h"
#include "hub/settings.h"

namespace bamgate::hub {

struct Context {
  HubOptions options;
  Database database;
  Crypto& crypto;
  Random& random;
  Settings settings;
  HubClock clock;
  HubCounters counters;
  std::deque<Effect> effects;
  RateLimits limits;

  void log(LogLevel level, std::string_view event, json::Object fields) {
    effects.emplace_back(Log{level, event, std::move(fields)});
  }
};

}  // namespace bamgate::hub
