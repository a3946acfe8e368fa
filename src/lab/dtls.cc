// bamgate lab dtls: DTLS 1.2 over plain UDP, as OpenSSL's s_client and s_server speak it: lines of standard input go to
// the peer, one record each; what the peer sends goes to standard output; the steps go to standard error.
// Left out: more than one peer at a time, certificates from files, cookies (a server here answers whoever comes first).
#include <chrono>
#include <cstdio>

#include "dtls/session.h"
#include "inspect/describe.h"
#include "lab/lab.h"
#include "net/clock.h"
#include "net/goodbye.h"
#include "os/answer.h"

namespace bamgate::lab {
namespace {

class DtlsLab {
 public:
  DtlsLab(Link& link, dtls::Session session, const Path& path, bool client, std::size_t mtu)
      : link_(link), session_(std::move(session)), path_(path), client_(client), mtu_(mtu), goodbye_(link.loop()) {}

  ExitCode run() {
    link_.on_datagram([this](const Received& received) { handle(received); });
    link_.on_line([this](std::string_view line) { send_line(std::string(line) + "\n"); }, [this] { end_of_input(); });
    link_.on_interrupt([this] { close(); });
    session_.start(link_.now());
    flush();
    return link_.run();
  }

 private:
  void handle(const Received& received) {
    if (path_.remote == Endpoint{}) path_.remote = received.path.remote;  // a server's first client
    if (received.path.remote != path_.remote) {
      link_.steps().message(StepKind::kDropped, received.path.remote.to_string(), {"not our peer"});
      return;
    }
    show(StepKind::kReceived, received.data);
    const auto handled = session_.handle_input(link_.now(), received);
    if (!handled) link_.steps().say(StepKind::kDropped, {dtls::to_string(handled.error()), "RFC 6347 §4.1.2.7"});
    flush();
  }

  void show(StepKind kind, Bytes datagram) {
    const bool sent = kind == StepKind::kSent;
    for (const inspect::Description& step : inspect::describe_dtls(datagram, client_ == sent)) {
      link_.steps().say(kind, step, {{"datagram_bytes", datagram.size()}});
    }
  }

  void transmit(Bytes datagram) {
    show(StepKind::kSent, datagram);
    link_.send(path_, datagram);
  }

  void flush() {
    drain(
        link_, session_, [this](const Transmit&, Bytes datagram) { transmit(datagram); },
        [this](dtls::Session::Event event) { handle_event(std::move(event)); },
        [this] {
          const Instant now = link_.now();
          link_.steps().say(StepKind::kEvent, {"a flight got no answer in time", "RFC 6347 §4.2.4.1"});
          session_.handle_timeout(now);
          flush();
        });
  }

  void handle_event(dtls::Session::Event event) {
    if (const auto* connected = std::get_if<dtls::Connected>(&event)) {
      link_.steps().say(
          StepKind::kEvent,
          {"connected with " + std::string(connected->cipher_suite) + ", " + std::to_string(connected->overhead) +
               " bytes around each record, datagrams of at most " + std::to_string(mtu_) +
               " bytes; the peer's certificate is sha-256 " + connected->remote.to_string(),
           "RFC 6347 §4.2.6"},
          {{"cipher_suite", connected->cipher_suite}, {"fingerprint", connected->remote.to_string()}});
      for (const std::string& line : std::exchange(early_, {})) send_line(line);
      if (input_ended_) close();
    } else if (const auto* data = std::get_if<dtls::ApplicationData>(&event)) {
      const Bytes content = data->packet.data();
      std::fwrite(content.data(), 1, content.size(), stdout);
      os::flush_answer(stdout);
    } else if (const auto* closed = std::get_if<dtls::Closed>(&event)) {
      finish(closed->reason);
    }
  }

  void finish(dtls::Error reason) {
    const bool in_order = reason == dtls::Error::kClosedByPeer || reason == dtls::Error::kClosedLocally;
    link_.steps().say(StepKind::kResult, {std::string("closed: ") + dtls::to_string(reason), "RFC 5246 §7.2.1"});
    code_ = in_order ? ExitCode::kDone : ExitCode::kFailed;
    goodbye_.expires_at(net::now() + net::kGoodbyeTime, [this] { link_.stop(code_); });
  }

