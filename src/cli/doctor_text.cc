#include "cli/doctor_text.h"

#include <chrono>

#include "cli/table.h"

namespace bamgate::cli {
namespace {

using doctor::Findings;
using doctor::Level;

Colour colour_of(Level level) {
  switch (level) {
    case Level::kGood:
      return Colour::kGood;
    case Level::kNote:
      return Colour::kWaiting;
    case Level::kBad:
      return Colour::kBad;
  }
  return Colour::kNone;
}

json::Value milliseconds(std::optional<Duration> time) {
  if (!time) return {};
  return std::chrono::duration<double, std::milli>(*time).count();
}

json::Value text_or_null(const std::string& text) { return text.empty() ? json::Value() : json::Value(text); }

json::Value trial_json(const doctor::Trial& trial) {
  return json::Object{{"what", trial.what}, {"ms", milliseconds(trial.took)}, {"error", text_or_null(trial.why)}};
}

json::Array trials_json(const std::vector<doctor::Trial>& trials) {
  json::Array list;
  for (const auto& trial : trials) list.push_back(trial_json(trial));
  return list;
}

json::Value nat_json(const doctor::NatFindings& nat) {
  json::Array answers;
  for (const auto& answer : nat.answers) {
    answers.push_back(json::Object{{"server", answer.server.to_string()},
                                   {"mapped", answer.mapped ? json::Value(answer.mapped->to_string()) : json::Value()},
                                   {"rtt_ms", milliseconds(answer.round_trip)}});
  }
  return json::Object{{"family", nat.family == Family::kV6 ? "IPv6" : "IPv4"},
                      {"local", nat.local.to_string()},
                      {"mapping", stun::to_string(nat.mapping)},
                      {"filtering", stun::to_string(nat.filtering)},
                      {"stun", std::move(answers)}};
}

json::Value network_json(const os::NetworkView& network) {
  json::Array addresses;
  for (const auto& address : network.addresses) {
    addresses.push_back(json::Object{
        {"address", address.prefix().to_string()}, {"interface", address.interface}, {"tunnel", address.tunnel}});
  }
  json::Value value = json::Object{{"addresses", std::move(addresses)}};
  value.set("default_route_v4", network.v4 ? json::Value(network.v4->interface) : json::Value());
  value.set("default_route_v6", network.v6 ? json::Value(network.v6->interface) : json::Value());
  return value;
}

json::Value hub_json(const doctor::HubFindings& hub) {
  json::Value value = trial_json(hub.reached);
  value.set("authorised", hub.login == doctor::HubLogin::kNotAsked ? json::Value()
                                                                   : json::Value(hub.login == doctor::HubLogin::kDone));
  value.set("login_error", text_or_null(hub.login_why));
  value.set("clock_off_s", hub.clock_off_s ? json::Value(*hub.clock_off_s) : json::Value());
  return value;
}

json::Array peers_json(const std::vector<doctor::PeerFindings>& peers) {
  json::Array list;
  for (const auto& peer : peers) {
    list.push_back(json::Object{{"id", peer.id},
                                {"state", peer.state},
                                {"path", text_or_null(peer.path)},
                                {"why_relayed", text_or_null(peer.why_relayed)},
                                {"last_error", text_or_null(peer.last_error)}});
  }
  return list;
}

}  // namespace

std::string doctor_text(const Findings& findings, bool with_colour) {
  Table table({"", "WHAT", "FINDING"});
  for (const auto& conclusion : conclude(findings)) {
    const std::string level = conclusion.level == Level::kGood ? "ok" : to_string(conclusion.level);
    table.add_row({paint(level, colour_of(conclusion.level), with_colour), conclusion.topic, conclusion.text});
    if (!conclusion.todo.empty()) table.add_note("      " + paint(conclusion.todo, Colour::kFaint, with_colour));
  }
  return table.to_string();
}

json::Value doctor_json(const Findings& findings) {
  json::Array conclusions;
  for (const auto& conclusion : conclude(findings)) {
    conclusions.push_back(json::Object{{"level", to_string(conclusion.level)},
                                       {"topic", conclusion.topic},
                                       {"text", conclusion.text},
                                       {"todo", text_or_null(conclusion.todo)}});
  }
  json::Array nat;
  for (const auto& family : findings.nat) nat.push_back(nat_json(family));
  json::Array conflicts;
  for (const std::string& conflict : findings.conflicts) conflicts.emplace_back(conflict);
  json::Value value;
  value.set("direct_possible", direct_is_possible(findings));
  value.set("running", findings.running);
  value.set("conclusions", std::move(conclusions));
  value.set("network", network_json(findings.network));
  value.set("conflicts", std::move(conflicts));
  value.set("nat", std::move(nat));
  value.set("stun_unresolved", trials_json(findings.names));
  value.set("path_mtu", findings.path_mtu ? json::Value(static_cast<std::int64_t>(*findings.path_mtu)) : json::Value());
  value.set("hub", findings.hub ? hub_json(*findings.hub) : json::Value());
  value.set("relays", trials_json(findings.relays));
  value.set("peers", peers_json(findings.peers));
  return value;
}

}  // namespace bamgate::cli
