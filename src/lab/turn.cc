// bamgate lab turn: allocates an address at a TURN server (RFC 8656) and exchanges lines with a peer through it: lines
// of standard input go to the peer, one packet each; what the peer sends goes to standard output; the steps go to
// standard error. The first packet travels in a Send indication, the others through a channel.
// Left out: more than one peer to send to; with --echo whatever a peer with permission sends goes back to it.
#include <cstdio>

#include "core/encoding.h"
#include "core/plain_text.h"
#include "inspect/describe.h"
#include "lab/lab.h"
#include "lab/turn_carrier.h"
#include "net/clock.h"
#include "net/goodbye.h"
#include "os/answer.h"
#include "os/file.h"
#include "turn/client.h"

namespace bamgate::lab {
namespace {

// What standard input may tell the tool, where a line begins so.
constexpr std::string_view kPeerCommand = "/peer ";
constexpr std::string_view kCheckCommand = "/check";
constexpr std::size_t kMostEarly = 1024;    // lines that wait for a permission
constexpr std::size_t kLongestLine = 1200;  // bytes of one packet
constexpr std::size_t kMaxPasswordFile = 4096;

class TurnLab {
 public:
  TurnLab(Link& link, const TurnArguments& arguments, const TurnServer& server, const net::Trust& trust,
          turn::Credentials credentials)
      : link_(link),
        arguments_(arguments),
        client_({.transport = server.transport, .families = arguments.families}, std::move(credentials), link.random(),
                link.crypto()),
        carrier_(TurnCarrier::create(link, server, trust, arguments.bearer,
                                     {.on_open = [this](const Path& path) { opened(path); },
                                      .on_message = [this](MutableBytes message) { handle(message); },
                                      .on_close = [this](const std::string& why) { closed(why); }})),
        server_(arguments.server),
        goodbye_(link.loop()) {}

  ExitCode run() {
    link_.on_line([this](std::string_view line) { take_line(line); }, [this] { end_of_input(); });
    link_.on_interrupt([this] { close(); });
    for (const Endpoint& peer : arguments_.peers) add_peer(peer);
    flush();
    return link_.run();
  }

 private:
  void opened(const Path& path) {
    link_.steps().say(StepKind::kEvent, {"there is a way to " + server_, "RFC 8656 §3.1"});
    client_.set_transport(link_.now(), path);
    flush();
  }

  void closed(const std::string& why) {
    link_.steps().say(StepKind::kEvent, {.text = "no way to " + server_ + ": " + why});
    client_.clear_transport(link_.now());
    flush();
  }

  void handle(MutableBytes message) {
    const inspect::Description step = inspect::describe_turn(message);
    const auto received = client_.receive(link_.now(), message);
    link_.steps().message(received ? StepKind::kReceived : StepKind::kDropped, server_, step);
    if (!received) link_.steps().say(StepKind::kDropped, {.text = turn::to_string(received.error())});
    if (received && *received) take_data((*received)->peer, (*received)->data);
    flush();
  }

  void take_data(const Endpoint& peer, Bytes data) {
    std::fwrite(data.data(), 1, data.size(), stdout);
    os::flush_answer(stdout);
    if (arguments_.echo) send(peer, data);
  }

  void flush() {
    drain(
        link_, client_, [this](const Transmit&, Bytes message) { transmit(message); },
        [this](const turn::Event& event) { std::visit([this](const auto& what) { tell(what); }, event); },
        [this] {
          client_.handle_timeout(link_.now());
          flush();
        });
  }

  void transmit(Bytes message) {
    link_.steps().message(StepKind::kSent, server_, inspect::describe_turn(message));
    carrier_->send(message);
  }

  void tell(const turn::TransportWanted& wanted) {
    link_.steps().say(StepKind::kEvent, {"opening a way to " + (wanted.alternate ? wanted.server.to_string() : server_),
                                         wanted.alternate ? "RFC 8489 §10" : "RFC 8656 §3.1"});
    // Not from inside of the client: what opens at once calls it again.
    link_.loop().post(
        [this, to = wanted.alternate ? std::optional(wanted.server) : std::nullopt] { carrier_->open(to); });
  }

