// bamgate lab wg: WireGuard over plain UDP, as wireguard-go or the kernel speak it, with ours in the place of one of
// them: as a real interface (--tun, needs root), or as a host inside this process that answers pings and sends them.
// Commands on standard input steer it: see kHelp. Left out: several peers, IPv6 in the host inside this process.
#include <charconv>
#include <cstdio>

#include "core/plain_text.h"
#include "inspect/inner_host.h"
#include "lab/lab.h"
#include "lab/wg_session.h"
#include "os/file.h"
#include "os/netlink.h"
#include "os/tun.h"

namespace bamgate::lab {
namespace {

constexpr std::size_t kMaxKeyFile = 1024;
constexpr std::uint32_t kMtu = 1420;  // what WireGuard's other implementations take: 1,500 - 80
constexpr int kPacketsAtOnce = 64;

constexpr const char* kHelp =
    "commands: ping [COUNT], initiate, burst COUNT, roam [ADDR:PORT], load on|off, status, quit";

/// The one line of a file that only its owner may read.
template <typename Key>
std::expected<Key, Failure> read_key(const std::string& path) {
  if (const auto safe = os::check_private(path); !safe) return refuse(safe.error());
  auto text = os::read_file(path, kMaxKeyFile);
  if (!text) return refuse(text.error());
  const auto key = Key::parse(trim_text(*text));
  wipe(std::as_writable_bytes(std::span(*text)));
  if (!key) return os::usage(path + " holds no key: 'bamgate genkey' makes one");
  return *key;
}

class WgLab {
 public:
  WgLab(Link& link, const WgArguments& arguments, SocketId socket, const WgSession::Options& options,
        const IpPrefix& address, std::optional<os::Tun> tun)
      : link_(link),
        arguments_(arguments),
        listen_(link.local(socket)),
        inner_(address.address, link.pool(), inspect::InnerHost::kPatience * arguments.time_lapse),
        tun_(std::move(tun)),
        session_(
            link, socket, options, [this](PacketBuffer packet) { deliver(std::move(packet)); }, [this] { flush(); }) {}

  ExitCode run() {
    if (!session_.ready()) return fail(ExitCode::kUsage, "the peer's public key is our own, or no key at all");
    if (tun_) {
      tun_watcher_ = std::make_unique<net::FdWatcher>(link_.loop(), tun_->fd());
      tun_watcher_->on_readable([this] { read_tun(); });
    }
    link_.on_line([this](std::string_view line) { command(line); }, [] {});
    if (arguments_.ping) ping(arguments_.count);
    if (arguments_.initiate) session_.initiate();
    flush();
    return link_.run();
  }

 private:
  void deliver(PacketBuffer packet) {
    if (tun_) {
      (void)tun_->write(packet.data());
    } else {
      inner_.handle(link_.now(), packet.data());
    }
  }

  void read_tun() {
    for (int i = 0; i < kPacketsAtOnce; ++i) {
      PacketBuffer packet = link_.pool().take();
      const auto read = tun_->read(packet);
      if (!read) {
        link_.steps().say(StepKind::kResult, {read.error().text});
        return link_.stop(ExitCode::kFailed);
      }
      if (*read == os::TunRead::kNone) break;
      session_.send_packet(std::move(packet));
    }
    flush();
  }

  void flush() {
    // One packet that waits for a session is enough to ask for it.
    while (!session_.has_waiting()) {
      auto packet = inner_.poll_packet(link_.now());
      if (!packet) break;
      session_.send_packet(std::move(*packet));
    }
    session_.flush();
    if (pinging_ && inner_.done()) finish_ping();
    link_.wake_at(std::min(session_.next_timeout(), inner_.next_timeout()), [this] {
      session_.handle_timeout();
      inner_.handle_timeout(link_.now());
      flush();
    });
  }

  void ping(std::uint32_t count) {
    pinging_ = true;
    inner_.ping(*arguments_.ping, count);
  }

  void finish_ping() {
    pinging_ = false;
    const inspect::InnerHost::Counters& counters = inner_.counters();
    link_.steps().say(StepKind::kResult,
                      {"pings: " + std::to_string(counters.sent) + " sent, " + std::to_string(counters.answered) +
                       " answered intact, " + std::to_string(counters.damaged) + " damaged, " +
                       std::to_string(counters.unexpected) + " late or twice"},
                      ping_fields());
    if (!arguments_.stay) link_.stop(counters.answered > 0 ? ExitCode::kDone : ExitCode::kFailed);
  }

