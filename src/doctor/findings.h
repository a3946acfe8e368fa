// What `bamgate doctor` found out about this machine, its network and its hub: facts without a judgement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/endpoint.h"
#include "core/time.h"
#include "os/network_view.h"
#include "stun/nat_behavior.h"

namespace bamgate::doctor {

/// Something that was tried: how long it took, or why it failed.
struct Trial {
  std::string what;  // whom: "stun:stun.example:3478"
  std::optional<Duration> took = {};
  std::string why = {};  // in words; empty when it succeeded
  bool succeeded() const { return why.empty(); }
};

/// One family of addresses, as STUN servers see it.
struct NatFindings {
  Family family = Family::kNone;
  Endpoint local;  // of the socket that asked
  std::vector<stun::ServerAnswer> answers = {};
  stun::Mapping mapping = stun::Mapping::kUnknown;
  stun::Filtering filtering = stun::Filtering::kUnknown;
  bool any_answer() const {
    for (const auto& answer : answers) {
      if (answer.mapped) return true;
    }
    return false;
  }
};

enum class HubLogin : std::uint8_t {
  kNotAsked,
  kDone,
  kRefused,  // the hub does not know us, or not any more
  kFailed,   // nobody who is the hub answered
};

struct HubFindings {
  Trial reached;  // the connection, TLS included
  HubLogin login = HubLogin::kNotAsked;
  std::string login_why = {};               // unless kDone
  std::optional<std::int64_t> clock_off_s;  // ours ahead of the hub's; nullopt: unknown
};

/// What `bamgate status` says of another device.
struct PeerFindings {
  std::string id;
  std::string state;
  std::string path = {};         // direct, relayed; empty: none
  std::string why_relayed = {};  // with relayed
  std::string transport = {};    // of the relay, likewise
  std::string last_error = {};
};

struct Findings {
  bool set_up = false;   // this machine is a device of a network
  bool running = false;  // and its agent answers
  std::string setup_trouble = {};

  bool tun_device = false;  // /dev/net/tun can be had
  bool may_make_tun = false;

  os::NetworkView network = {};
  std::vector<std::string> conflicts = {};  // of our networks with others of this machine, in words

  std::vector<Trial> names = {};  // of STUN servers that have no address
  std::vector<NatFindings> nat = {};
  std::optional<std::uint16_t> path_mtu = {};  // bytes of the largest IP packet that came through; nullopt: not tried

  std::optional<HubFindings> hub = {};
  std::vector<Trial> relays = {};  // one for each transport
  bool relays_tried = false;

  std::vector<PeerFindings> peers = {};
};

}  // namespace bamgate::doctor
