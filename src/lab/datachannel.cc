// bamgate lab datachannel: one WebRTC connection with one data channel (RFC 8831), with another bamgate or a browser:
// the lines that are exchanged are what JSON.stringify(connection.localDescription) gives there. Lines of standard
// input go through the channel as texts, and what comes goes to standard output. A later offer of either side restarts
// ICE; the line /restart makes one. Left out: trickle, several channels.
#include <cstdint>
#include <cstdio>

#include "ice/with_gatherer.h"
#include "inspect/describe.h"
#include "lab/lab.h"
#include "net/clock.h"
#include "net/goodbye.h"
#include "os/answer.h"
#include "peer/demux.h"
#include "peer/peer_connection.h"
#include "sctp/engine.h"

namespace bamgate::lab {
namespace {

// In the place of a line for the channel.
constexpr std::string_view kRestart = "/restart";

inspect::Description state_text(peer::State state) {
  switch (state) {
    case peer::State::kNew:
    case peer::State::kFindingPath:
      return {"ICE looks for a path", "RFC 8445 §6.1.4"};
    case peer::State::kSecuring:
      return {"a path is nominated; DTLS shakes hands on it", "RFC 8842 §5"};
    case peer::State::kAssociating:
      return {"DTLS is up; inside it SCTP begins, from both sides at once", "RFC 8261 §6.1, RFC 8841 §9.3"};
    case peer::State::kConnected:
      return {"the SCTP association is up", "RFC 9260 §5.1"};
    case peer::State::kClosed:
      return {"closed", "RFC 8831 §6.7"};
  }
  return {};
}

class ChannelLab {
 public:
  ChannelLab(Link& link, const PeerArguments& arguments, const peer::PeerConnection::Options& options,
             const std::vector<Endpoint>& stun_servers, sctp::EngineFactory& engines)
      : link_(link),
        arguments_(arguments),
        connection_(link.random(), stun_servers, options, link.random(), link.crypto(), link.pool(), engines),
        exchange_(
            link, arguments, [this](const json::Value& description) { take(description); },
            [this](std::string_view line) { send(line); }, [this] { end_of_input(); }),
        goodbye_(link.loop()) {}

  ExitCode run(const std::vector<LocalSocket>& sockets) {
    link_.on_datagram([this](const Received& received) { handle(received); });
    link_.on_interrupt([this] { close(); });
    add_sockets(link_, connection_, sockets);
    exchange_.start();
    flush();
    return link_.run();
  }

 private:
  void take(const json::Value& description) {
    const std::string* sdp = description.get_string("sdp");
    if (described_) {
      take_later(description.get_string("type"), sdp);
    } else if (sdp == nullptr) {
      return exchange_.refuse("it has no \"sdp\"");
    } else {
      take_first(*sdp);
    }
    flush();
  }

  void take_first(std::string_view sdp) {
    if (arguments_.offers) {
      if (const auto done = connection_.accept_answer(link_.now(), sdp); !done) {
        return exchange_.refuse(to_string(done.error()));
      }
    } else {
      const auto answer = connection_.accept_offer(link_.now(), sdp);
      if (!answer) return exchange_.refuse(to_string(answer.error()));
      answer_ = *answer;
      if (gathered_) publish(answer_);
    }
    described_ = true;
    exchange_.expect_more();
  }

  /// RFC 8839 §4.4.1.1.1: an offer of the same session restarts ICE. What is of no use changes nothing.
  void take_later(const std::string* type, const std::string* sdp) {
    if (type == nullptr || sdp == nullptr) return note_useless("it has no \"type\" or no \"sdp\"");
    if (*type == "answer") {
      const auto done = connection_.accept_answer(link_.now(), *sdp);
      if (!done) note_useless(to_string(done.error()));
      return;
    }
    const auto answer = connection_.accept_offer(link_.now(), *sdp);
    if (!answer) return note_useless(to_string(answer.error()));
    link_.steps().say(StepKind::kEvent, {"the other side restarts ICE; data goes on over the present path",
                                         "RFC 8445 §9, RFC 8839 §4.4.1.1.1"});
    exchange_.publish(json::Object{{"type", "answer"}, {"sdp", *answer}});
  }