  json::Object ping_fields() const {
    const inspect::InnerHost::Counters& counters = inner_.counters();
    return {{"pings_sent", counters.sent},
            {"pings_answered", counters.answered},
            {"pings_damaged", counters.damaged},
            {"pings_unexpected", counters.unexpected},
            {"pings_echoed", counters.echoed}};
  }

  void command(std::string_view line) {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, space);
    const std::string_view argument = line.substr(std::min(space + 1, line.size()));
    std::uint32_t count = 1;
    std::from_chars(argument.data(), argument.data() + argument.size(), count);
    if (word == "ping" && arguments_.ping) {
      ping(count);
    } else if (word == "initiate") {
      session_.initiate();
    } else if (word == "burst") {
      session_.burst(count);
    } else if (word == "roam") {
      roam(argument);
    } else if (word == "load") {
      session_.set_under_load(argument == "on");
    } else if (word == "status") {
      session_.show_status(ping_fields());
    } else if (word == "quit") {
      return link_.stop(ExitCode::kDone);
    } else {
      std::fprintf(stderr, "bamgate: %s\n", kHelp);
    }
    flush();
  }

  void roam(std::string_view to) {
    const auto bind = Endpoint::parse(to).value_or(Endpoint{listen_.address, 0});
    if (const auto socket = link_.open(bind)) {
      session_.roam(*socket);
    } else {
      std::fprintf(stderr, "bamgate: %s\n", socket.error().text.c_str());
    }
  }

  Link& link_;
  const WgArguments& arguments_;
  Endpoint listen_;
  inspect::InnerHost inner_;
  std::optional<os::Tun> tun_;
  std::unique_ptr<net::FdWatcher> tun_watcher_;
  bool pinging_ = false;
  WgSession session_;
};

std::expected<std::optional<os::Tun>, Failure> make_tun(const std::string& name, const IpPrefix& address,
                                                        const std::vector<IpPrefix>& routes) {
  if (name.empty()) return std::nullopt;
  auto tun = os::Tun::create(name);
  if (!tun) return refuse(tun.error());
  if (const auto done = os::set_mtu(name, kMtu); !done) return refuse(done.error());
  if (const auto done = os::set_up(name); !done) return refuse(done.error());
  if (const auto done = os::add_address(name, address); !done) return refuse(done.error());
  for (const IpPrefix& route : routes) {
    const auto done = os::add_route(name, route);
    if (!done && done.error().code != os::Error::kExists) return refuse(done.error());
  }
  return std::optional(std::move(*tun));
}

std::expected<WgSession::Options, Failure> read_options(Link& link, const WgArguments& arguments) {
  const auto private_key = read_key<wg::PrivateKey>(arguments.private_key_file);
  if (!private_key) return std::unexpected(private_key.error());
  const auto remote = wg::PublicKey::parse(arguments.peer);
  if (!remote) return os::usage("--peer is no public key: 'bamgate pubkey' makes one of a private key");
  WgSession::Options options{.private_key = *private_key, .peer = {.remote = *remote}, .allowed_ips = {}};
  if (!arguments.preshared_key_file.empty()) {
    const auto preshared = read_key<wg::PresharedKey>(arguments.preshared_key_file);
    if (!preshared) return std::unexpected(preshared.error());
    options.peer.preshared = *preshared;
  }
  if (!arguments.endpoint.empty()) {
    const auto endpoint = link.resolve(arguments.endpoint);
    if (!endpoint) return std::unexpected(endpoint.error());
    options.peer.endpoint = Path{.local = {}, .remote = *endpoint, .relay = {}};
  }
  if (arguments.keepalive != 0) options.peer.persistent_keepalive = std::chrono::seconds(arguments.keepalive);
  options.peer.mtu = kMtu;
  options.show_packets = arguments.packets;
  return options;
}

}  // namespace

ExitCode run_wg(const WgArguments& arguments) {
  auto link = Link::create(arguments.lab, stdout);
  if (!link) return fail(link.error().code, link.error().text);
  (*link)->speed_up(arguments.time_lapse);
  auto options = read_options(**link, arguments);
  if (!options) return fail(options.error().code, options.error().text);
  options->allowed_ips = arguments.allowed_ips;
  if (options->allowed_ips.empty()) options->allowed_ips.push_back(arguments.address.network());
  auto tun = make_tun(arguments.tun, arguments.address, options->allowed_ips);
  if (!tun) return fail(tun.error().code, tun.error().text);
  const auto bind = (*link)->resolve(arguments.listen);
  if (!bind) return fail(bind.error().code, bind.error().text);
  const auto socket = (*link)->open(*bind);
  if (!socket) return fail(socket.error().code, socket.error().text);
  return WgLab(**link, arguments, *socket, *options, arguments.address, std::move(*tun)).run();
}

}  // namespace bamgate::lab
