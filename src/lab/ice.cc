// bamgate lab ice: two machines find a path to each other (RFC 8445) and keep consent on it (RFC 7675); nothing else
// travels there. Each candidate, check, nomination and consent check is shown.
// Left out: trickle (a description holds all candidates), relayed candidates.
#include <cstdio>

#include "ice/agent.h"
#include "ice/with_gatherer.h"
#include "inspect/describe.h"
#include "lab/lab.h"

namespace bamgate::lab {
namespace {

class IceLab {
 public:
  IceLab(Link& link, const PeerArguments& arguments, const ice::Options& options,
         const std::vector<Endpoint>& stun_servers)
      : link_(link),
        arguments_(arguments),
        agent_(link.random(), stun_servers, options, link.random(), link.crypto()),
        exchange_(
            link, arguments, [this](const json::Value& description) { take(description); },
            [this](std::string_view line) {
              if (line == "quit") close();
            },
            [] {}) {}

  ExitCode run(const std::vector<LocalSocket>& sockets) {
    link_.on_datagram([this](const Received& received) { handle(received); });
    link_.on_interrupt([this] { close(); });
    add_sockets(link_, agent_, sockets);
    exchange_.start();
    flush();
    return link_.run();
  }

 private:
  void take(const json::Value& description) {
    const std::string* ufrag = description.get_string("ufrag");
    const std::string* pwd = description.get_string("pwd");
    const json::Array* candidates = description.get_array("candidates");
    if (ufrag == nullptr || pwd == nullptr || candidates == nullptr)
      return exchange_.refuse("it lacks ufrag, pwd or candidates");
    if (const auto set = agent_.set_remote_credentials(link_.now(), {*ufrag, *pwd}); !set) {
      return exchange_.refuse(std::string(ice::to_string(set.error())));
    }
    for (const json::Value& candidate : *candidates) {
      const std::string* line = candidate.as_string();
      const auto added = line == nullptr ? std::unexpected(ice::Error::kBadCandidate)
                                         : agent_.add_remote_candidate_line(link_.now(), *line);
      link_.steps().say(
          added ? StepKind::kEvent : StepKind::kDropped,
          {"remote " + (line == nullptr ? std::string("candidate that is no text") : *line), "RFC 8839 §5.1"});
    }
    agent_.set_remote_candidates_complete(link_.now());
    link_.steps().say(StepKind::kEvent, {std::to_string(agent_.pair_count()) + " pairs to check", "RFC 8445 §6.1.2"});
    taken_ = true;
    if (!arguments_.offers && gathered_) publish();
    flush();
  }

  void publish() {
    exchange_.publish(json::Object{{"type", arguments_.offers ? "offer" : "answer"},
                                   {"ufrag", agent_.local_credentials().ufrag},
                                   {"pwd", agent_.local_credentials().pwd},
                                   {"candidates", candidates_}});
  }

  void handle(const Received& received) {
    inspect::Description step = inspect::describe_stun(received.data);
    const auto handled = agent_.handle_input(link_.now(), received);
    if (!handled) step.text += ": dropped, " + std::string(ice::to_string(handled.error()));
    link_.steps().message(handled ? StepKind::kReceived : StepKind::kDropped, received.path.remote.to_string(), step);
    flush();
  }

  void transmit(const Transmit& transmit, Bytes datagram) {
    inspect::Description step = inspect::describe_stun(datagram);
    // RFC 7675 §5.1: what is asked on the path that is in use asks for consent.
    if (agent_.may_send() && step.text.starts_with("check,")) {
      step = {"consent " + step.text, "RFC 7675 §5.1"};
    }
    link_.steps().message(StepKind::kSent, transmit.path.remote.to_string(), step);
    link_.send(transmit.path, datagram);
  }

  void flush() {
    drain(
        link_, agent_, [this](const Transmit& sent, Bytes datagram) { transmit(sent, datagram); },
        [this](const ice::Agent::Event& event) { handle_event(event); },
        [this] {
          agent_.handle_timeout(link_.now());
          flush();
        });
  }

  void handle_event(const ice::Agent::Event& event) {
    if (const auto* local = std::get_if<ice::LocalCandidate>(&event)) {
      candidates_.emplace_back(local->candidate.to_string(agent_.local_credentials().ufrag));
      link_.steps().say(StepKind::kEvent, {"local " + local->candidate.to_string(), "RFC 8445 §5.1.1"});
    } else if (std::holds_alternative<ice::GatheringComplete>(event)) {
      gathered_ = true;
      link_.steps().say(StepKind::kEvent, {"all candidates are gathered", "RFC 8838 §13"});
      if (arguments_.offers || taken_) publish();
    } else if (const auto* selected = std::get_if<ice::PathSelected>(&event)) {
      link_.steps().say(
          StepKind::kResult,
          {"nominated: " + selected->local.describe() + " to " + selected->remote.describe(), "RFC 8445 §8.1.1"},
          {{"local", selected->local.describe()}, {"remote", selected->remote.describe()}});
    } else if (const auto* changed = std::get_if<ice::StateChanged>(&event)) {
      show_state(changed->state);
    }
  }

  void show_state(ice::State state) {
    link_.steps().say(StepKind::kEvent, {"state " + std::string(ice::to_string(state)), "RFC 8445 §6.1.3"},
                      {{"state", ice::to_string(state)}});
    if (state == ice::State::kFailed || state == ice::State::kDisconnected) link_.stop(ExitCode::kFailed);
  }

  void close() {
    const bool connected = agent_.may_send();
    agent_.close(link_.now());
    link_.stop(connected ? ExitCode::kDone : ExitCode::kFailed);
  }

  Link& link_;
  const PeerArguments& arguments_;
  ice::WithGatherer<ice::Agent> agent_;
  Exchange exchange_;
  json::Array candidates_;
  bool gathered_ = false;
  bool taken_ = false;
};

}  // namespace

ExitCode run_ice(const PeerArguments& arguments) {
  auto opened = open_peer_link(arguments);
  if (!opened) return fail(opened.error().code, opened.error().text);
  Link& link = *opened->link;
  ice::Options options;
  options.role = arguments.offers ? ice::Role::kControlling : ice::Role::kControlled;
  options.local = ice::Credentials::generate(link.random());
  options.allow_loopback = wants_loopback(arguments);
  return IceLab(link, arguments, options, opened->stun_servers).run(opened->sockets);
}

}  // namespace bamgate::lab