  void send_line(const std::string& line) {
    if (!session_.connected()) {
      if (early_.size() < kMaxEarly) early_.push_back(line);
      return;
    }
    const std::size_t most = mtu_ - session_.overhead();
    for (Bytes rest = as_bytes(line); !rest.empty();) {
      const Bytes piece = rest.first(std::min(rest.size(), most));
      rest = rest.subspan(piece.size());
      PacketBuffer packet = link_.pool().copy(piece);
      if (!session_.seal(link_.now(), packet)) return flush();
      transmit(packet.data());
    }
  }

  void end_of_input() {
    input_ended_ = true;
    if (session_.connected()) close();
  }

  /// Standard input has ended, or Ctrl-C.
  void close() {
    session_.close(link_.now());
    flush();
  }

  static constexpr std::size_t kMaxEarly = 1024;  // lines that wait for the handshake

  Link& link_;
  dtls::Session session_;
  Path path_;  // its remote is unknown to a server before the first datagram
  bool client_;
  std::size_t mtu_;
  net::Timer goodbye_;
  std::vector<std::string> early_;
  bool input_ended_ = false;
  ExitCode code_ = ExitCode::kDone;
};

std::expected<dtls::Session, Failure> make_session(Link& link, const DtlsArguments& arguments) {
  auto certificate = dtls::Certificate::generate(link.random(), net::unix_now());
  if (!certificate) return std::unexpected(Failure{ExitCode::kFailed, dtls::to_string(certificate.error())});
  link.steps().say(StepKind::kEvent,
                   {"our certificate is sha-256 " + (*certificate)->fingerprint().to_string(), "RFC 8122 §5"});
  dtls::Fingerprints fingerprints = dtls::Fingerprints::anybody();
  if (!arguments.fingerprint.empty()) {
    const auto fingerprint = dtls::Fingerprint::parse(arguments.fingerprint);
    if (!fingerprint) {
      return std::unexpected(Failure{ExitCode::kUsage, "--fingerprint takes the SHA-256 of a certificate, as AB:CD:…"});
    }
    fingerprints = *fingerprint;
  } else {
    std::fprintf(stderr, "bamgate: without --fingerprint any certificate of the peer is accepted, and shown\n");
  }
  dtls::Session::Options options;
  options.role = arguments.listens ? dtls::Role::kServer : dtls::Role::kClient;
  options.certificate = std::move(*certificate);
  options.remote_fingerprints = std::move(fingerprints);
  options.unix_time = net::unix_now();
  options.random = &link.random();
  options.pool = &link.pool();
  options.handshake_mtu = arguments.mtu;
  options.data_mtu = arguments.mtu;
  options.handshake_timeout = arguments.listens ? std::chrono::hours(1) : std::chrono::seconds(30);
  options.key_log = link.key_log();
  auto session = dtls::Session::create(options);
  if (!session) return std::unexpected(Failure{ExitCode::kFailed, dtls::to_string(session.error())});
  return std::move(*session);
}

}  // namespace

ExitCode run_dtls(const DtlsArguments& arguments) {
  auto link = Link::create(arguments.lab, stderr);
  if (!link) return fail(link.error().code, link.error().text);
  const auto endpoint = (*link)->resolve(arguments.endpoint);
  if (!endpoint) return fail(endpoint.error().code, endpoint.error().text);
  auto session = make_session(**link, arguments);
  if (!session) return fail(session.error().code, session.error().text);
  const auto socket = (*link)->open(arguments.listens ? *endpoint : Link::any_for(*endpoint));
  if (!socket) return fail(socket.error().code, socket.error().text);
  const Path path{.local = *socket, .remote = arguments.listens ? Endpoint{} : *endpoint, .relay = {}};
  return DtlsLab(**link, std::move(*session), path, !arguments.listens, arguments.mtu).run();
}

}  // namespace bamgate::lab
