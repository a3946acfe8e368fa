#include "doctor/examine.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "doctor/local.h"
#include "doctor/probe.h"
#include "net/clock.h"
#include "os/native_crypto.h"
#include "os/privileges.h"
#include "os/random.h"

namespace bamgate::doctor {
namespace {

// The marks of the agent's own sockets lead around its routes (host/device_host.cc).
constexpr std::uint32_t kMark = 0x62616d67;
// Every probe has an end of its own, long before this one.
constexpr auto kLongest = std::chrono::minutes(1);

std::string text_of(const json::Value& value, std::string_view key) {
  const std::string* text = value.get_string(key);
  return text != nullptr ? *text : "";
}

std::vector<PeerFindings> read_peers(const json::Value& status) {
  std::vector<PeerFindings> peers;
  const json::Array* list = status.get_array("peers");
  if (list == nullptr) return peers;
  for (const json::Value& peer : *list) {
    const json::Value* relay = peer.find("relay");
    peers.push_back({.id = text_of(peer, "id"),
                     .state = text_of(peer, "state"),
                     .path = text_of(peer, "path"),
                     .why_relayed = text_of(peer, "why_relayed"),
                     .transport = relay != nullptr ? text_of(*relay, "transport") : "",
                     .last_error = text_of(peer, "last_error")});
  }
  return peers;
}

class Examination {
 public:
  Examination(net::Loop& loop, const Subject& subject, const std::function<void(const std::string&)>& progress)
      : loop_(loop),
        subject_(subject),
        progress_(progress),
        around_{.loop = loop,
                .random = random_,
                .crypto = crypto_,
                .pool = pool_,
                .mark = os::has_net_admin() ? kMark : 0} {}

  Findings run() {
    findings_.set_up = subject_.config.has_value();
    findings_.running = subject_.status.has_value();
    findings_.setup_trouble = subject_.trouble;
    if (subject_.status) findings_.peers = read_peers(*subject_.status);
    examine_machine(subject_.config, around_.mark, findings_);
    progress_("looking for the STUN servers and the hub");
    find_servers();
    reach_hub();
    progress_("asking STUN servers and relays");
    ask_all();
    return std::move(findings_);
  }

 private:
  template <typename T, typename Take>
  void start(asio::awaitable<T> probe, Take take) {
    ++running_;
    loop_.spawn<T>(std::move(probe), [this, take = std::move(take)](T result) {
      take(std::move(result));
      --running_;
    });
  }
  void finish() {
    loop_.run_until([this] { return running_ == 0; }, kLongest);
  }

  void find_servers() {
    const config::Config config = subject_.config.value_or(config::Config{});
    std::size_t place = 0;
    for (const std::string& text : config.stun.servers) {
      const auto uri = stun::Uri::parse(text);
      if (!uri) continue;
      servers_.emplace_back();
      start(find_server(around_, *uri), [this, at = place++](NamedServer server) { servers_[at] = std::move(server); });
    }
    if (subject_.config) {
      start(probe_hub(around_, host::hub_access(config.network)), [this](Trial trial) {
        findings_.hub.emplace();
        findings_.hub->reached = std::move(trial);
      });
    }
    finish();
    for (const NamedServer& server : servers_) {
      if (!server.why.empty()) findings_.names.push_back({.what = server.uri.to_string(), .why = server.why});
    }
  }

  void reach_hub() {
    if (!findings_.hub || !findings_.hub->reached.succeeded()) return;
    HubFindings& hub = *findings_.hub;
    auto token = subject_.login();
    if (token) {
      hub.login = HubLogin::kDone;
      hub.clock_off_s = clock_off(*token, net::unix_now(), !subject_.status);
      token_ = std::move(*token);
    } else {
      hub.login = token.error().code == ExitCode::kNotAuthorised ? HubLogin::kRefused : HubLogin::kFailed;
      hub.login_why = token.error().text;
    }
  }

  void ask_all() {
    for (const Family family : {Family::kV4, Family::kV6}) {
      std::vector<Endpoint> servers;
      for (const NamedServer& server : servers_) {
        for (const Endpoint& endpoint : server.endpoints) {
          if (endpoint.address.family() == family) servers.push_back(endpoint);
        }
      }
      // A family that this machine does not have is no fault.
      if (servers.empty() || !has_family(family)) continue;
      start(probe_nat(around_, std::move(servers)), [this](NatFindings nat) { take_nat(std::move(nat)); });
    }
    ask_relays();
    finish();
    std::ranges::sort(findings_.nat, {}, &NatFindings::family);
  }

  bool has_family(Family family) const {
    return std::ranges::any_of(findings_.network.addresses,
                               [&](const auto& address) { return address.address.family() == family; });
  }

  void take_nat(NatFindings nat) {
    if (nat.answers.empty()) return;
    const auto answered =
        std::ranges::find_if(nat.answers, [](const stun::ServerAnswer& answer) { return answer.mapped.has_value(); });
    if (answered != nat.answers.end()) {
      start(probe_path_mtu(around_, answered->server), [this](std::optional<std::uint16_t> mtu) {
        if (mtu) findings_.path_mtu = std::min(findings_.path_mtu.value_or(*mtu), *mtu);
      });
    }
    findings_.nat.push_back(std::move(nat));
  }

  // The hub relays where it answers STUN; the device knows that place by its own configuration.
  void ask_relays() {
    if (!subject_.config || !subject_.secrets || subject_.secrets->turn_secret.empty()) return;
    const config::NetworkConfig& network = subject_.config->network;
    const turn::HubCredentials maker(subject_.config->device.name, subject_.secrets->turn_secret);
    const auto take = [this](Trial trial) { findings_.relays.push_back(std::move(trial)); };
    const auto hubs = std::ranges::find_if(
        servers_, [&](const NamedServer& server) { return server.uri.host == network.server_url.host; });
    if (hubs != servers_.end() && !hubs->endpoints.empty()) {
      findings_.relays_tried = true;
      start(probe_udp_relay(around_, hubs->endpoints.front(), maker.issue(crypto_, net::unix_now())), take);
    }
    if (token_.empty()) return;
    findings_.relays_tried = true;
    start(probe_websocket_relay(around_, host::hub_access(network), network.server_url.path_of("/turn"), token_,
                                maker.issue(crypto_, net::unix_now())),
          take);
  }

  net::Loop& loop_;
  const Subject& subject_;
  const std::function<void(const std::string&)>& progress_;
  os::SystemRandom random_;
  os::NativeCrypto crypto_;
  BufferPool pool_;
  Surroundings around_;
  Findings findings_;
  std::vector<NamedServer> servers_;
  std::string token_;
  int running_ = 0;
};

}  // namespace

Findings examine(net::Loop& loop, const Subject& subject, const std::function<void(const std::string&)>& progress) {
  return Examination(loop, subject, progress).run();
}

}  // namespace bamgate::doctor
