#include "doctor/conclusions.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace bamgate::doctor {
namespace {

// What a data channel's largest packet takes at the standard MTU of the tunnel (docs/peer.md).
constexpr std::uint16_t kEnoughMtu = 1429;
// A token of the hub is good for an hour, and TLS looks at dates.
constexpr std::int64_t kClockTolerance = 300;

using Conclusions = std::vector<Conclusion>;

std::string in_ms(std::optional<Duration> time) {
  if (!time) return "";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), " in %.1f ms", std::chrono::duration<double, std::milli>(*time).count());
  return text.data();
}

const char* name_of(Family family) { return family == Family::kV6 ? "IPv6" : "IPv4"; }

bool udp_answers(const Findings& findings) { return std::ranges::any_of(findings.nat, &NatFindings::any_answer); }

bool is_reachable(const NatFindings& nat) {
  return nat.any_answer() &&
         (nat.mapping == stun::Mapping::kNone || nat.mapping == stun::Mapping::kEndpointIndependent ||
          nat.mapping == stun::Mapping::kUnknown);
}

void judge_device(const Findings& findings, Conclusions& all) {
  if (!findings.setup_trouble.empty()) {
    all.push_back({Level::kBad, "device", findings.setup_trouble});
  } else if (!findings.set_up) {
    all.push_back({Level::kNote, "device", "this machine is no device of a network",
                   "run 'bamgate setup' with a join string from 'bamgate hub token' or 'bamgate devices add'"});
  } else {
    all.push_back({findings.running ? Level::kGood : Level::kNote, "device",
                   findings.running ? "bamgate is running" : "bamgate is not running",
                   findings.running ? "" : "start it with 'bamgate up -d'"});
  }
  if (findings.running) return;  // it has its interface
  if (!findings.tun_device) {
    all.push_back({Level::kBad, "permissions", "there is no /dev/net/tun, so the tunnel cannot get an interface",
                   "load the module 'tun'; in a container, give it the device /dev/net/tun"});
  } else if (!findings.may_make_tun) {
    all.push_back({Level::kNote, "permissions", "this user may not make network interfaces",
                   "run 'bamgate up' as root, or let the service do it"});
  } else {
    all.push_back({Level::kGood, "permissions", "this user may make network interfaces"});
  }
}

void judge_network(const Findings& findings, Conclusions& all) {
  const auto& network = findings.network;
  if (network.addresses.empty()) {
    all.push_back({Level::kBad, "network", "this machine has no usable address",
                   "connect it to a network; 'ip address' shows what it has"});
    return;
  }
  std::string text =
      std::to_string(network.addresses.size()) + " usable address" + (network.addresses.size() == 1 ? "" : "es");
  for (const auto& [route, name] : {std::pair(&network.v4, "IPv4"), std::pair(&network.v6, "IPv6")}) {
    text += *route ? std::string("; ") + name + " leaves through " + (*route)->interface
                   : std::string("; no default route for ") + name;
  }
  const bool online = network.v4 || network.v6;
  all.push_back({online ? Level::kGood : Level::kNote, "network", text,
                 online ? "" : "only devices in the same network can be reached"});
  for (const std::string& conflict : findings.conflicts) {
    all.push_back({Level::kBad, "routes", conflict,
                   "give one of the two networks another prefix, or leave the route out of the configuration"});
  }
}

std::string describe(const NatFindings& nat) {
  const auto seen = std::ranges::find_if(nat.answers, [](const auto& answer) { return answer.mapped.has_value(); });
  return std::string(name_of(nat.family)) + ": seen from outside as " + seen->mapped->address.to_string();
}

void judge_nat(const NatFindings& nat, Conclusions& all) {
  const std::string head = describe(nat);
  switch (nat.mapping) {
    case stun::Mapping::kNone:
      all.push_back({Level::kGood, "NAT", head + ", without a NAT"});
      return;
    case stun::Mapping::kUnknown:
      all.push_back({Level::kNote, "NAT", head + "; what kind of NAT it is, one answer alone does not tell",
                     "name a second STUN server under [stun] servers"});
      return;
    case stun::Mapping::kEndpointIndependent:
      all.push_back({Level::kGood, "NAT",
                     head + ", one port for all destinations" +
                         (nat.filtering == stun::Filtering::kUnknown
                              ? ""
                              : std::string("; lets in: ") +
                                    (nat.filtering == stun::Filtering::kEndpointIndependent ? "everybody"
                                     : nat.filtering == stun::Filtering::kAddressDependent  ? "addresses written to"
                                                                                            : "ports written to"))});
      return;
    case stun::Mapping::kAddressDependent:
    case stun::Mapping::kAddressAndPortDependent:
    case stun::Mapping::kDependent:
      all.push_back({Level::kNote, "NAT",
                     head +
                         ", another port for each destination (a symmetric NAT): a direct path comes about only with "
                         "devices whose NAT lets in everybody",
                     "look for 'full cone' or 'endpoint-independent NAT' in the router, or use IPv6"});
      return;
  }
}