  void tell(const turn::Allocated& allocated) {
    json::Object extra{{"mapped", allocated.mapped.to_string()}, {"lifetime_s", allocated.lifetime.count()}};
    std::string text = "relayed address";
    if (allocated.relayed4) {
      extra.emplace_back("relayed", allocated.relayed4->to_string());
      text += " " + allocated.relayed4->to_string();
    }
    if (allocated.relayed6) {
      extra.emplace_back(allocated.relayed4 ? "relayed6" : "relayed", allocated.relayed6->to_string());
      text += " " + allocated.relayed6->to_string();
    }
    text += ", mapped address " + allocated.mapped.to_string() + ", for " + std::to_string(allocated.lifetime.count()) +
            " s";
    if (allocated.missing_code) {
      text += "; the other family was refused with " + std::to_string(*allocated.missing_code);
      extra.emplace_back("missing_code", static_cast<std::int64_t>(*allocated.missing_code));
    }
    link_.steps().say(StepKind::kResult, {text, "RFC 8656 §7.3"}, std::move(extra));
    if (input_ended_ && early_.empty() && !arguments_.echo) close();
  }

  void tell(const turn::Lost& lost) {
    link_.steps().say(StepKind::kEvent,
                      {std::string("the allocation is lost: ") + turn::to_string(lost.reason), "RFC 8656 §8.3"},
                      {{"lost", turn::to_string(lost.reason)}});
  }

  void tell(const turn::Failed& failed) {
    const bool for_good = failed.retry == kNever;
    std::string text = std::string("no allocation: ") + turn::to_string(failed.reason);
    if (failed.code != 0) text += " (" + std::to_string(failed.code) + ")";
    if (!for_good) text += "; it is tried again";
    link_.steps().say(for_good ? StepKind::kResult : StepKind::kEvent, {text, "RFC 8656 §7.4"},
                      {{"failed", turn::to_string(failed.reason)}, {"code", static_cast<std::int64_t>(failed.code)}});
    if (for_good) end(ExitCode::kFailed);
  }

  void tell(const turn::Redirected& redirected) {
    link_.steps().say(StepKind::kEvent, {"sent on to " + redirected.server.to_string(), "RFC 8489 §10"});
    server_ = redirected.server.to_string();
  }

  void tell(const turn::PermissionInstalled& installed) {
    link_.steps().say(StepKind::kEvent, {"permission for " + installed.address.to_string(), "RFC 8656 §10.3"},
                      {{"permission", installed.address.to_string()}});
    if (!peer_ || peer_->address != installed.address) return;
    for (const std::string& line : std::exchange(early_, {})) send(*peer_, as_bytes(line));
    if (input_ended_ && !arguments_.echo) close();
  }

  void tell(const turn::PermissionRefused& refused) {
    link_.steps().say(StepKind::kResult,
                      {"no permission for " + refused.address.to_string() + " (" + std::to_string(refused.code) + ")",
                       "RFC 8656 §10.3"});
  }

  void tell(const turn::ChannelBound& bound) {
    link_.steps().say(
        StepKind::kEvent,
        {"channel 0x" + to_hex(big_endian(bound.number)) + " to " + bound.peer.to_string(), "RFC 8656 §12.3"},
        {{"channel", bound.peer.to_string()}});
  }

  void tell(const turn::ChannelRefused& refused) {
    link_.steps().say(StepKind::kEvent, {"no channel to " + refused.peer.to_string() + " (" +
                                             std::to_string(refused.code) + "): it goes on without",
                                         "RFC 8656 §12.3"});
  }

  void tell(const turn::IcmpHeard& heard) {
    link_.steps().say(StepKind::kEvent, {"the relay heard ICMP type " + std::to_string(heard.error.type) + " code " +
                                             std::to_string(heard.error.code) + " of " + heard.peer.to_string(),
                                         "RFC 8656 §11.6"});
  }

  void tell(const turn::Closed&) {
    link_.steps().say(StepKind::kResult, {"closed: the allocation is deleted", "RFC 8656 §8"});
    end(ExitCode::kDone);
  }

