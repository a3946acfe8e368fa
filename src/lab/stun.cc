// bamgate lab stun: asks STUN servers how they see this machine (RFC 8489), and compares their answers: a NAT that
// gives one socket the same mapping for every destination has endpoint-independent mapping (RFC 4787 §4.1, RFC 5780
// §4.3). Left out: filtering tests (RFC 5780 §4.4), which need a server that answers from elsewhere; TCP and TLS.
#include <chrono>
#include <cstdio>

#include "inspect/describe.h"
#include "lab/lab.h"
#include "stun/binding.h"
#include "stun/client.h"
#include "stun/uri.h"

namespace bamgate::lab {
namespace {

/// Asks one server after the other from one socket.
class StunLab {
 public:
  StunLab(Link& link, SocketId socket, std::vector<Endpoint> servers)
      : link_(link), socket_(socket), servers_(std::move(servers)) {}

  ExitCode run() {
    link_.on_datagram([this](const Received& received) { handle(received); });
    ask();
    return link_.run();
  }

 private:
  void ask() {
    std::array<std::byte, 64> room;
    id_ = stun::make_transaction_id(link_.random());
    const auto size = stun::write_binding_request(room, id_);
    transmissions_ = 0;
    asked_at_ = link_.now();
    if (!size || !client_.send(link_.now(), Bytes(room).first(*size))) return link_.stop(ExitCode::kFailed);
    flush();
  }

  void flush() {
    const Endpoint& server = servers_[next_];
    while (const auto request = client_.poll_transmit()) {
      inspect::Description step = inspect::describe_stun(*request);
      if (++transmissions_ > 1) step.text = "transmission " + std::to_string(transmissions_) + ": " + step.text;
      link_.steps().message(StepKind::kSent, server.to_string(), step);
      link_.send({.local = socket_, .remote = server, .relay = {}}, *request);
    }
    if (client_.poll_failure()) {
      link_.steps().say(StepKind::kResult,
                        {"no answer from " + server.to_string() + " to " + std::to_string(transmissions_) +
                             " transmissions: is it a STUN server, and does a firewall let UDP through?",
                         "RFC 8489 §6.2.1"});
      return link_.stop(ExitCode::kFailed);
    }
    link_.wake_at(client_.next_timeout(), [this] {
      client_.handle_timeout(link_.now());
      flush();
    });
  }

  void handle(const Received& received) {
    const auto message = stun::Message::parse(received.data);
    const std::string from = received.path.remote.to_string();
    const auto answer = message ? client_.handle_response(link_.now(), *message, true, kKnown)
                                : std::expected<stun::Answer, stun::Error>(std::unexpected(message.error()));
    link_.steps().message(answer ? StepKind::kReceived : StepKind::kDropped, from,
                          inspect::describe_stun(received.data));
    if (!answer) return;
    const auto mapped = message->mapped_address();
    if (answer->error || !mapped) {
      link_.steps().say(StepKind::kResult, {"the server refuses, or tells no address", "RFC 8489 §6.3.4"});
      return link_.stop(ExitCode::kFailed);
    }
    report(*mapped, answer->round_trip);
    follow_other_address(*message);
    if (++next_ < servers_.size()) return ask();
    judge();
  }

  void report(const Endpoint& mapped, std::optional<Duration> round_trip) {
    const Endpoint local = link_.source_of({.local = socket_, .remote = servers_[next_], .relay = {}});
    mapped_.push_back(mapped);
    const double ms = std::chrono::duration<double, std::milli>(link_.now() - asked_at_).count();
    std::array<char, 64> time{};
    std::snprintf(time.data(), time.size(), round_trip ? "round trip %.2f ms" : "answered %.2f ms after the first", ms);
    const bool translated = local.address != mapped.address || local.port != mapped.port;
    link_.steps().say(StepKind::kResult,
                      {"mapped address " + mapped.to_string() + ", local " + local.to_string() + ", " + time.data() +
                           ", " + std::to_string(transmissions_) + " transmission" + (transmissions_ > 1 ? "s" : "") +
                           (translated ? "; there is a NAT" : "; no NAT"),
                       "RFC 8489 §14.2"},
                      {{"mapped", mapped.to_string()},
                       {"local", local.to_string()},
                       {"rtt_ms", round_trip ? json::Value(ms) : json::Value()},
                       {"transmissions", transmissions_}});
  }

  /// RFC 5780 §4.3: a server with a second address can be asked there by the same socket.
  void follow_other_address(const stun::Message& message) {
    const auto other = message.address(stun::Attribute::kOtherAddress);
    if (servers_.size() > 1 || !other || other->address.family() != servers_[0].address.family() ||
        other->address == servers_[0].address) {
      return;
    }
    servers_.push_back({other->address, servers_[0].port});
    link_.steps().say(StepKind::kEvent,
                      {"the server has another address, " + servers_[1].to_string(), "RFC 5780 §7.4"});
  }

  void judge() {
    const bool one_place = servers_.size() < 2;
    bool same = true;
    for (const Endpoint& mapped : mapped_) same &= mapped == mapped_[0];
    if (!one_place) {
      link_.steps().say(StepKind::kResult,
                        {same ? "endpoint-independent mapping: all servers see one address, so a peer can be told it"
                              : "address-dependent mapping: each server sees another address (a symmetric NAT), so a "
                                "direct path needs a peer that is better off",
                         "RFC 4787 §4.1, RFC 5780 §4.3"},
                        {{"endpoint_independent", same}});
    }
    link_.stop(ExitCode::kDone);
  }

  // RFC 8489 §18.3: what a Binding response may carry that must be understood.
  static constexpr std::array kKnown = {stun::Attribute::kMappedAddress, stun::Attribute::kXorMappedAddress,
                                        stun::Attribute::kErrorCode, stun::Attribute::kUnknownAttributes};

  Link& link_;
  SocketId socket_;
  std::vector<Endpoint> servers_;
  std::vector<Endpoint> mapped_;
  stun::Client client_{stun::Transport::kUnreliable};
  stun::TransactionId id_{};
  std::size_t next_ = 0;
  unsigned transmissions_ = 0;
  Instant asked_at_;
};

}  // namespace

ExitCode run_stun(const StunArguments& arguments) {
  auto link = Link::create(arguments.lab, stdout);
  if (!link) return fail(link.error().code, link.error().text);
  std::vector<Endpoint> servers;
  for (const std::string& text : arguments.servers) {
    const auto server = (*link)->resolve(text, stun::kDefaultPort);
    if (!server) return fail(server.error().code, server.error().text);
    servers.push_back(*server);
    if (server->address.family() != servers[0].address.family()) {
      return fail(ExitCode::kUsage, "the servers must be of one family: one socket asks them all");
    }
  }
  const auto bind = arguments.listen.empty() ? Link::any_for(servers[0]) : (*link)->resolve(arguments.listen);
  if (!bind) return fail(bind.error().code, bind.error().text);
  const auto socket = (*link)->open(*bind);
  if (!socket) return fail(socket.error().code, socket.error().text);
  return StunLab(**link, *socket, std::move(servers)).run();
}

}  // namespace bamgate::lab
