#include "agent/explain.h"

namespace bamgate::agent {
namespace {

std::string explain_no_path(const ice::Agent& ice, const ice::StunFindings& stun) {
  const std::string no_path = "no path: ";
  if (ice.remote_candidate_count() == 0) return no_path + "the peer sent no address to try";
  if (ice.pair_count() == 0) return no_path + "none of our addresses fits one of the peer's (IPv4 against IPv6)";
  if (stun.asked > 0 && stun.answered == 0) {
    return no_path + "no STUN server answered, so this network probably blocks UDP";
  }
  if (ice.counters().checks_received > 0) {
    return no_path + "the peer's packets arrive here, but none of ours arrives there or no answer comes back";
  }
  const std::string tried = no_path + "none of " + std::to_string(ice.pair_count()) + " pairs of addresses got through";
  if (stun.mapping_varies) {
    return tried +
           "; the NAT here shows each destination another port, and the peer's lets in none that it does not know";
  }
  return tried + "; one NAT lets in nothing that it does not expect, or the peer's network blocks UDP";
}

std::string explain_no_channel(const sctp::AssociationCounters& counters) {
  const std::string not_open = "connected, but the data channel did not open: ";
  if (counters.dcep_refused > 0) return not_open + "what the peer says to open it cannot be understood";
  return not_open + "the peer said nothing to open it";
}

}  // namespace

std::string explain_delay(const peer::PeerConnection& connection, const ice::StunFindings& stun, bool channel_open) {
  switch (connection.state()) {
    case peer::State::kNew:
    case peer::State::kFindingPath:
      if (connection.remote_ufrag().empty()) return "the peer did not answer our offer";
      return explain_no_path(connection.ice(), stun);
    case peer::State::kSecuring:
      return "a path was found, but the DTLS handshake on it took too long";
    case peer::State::kAssociating:
      return "a path was found and secured, but the SCTP association took too long to come up";
    case peer::State::kConnected:
      if (channel_open) return "connected and the data channel is open, but WireGuard got no answer in time";
      return explain_no_channel(connection.sctp_counters());
    case peer::State::kClosed:
      break;
  }
  return peer::to_string(peer::Error::kNotConnected);
}

std::optional<RelayUse> relay_of(const Relays& relays, const ice::PathSelected& selected) {
  if (auto use = relays.use_of(selected.path)) return use;
  if (selected.remote.type != ice::CandidateType::kRelayed) return std::nullopt;
  return RelayUse{.server = selected.remote.endpoint.to_string(), .transport = "udp"};
}

std::string explain_relay(const ice::StunFindings& stun, bool forced) {
  if (forced) return "force_relay is set";
  if (stun.asked > 0 && stun.answered == 0) return "no STUN server answered: this network probably blocks UDP";
  if (stun.mapping_varies) return "the NAT here shows each destination another port (symmetric)";
  return "no direct path got through: a firewall or NAT on the way, probably the peer's";
}

std::string explain_end(const peer::PeerConnection& connection, const ice::StunFindings& stun, peer::Error reason) {
  if (reason != peer::Error::kIceFailed) return peer::to_string(reason);
  if (connection.ice().selected()) return "the path is gone: no answer to the checks on it";
  return explain_no_path(connection.ice(), stun);
}

}  // namespace bamgate::agent