  void note_useless(std::string_view why) {
    link_.steps().say(StepKind::kDropped,
                      {"a later description of the other side: " + std::string(why), "RFC 3264 §8"});
  }

  void restart() {
    const auto offer = connection_.restart(link_.now());
    if (!offer) {
      return link_.steps().say(StepKind::kDropped, {std::string("/restart: ") + to_string(offer.error())});
    }
    link_.steps().say(StepKind::kEvent,
                      {"we restart ICE; data goes on over the present path", "RFC 8445 §9, RFC 8839 §4.4.1.1.1"});
    exchange_.publish(json::Object{{"type", "offer"}, {"sdp", *offer}});
    flush();
  }

  void publish(std::string sdp) {
    for (const std::string& candidate : candidates_) sdp += "a=" + candidate + "\r\n";
    constexpr std::string_view kEnd = "a=end-of-candidates\r\n";
    if (!sdp.ends_with(kEnd)) sdp += kEnd;
    exchange_.publish(json::Object{{"type", arguments_.offers ? "offer" : "answer"}, {"sdp", sdp}});
  }

  void handle(const Received& received) {
    show(StepKind::kReceived, received.path.remote, received.data);
    (void)connection_.handle_input(link_.now(), received);
    flush();
  }

  /// Once data travels, the records of DTLS say nothing more.
  void show(StepKind kind, const Endpoint& remote, Bytes datagram) {
    const auto protocol = peer::classify(datagram);
    if (protocol == peer::Protocol::kStun) {
      link_.steps().message(kind, remote.to_string(), inspect::describe_stun(datagram));
    } else if (protocol == peer::Protocol::kDtls && connection_.state() != peer::State::kConnected) {
      // RFC 8842 §5.3: who answers is the client, as we do and browsers.
      const bool from_client = (kind == StepKind::kSent) != arguments_.offers;
      for (const inspect::Description& step : inspect::describe_dtls(datagram, from_client)) {
        link_.steps().message(kind, remote.to_string(), step);
      }
    }
  }

  void flush() {
    drain(
        link_, connection_,
        [this](const Transmit& transmit, Bytes datagram) {
          show(StepKind::kSent, transmit.path.remote, datagram);
          link_.send(transmit.path, datagram);
        },
        [this](peer::PeerConnection::Event event) { handle_event(std::move(event)); },
        [this] {
          connection_.handle_timeout(link_.now());
          flush();
        });
    note_refused();
    send_waiting();
  }

  /// What the peer says about its channels and we cannot use leaves no other trace here.
  void note_refused() {
    const std::uint64_t refused = connection_.sctp_counters().dcep_refused;
    if (refused <= refused_) return;
    refused_ = refused;
    link_.steps().say(
        StepKind::kDropped,
        {"a message about opening a channel that cannot be read or does not fit the channel's state", "RFC 8832 §6"},
        {{"dcep_refused", refused}});
  }

  void handle_event(peer::PeerConnection::Event event) {
    if (const auto* candidate = std::get_if<peer::LocalCandidate>(&event)) {
      if (!candidate->described) candidates_.push_back(candidate->line);
      link_.steps().say(StepKind::kEvent, {"local " + candidate->line, "RFC 8445 §5.1.1"});
    } else if (std::holds_alternative<peer::GatheringComplete>(event)) {
      if (std::exchange(gathered_, true)) return;  // of a restart: its description has all candidates
      if (arguments_.offers) {
        if (const auto offer = connection_.create_offer(link_.now())) publish(*offer);
      } else if (!answer_.empty()) {
        publish(answer_);
      }
    } else if (const auto* changed = std::get_if<peer::StateChanged>(&event)) {
      link_.steps().say(StepKind::kEvent, state_text(changed->state));
    } else if (const auto* selected = std::get_if<peer::PathSelected>(&event)) {
      link_.steps().say(
          StepKind::kEvent,
          {"nominated: " + selected->local.describe() + " to " + selected->remote.describe(), "RFC 8445 §8.1.1"},
          {{"ufrag", connection_.ice().local_credentials().ufrag}});
    } else if (std::holds_alternative<peer::RestartFailed>(event)) {
      link_.steps().say(StepKind::kEvent, {"the restart came to nothing; the path stays as it was", "RFC 8445 §9"});
    } else {
      handle_channel(event);
    }
  }

