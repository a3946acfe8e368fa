// Looks at everything, in order: this machine, the names, the hub, and then NAT, path MTU and relays side by side.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "config/config.h"
#include "doctor/findings.h"
#include "json/value.h"
#include "net/loop.h"
#include "os/failure.h"

namespace bamgate::doctor {

/// What is known before.
struct Subject {
  std::optional<config::Config> config;
  std::optional<config::Secrets> secrets;
  std::string trouble;                // why one of them cannot be read; empty: they can, or there are none
  std::optional<json::Value> status;  // of the running agent
  /// An access token, or why there is none: called once, when the hub was reached.
  std::function<std::expected<std::string, Failure>()> login;
};

/// Takes some seconds, most of them where no answers come. `progress` is called with what is looked at next.
Findings examine(net::Loop& loop, const Subject& subject, const std::function<void(const std::string&)>& progress);

}  // namespace bamgate::doctor
