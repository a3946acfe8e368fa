// What becomes of the allocations at relays, for those who use them and for the person who watches.
#include "agent/relays.h"

namespace bamgate::agent {
namespace {

// Sockets of the system have smaller numbers.
constexpr std::uint32_t kFirstSocket = 0x8000'0000;

/// What a person can do where the server will go on saying no.
std::string refusal(const std::string& name, const turn::Failed& failed) {
  std::string text = "TURN server " + name + " is not used: ";
  switch (failed.reason) {
    case turn::Reason::kBadCredentials:
      text += "it refuses the username or the credential";
      break;
    case turn::Reason::kForbidden:
      text += "it does not let this account relay";
      break;
    default:
      text += turn::to_string(failed.reason);
      break;
  }
  if (failed.code != 0) text += " (" + std::to_string(failed.code) + ")";
  return text + "; mend [turn] in config.toml and secrets.toml, then reload";
}

}  // namespace

void Relays::pump(Instant now, Server& server) {
  while (const auto event = server.client.poll_event()) handle_event(now, server, *event);
}

void Relays::handle_event(Instant now, Server& server, const turn::Event& event) {
  if (const auto* wanted = std::get_if<turn::TransportWanted>(&event)) {
    if (server.is_udp()) {
      choose_socket(now, server);
    } else {
      open_line(server, *wanted);
    }
  } else if (const auto* allocated = std::get_if<turn::Allocated>(&event)) {
    take_allocation(server, *allocated);
  } else if (const auto* failed = std::get_if<turn::Failed>(&event)) {
    take_failure(now, server, *failed);
  } else if (std::holds_alternative<turn::Lost>(event) || std::holds_alternative<turn::Closed>(event)) {
    lose(server);
    if (server.is_leaving && !server.is_udp()) effects_.emplace_back(DisconnectRelay{server.line});
  } else if (std::holds_alternative<turn::PermissionInstalled>(event) ||
             std::holds_alternative<turn::ChannelBound>(event)) {
    send_waiting(now, server);
  }
}

void Relays::take_allocation(Server& server, const turn::Allocated& allocated) {
  lose(server);
  for (const auto& relayed : {allocated.relayed4, allocated.relayed6}) {
    if (!relayed) continue;
    const std::uint32_t number = ++next_;
    server.addresses.push_back({.relay = RelayId{number},
                                .socket = SocketId{kFirstSocket + number},
                                .relayed = *relayed,
                                .mapped = allocated.mapped,
                                .transport = server.transport});
    events_.emplace_back(server.addresses.back());
  }
  server.trouble = Server::Trouble::kNone;
  server.why_closed.clear();
  if (std::exchange(server.told, false)) {
    effects_.emplace_back(Notice{NoticeLevel::kInfo, "TURN server " + server.name() + " is used again"});
  }
}

// A person hears of a failure once, until the server has worked again or was configured otherwise. The hub's relay is
// the hub's own business.
void Relays::take_failure(Instant now, Server& server, const turn::Failed& failed) {
  using enum turn::Reason;
  const bool no_way = failed.reason == kNoAnswer || failed.reason == kUnreachable || failed.reason == kConnectionClosed;
  const bool for_good = failed.retry == kNever;
  server.trouble = for_good ? Server::Trouble::kRefused : no_way ? Server::Trouble::kNoWay : Server::Trouble::kBusy;
  if (failed.reason == kNoAnswer) effects_.emplace_back(ResolveServers{});
  if (for_good && !server.is_udp()) {
    server.client.clear_transport(now);
    effects_.emplace_back(DisconnectRelay{server.line});
  }
  // Without a socket of its family a server by UDP is no fault: the other family's serves.
  if (!server.own || server.is_leaving || (server.is_udp() && failed.reason == kUnreachable)) return;
  if (std::exchange(server.told, true)) return;
  if (for_good) {
    effects_.emplace_back(Notice{NoticeLevel::kWarning, refusal(server.name(), failed)});
    return;
  }
  std::string text = "TURN server " + server.name() + ": ";
  text += server.why_closed.empty() ? turn::to_string(failed.reason) : server.why_closed;
  if (failed.code != 0) text += " (" + std::to_string(failed.code) + ")";
  effects_.emplace_back(Notice{NoticeLevel::kWarning, text + "; it is tried again"});
}

void Relays::lose(Server& server) {
  server.waiting.clear();
  for (const RelayFound& gone : std::exchange(server.addresses, {})) events_.emplace_back(RelayGone{gone.socket});
}

}  // namespace bamgate::agent