void judge_udp(const Findings& findings, Conclusions& all) {
  for (const Trial& name : findings.names) {
    all.push_back({Level::kNote, "STUN", name.what + " was not found: " + name.why,
                   "check the name under [stun] servers, and the name server of this machine"});
  }
  if (findings.nat.empty()) {
    all.push_back({Level::kBad, "UDP", "no STUN server could be asked",
                   "name one under [stun] servers; the hub is one unless it was started with --stun off"});
    return;
  }
  if (!udp_answers(findings)) {
    all.push_back({Level::kBad, "UDP", "no STUN server answers: this network probably blocks UDP",
                   "packets go through the hub's relay here; a network that lets UDP out makes them direct"});
    return;
  }
  for (const NatFindings& nat : findings.nat) {
    if (nat.any_answer()) {
      judge_nat(nat, all);
    } else {
      all.push_back({Level::kNote, "UDP", std::string(name_of(nat.family)) + ": no STUN server answers"});
    }
    for (const auto& answer : nat.answers) {
      if (answer.mapped) {
        all.push_back({Level::kGood, "STUN", answer.server.to_string() + " answers" + in_ms(answer.round_trip)});
      } else if (nat.any_answer()) {
        all.push_back({Level::kNote, "STUN", answer.server.to_string() + " does not answer",
                       "if it stays so, take it out of [stun] servers"});
      }
    }
  }
  if (findings.path_mtu) {
    const bool enough = *findings.path_mtu >= kEnoughMtu;
    all.push_back({enough ? Level::kGood : Level::kNote, "path MTU",
                   "packets of " + std::to_string(*findings.path_mtu) + " bytes come through whole",
                   enough ? "" : "larger ones travel in fragments, which costs speed, and some networks drop them"});
  }
}

void judge_clock(std::int64_t off, Conclusions& all) {
  const bool right = std::abs(off) <= kClockTolerance;
  const std::string span = std::to_string(std::abs(off)) + " s ";
  all.push_back({right ? Level::kGood : Level::kBad, "clock",
                 right ? "this machine and the hub agree about the time"
                       : "this machine's clock is " + span + (off > 0 ? "ahead of" : "behind") + " the hub's",
                 right ? "" : "set the clock of whichever is wrong: 'timedatectl set-ntp true'"});
}

void judge_hub(const Findings& findings, Conclusions& all) {
  if (!findings.hub) return;
  const HubFindings& hub = *findings.hub;
  if (!hub.reached.succeeded()) {
    all.push_back({Level::kBad, "hub", hub.reached.why,
                   "is it running, and does its router pass the port on? Tunnels that stand go on without it"});
    return;
  }
  all.push_back({Level::kGood, "hub", hub.reached.what + " answers" + in_ms(hub.reached.took)});
  if (hub.login == HubLogin::kRefused || hub.login == HubLogin::kFailed) {
    all.push_back({Level::kBad, "hub", hub.login_why,
                   hub.login == HubLogin::kRefused ? "let this device in again: 'bamgate setup' with a new join string"
                                                   : "the tries go on; what stands between may have answered"});
  } else if (hub.login == HubLogin::kDone) {
    all.push_back({Level::kGood, "hub", "it lets this device in"});
  }
  if (hub.clock_off_s) judge_clock(*hub.clock_off_s, all);
}

void judge_relays(const Findings& findings, Conclusions& all) {
  if (!findings.relays_tried) return;
  bool any = false;
  for (const Trial& relay : findings.relays) {
    any = any || relay.succeeded();
    all.push_back({relay.succeeded() ? Level::kGood : Level::kNote, "relay",
                   relay.what + (relay.succeeded() ? " works" + in_ms(relay.took) : ": " + relay.why)});
  }
  if (!any) {
    all.push_back({Level::kNote, "relay", "there is no relay for devices that find no direct path",
                   "the hub has one unless it was started with --stun off, or is older than this program"});
  }
}

void judge_peers(const Findings& findings, Conclusions& all) {
  for (const PeerFindings& peer : findings.peers) {
    if (peer.path == "relayed") {
      all.push_back({Level::kNote, "peer " + peer.id, "relayed by " + peer.transport + ": " + peer.why_relayed});
    } else if (peer.state == "connected") {
      all.push_back({Level::kGood, "peer " + peer.id, "connected directly"});
    } else {
      const bool failed = !peer.last_error.empty();
      all.push_back({failed ? Level::kBad : Level::kNote, "peer " + peer.id,
                     peer.state == "new" ? "not there" : peer.state + (failed ? ": " + peer.last_error : "")});
    }
  }
}

void judge_all(const Findings& findings, Conclusions& all) {
  const bool possible = direct_is_possible(findings);
  all.push_back({possible ? Level::kGood : Level::kBad, "direct path",
                 possible ? "possible from here"
                          : "hardly possible from here: other devices are reached through a relay, or not at all"});
}

}  // namespace

const char* to_string(Level level) {
  switch (level) {
    case Level::kGood:
      return "good";
    case Level::kNote:
      return "note";
    case Level::kBad:
      return "bad";
  }
  return "bad";
}

std::vector<Conclusion> conclude(const Findings& findings) {
  Conclusions all;
  judge_device(findings, all);
  judge_network(findings, all);
  judge_udp(findings, all);
  judge_hub(findings, all);
  judge_relays(findings, all);
  judge_peers(findings, all);
  judge_all(findings, all);
  return all;
}

bool direct_is_possible(const Findings& findings) { return std::ranges::any_of(findings.nat, is_reachable); }

}  // namespace bamgate::doctor