  void handle_channel(peer::PeerConnection::Event& event) {
    if (const auto* opened = std::get_if<peer::ChannelOpened>(&event)) {
      channel_ = opened->channel;
      link_.steps().say(StepKind::kEvent,
                        {"channel " + std::to_string(static_cast<unsigned>(opened->channel)) + " \"" +
                             opened->options.label + "\" is open",
                         "RFC 8832 §5"},
                        {{"label", opened->options.label}});
    } else if (const auto* message = std::get_if<peer::Message>(&event)) {
      const Bytes content = message->data.data();
      std::fwrite(content.data(), 1, content.size(), stdout);
      std::fputc('\n', stdout);
      os::flush_answer(stdout);
    } else if (std::holds_alternative<peer::ChannelClosed>(event)) {
      close();
    } else if (const auto* closed = std::get_if<peer::Closed>(&event)) {
      link_.steps().say(StepKind::kResult, {std::string("closed: ") + to_string(closed->reason), "RFC 9260 §9"});
      const bool in_order = channel_.has_value();
      goodbye_.expires_at(net::now() + net::kGoodbyeTime,
                          [this, in_order] { link_.stop(in_order ? ExitCode::kDone : ExitCode::kFailed); });
    }
  }

  void send(std::string_view line) {
    if (line == kRestart) return restart();
    waiting_ = line;
    flush();
  }

  /// Input is read no faster than the channel takes it, and not before there is one.
  void send_waiting() {
    if (waiting_ && channel_) {
      const auto sent = connection_.send(link_.now(), *channel_, sctp::MessageKind::kText, as_bytes(*waiting_));
      if (sent || sent.error() != peer::Error::kWouldBlock) {
        if (!sent) link_.steps().say(StepKind::kDropped, {std::string("a line: ") + to_string(sent.error())});
        waiting_.reset();
        return flush();
      }
    }
    link_.hold_lines(waiting_.has_value());
    if (waiting_ || !channel_ || !std::exchange(input_ended_, false)) return;
    // What the channel has taken still arrives (RFC 8831 §6.7); the connection ends with the channel.
    connection_.close_channel(link_.now(), *channel_);
    flush();
  }

  void end_of_input() {
    input_ended_ = true;
    flush();
  }

  void close() {
    connection_.close(link_.now());
    flush();
  }

  Link& link_;
  const PeerArguments& arguments_;
  ice::WithGatherer<peer::PeerConnection> connection_;
  Exchange exchange_;
  net::Timer goodbye_;
  std::vector<std::string> candidates_;  // that came after our description
  std::string answer_;                   // waits for the candidates
  std::optional<std::string> waiting_;   // the one line that the channel has not taken yet
  std::optional<sctp::ChannelId> channel_;
  std::uint64_t refused_ = 0;  // of the peer's messages about channels
  bool gathered_ = false;
  bool described_ = false;  // the other side's first description is here
  bool input_ended_ = false;
};

}  // namespace

ExitCode run_datachannel(const PeerArguments& arguments) {
  auto opened = open_peer_link(arguments);
  if (!opened) return fail(opened.error().code, opened.error().text);
  Link& link = *opened->link;
  auto engines = sctp::make_engine_factory(link.random());
  if (!engines) return fail(ExitCode::kFailed, sctp::to_string(engines.error()));
  auto certificate = dtls::Certificate::generate(link.random(), net::unix_now());
  if (!certificate) return fail(ExitCode::kFailed, dtls::to_string(certificate.error()));
  peer::PeerConnection::Options options;
  options.offerer = arguments.offers;
  options.certificate = std::move(*certificate);
  options.unix_time = net::unix_now();
  options.allow_loopback = wants_loopback(arguments);
  sctp::ChannelOptions channel;
  channel.label = arguments.label;
  options.channels = {channel};
  options.key_log = link.key_log();
  return ChannelLab(link, arguments, options, opened->stun_servers, **engines).run(opened->sockets);
}

}  // namespace bamgate::lab
