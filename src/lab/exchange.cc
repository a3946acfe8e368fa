#include "lab/exchange.h"

#include <algorithm>
#include <cstdio>

#include "json/parse.h"
#include "json/write.h"
#include "net/clock.h"
#include "os/answer.h"
#include "os/candidate_addresses.h"
#include "os/file.h"
#include "stun/uri.h"

namespace bamgate::lab {
namespace {

constexpr std::size_t kMaxDescription = 65536;
constexpr auto kLookInterval = std::chrono::milliseconds(100);

std::expected<std::vector<LocalSocket>, Failure> open_sockets(Link& link, const PeerArguments& arguments) {
  std::vector<IpAddress> addresses = arguments.addresses;
  if (addresses.empty()) {
    const auto found = os::local_candidate_addresses("");
    if (!found) return std::unexpected(Failure{ExitCode::kFailed, found.error().text});
    for (const os::LocalAddress& local : *found) addresses.push_back(local.address);
  }
  std::vector<LocalSocket> sockets;
  for (const IpAddress& address : addresses) {
    const auto socket = link.open({address, 0});
    if (!socket) return std::unexpected(socket.error());
    sockets.push_back({*socket, link.local(*socket)});
  }
  if (sockets.empty()) {
    return std::unexpected(Failure{ExitCode::kFailed,
                                   "this machine has no network address for ICE: '--address 127.0.0.1' on both sides "
                                   "tries it on one machine"});
  }
  return sockets;
}

std::expected<std::vector<Endpoint>, Failure> resolve_servers(Link& link, const PeerArguments& arguments) {
  std::vector<Endpoint> servers;
  for (const std::string& name : arguments.stun_servers) {
    const auto server = link.resolve(name, stun::kDefaultPort);
    if (!server) return std::unexpected(server.error());
    servers.push_back(*server);
  }
  return servers;
}

/// A later line that is meant for the data channel is hardly ever a description as browsers write it.
bool is_description(std::string_view line) {
  if (!line.starts_with('{')) return false;
  const auto value = json::parse(line);
  return value && value->get_string("type") != nullptr && value->get_string("sdp") != nullptr;
}

}  // namespace

Exchange::Exchange(Link& link, const PeerArguments& arguments, std::function<void(const json::Value&)> take,
                   std::function<void(std::string_view)> line, std::function<void()> end)
    : link_(link),
      arguments_(arguments),
      take_(std::move(take)),
      line_(std::move(line)),
      end_(std::move(end)),
      look_(link.loop()) {}

void Exchange::start() {
  link_.on_line([this](std::string_view line) { take_line(line); }, [this] { end_(); });
  if (!file_of_peer().empty()) return look_for_file();
  std::fprintf(stderr, "bamgate: paste the other side's %s here, in one line\n",
               arguments_.offers ? "answer, when there is one," : "offer");
}

void Exchange::refuse(const std::string& why) {
  link_.steps().say(StepKind::kResult, {"the other side's description cannot be used: " + why});
  link_.stop(ExitCode::kFailed);
}

void Exchange::publish(const json::Value& description) {
  const std::string text = json::write(description) + "\n";
  const std::string& file = arguments_.offers ? arguments_.offer_file : arguments_.answer_file;
  if (file.empty()) {
    std::fprintf(stderr, "bamgate: give this line to the other side:\n");
    std::printf("%s", text.c_str());
    os::flush_answer(stdout);
  } else if (const auto written = os::write_file_atomically(file, text, 0600); !written) {
    std::fprintf(stderr, "bamgate: %s\n", written.error().text.c_str());
    link_.stop(ExitCode::kFailed);
  }
}

const std::string& Exchange::file_of_peer() const {
  return arguments_.offers ? arguments_.answer_file : arguments_.offer_file;
}

void Exchange::take_line(std::string_view line) {
  const bool may_be_one = file_of_peer().empty() && (!taken_ || (more_ && is_description(line)));
  if (!may_be_one) return line_(line);
  const auto description = json::parse(line);
  if (!description) {
    std::fprintf(stderr, "bamgate: that line is no description: %s\n", json::to_string(description.error()));
    return;
  }
  taken_ = true;
  take_(*description);
}

void Exchange::look_for_file() {
  const auto text = os::read_file(file_of_peer(), kMaxDescription);
  const auto description = json::parse(text ? std::string_view(*text) : std::string_view());
  if (!description || *text == last_taken_) return look_later();
  taken_ = true;
  last_taken_ = *text;
  take_(*description);
  if (more_) look_later();
}

void Exchange::look_later() {
  look_.expires_at(net::now() + kLookInterval, [this] { look_for_file(); });
}

void Exchange::expect_more() {
  const bool look = taken_ && !more_ && !file_of_peer().empty();
  more_ = true;
  if (look) look_later();
}

std::expected<PeerLink, Failure> open_peer_link(const PeerArguments& arguments) {
  auto link = Link::create(arguments.lab, stderr);
  if (!link) return std::unexpected(link.error());
  auto servers = resolve_servers(**link, arguments);
  if (!servers) return std::unexpected(servers.error());
  auto sockets = open_sockets(**link, arguments);
  if (!sockets) return std::unexpected(sockets.error());
  return PeerLink{std::move(*link), std::move(*servers), std::move(*sockets)};
}

bool wants_loopback(const PeerArguments& arguments) {
  return std::ranges::any_of(arguments.addresses, &IpAddress::is_loopback);
}

}  // namespace bamgate::lab