  void end(ExitCode code) {
    goodbye_.expires_at(net::now() + net::kGoodbyeTime, [this, code] { link_.stop(code); });
  }

  void add_peer(const Endpoint& peer) {
    peer_ = peer;
    if (!client_.permit(link_.now(), peer.address)) {
      link_.steps().say(StepKind::kDropped, {.text = "too many peers: none is added"});
    }
  }

  void take_line(std::string_view line) {
    if (line.starts_with(kPeerCommand)) {
      const auto peer = Endpoint::parse(line.substr(kPeerCommand.size()));
      if (!peer) {
        link_.steps().say(StepKind::kDropped, {.text = "'" + std::string(line) + "': /peer takes ADDR:PORT"});
        return;
      }
      add_peer(*peer);
    } else if (line == kCheckCommand) {
      client_.check(link_.now());
    } else if (!peer_ || !client_.has_permission(link_.now(), peer_->address)) {
      if (early_.size() < kMostEarly) early_.push_back(std::string(line) + "\n");
    } else {
      send(*peer_, as_bytes(std::string(line) + "\n"));
    }
    flush();
  }

  void send(const Endpoint& peer, Bytes data) {
    PacketBuffer packet = link_.pool().copy(data.first(std::min(data.size(), kLongestLine)));
    if (const auto sealed = client_.seal(link_.now(), peer, packet); !sealed) {
      link_.steps().say(StepKind::kDropped, {.text = std::string("not sent: ") + turn::to_string(sealed.error())});
      return;
    }
    transmit(packet.data());
    if (arguments_.channels) (void)client_.bind(link_.now(), peer);
  }

  void end_of_input() {
    input_ended_ = true;
    // What waits for a permission is sent first; without --echo nobody else is waited for.
    if (client_.state() == turn::Client::State::kReady && (early_.empty() || !peer_) && !arguments_.echo) close();
  }

  void close() {
    client_.close(link_.now());
    flush();
  }

  Link& link_;
  const TurnArguments& arguments_;
  turn::Client client_;
  std::unique_ptr<TurnCarrier> carrier_;
  std::string server_;
  net::Timer goodbye_;
  std::optional<Endpoint> peer_;
  std::vector<std::string> early_;
  bool input_ended_ = false;
};

std::expected<turn::Credentials, Failure> credentials_of(const TurnArguments& arguments) {
  if (arguments.password_file.empty()) {
    return turn::Credentials{.username = arguments.user, .password = SecretText(arguments.password)};
  }
  if (const auto safe = os::check_private(arguments.password_file); !safe) return refuse(safe.error());
  auto text = os::read_file(arguments.password_file, kMaxPasswordFile);
  if (!text) return refuse(text.error());
  turn::Credentials credentials{.username = arguments.user, .password = SecretText(trim_text(*text))};
  wipe(std::as_writable_bytes(std::span(*text)));
  if (credentials.password.empty()) return os::usage(arguments.password_file + " holds no password");
  return credentials;
}

std::expected<net::Trust, Failure> trust_of(const TurnArguments& arguments) {
  net::Trust trust;
  if (!arguments.ca_file.empty()) trust.ca_file = arguments.ca_file;
  if (arguments.pin.empty()) return trust;
  const auto pin = from_base64url(arguments.pin);
  if (!pin || pin->size() != sizeof(Sha256Digest)) {
    return os::usage("--pin takes the SHA-256 of the server's public key in base64url, as fp= of a join string");
  }
  trust.pin.emplace();
  copy_bytes(*pin, *trust.pin);
  return trust;
}

}  // namespace

ExitCode run_turn(const TurnArguments& arguments) {
  const auto server = parse_turn_server(arguments.server);
  if (!server) return fail(server.error().code, server.error().text);
  auto credentials = credentials_of(arguments);
  if (!credentials) return fail(credentials.error().code, credentials.error().text);
  const auto trust = trust_of(arguments);
  if (!trust) return fail(trust.error().code, trust.error().text);
  auto link = Link::create(arguments.lab, stderr);
  if (!link) return fail(link.error().code, link.error().text);
  return TurnLab(**link, arguments, *server, *trust, std::move(*credentials)).run();
}

}  // namespace bamgate::lab
