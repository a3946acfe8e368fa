#include "host/hub_udp.h"

#include <array>
#include <utility>

#include "stun/binding.h"

namespace bamgate::host {

struct HubUdp::Port {
  Port(net::Loop& loop, net::UdpSocket own) : socket(std::move(own)), watcher(loop, socket.fd()) {}
  net::UdpSocket socket;
  net::FdWatcher watcher;
};

HubUdp::HubUdp(const HubLog& log) : log_(log) {}

HubUdp::~HubUdp() = default;

std::expected<std::unique_ptr<HubUdp>, std::string> HubUdp::listen(net::Loop& loop, const HubLog& log,
                                                                   const Endpoint& listen) {
  std::unique_ptr<HubUdp> self(new HubUdp(log));
  if (auto bound = self->bind(loop, listen); !bound) return std::unexpected(bound.error());
  if (listen.address.is_v6() && listen.address.is_unspecified()) {
    const std::uint16_t port = self->ports_.front()->socket.local_endpoint().port;
    if (auto bound = self->bind(loop, {IpAddress::v4(0), port}); !bound) return std::unexpected(bound.error());
  }
  return self;
}

std::expected<void, std::string> HubUdp::bind(net::Loop& loop, const Endpoint& endpoint) {
  net::UdpOptions options;
  options.tell_local = endpoint.address.is_unspecified();
  auto socket = net::UdpSocket::open(endpoint, options);
  if (!socket) return std::unexpected("cannot answer STUN on " + endpoint.to_string() + ": " + socket.error().detail);
  Port& port = *ports_.emplace_back(std::make_unique<Port>(loop, std::move(*socket)));
  port.watcher.on_readable([this, &port] { receive(port.socket); });
  return {};
}

void HubUdp::receive(net::UdpSocket& socket) {
  std::array<net::UdpReceived, 16> slots;
  std::array<std::byte, 256> answer{};
  const std::size_t count = socket.receive_batch(pool_, slots);
  for (const net::UdpReceived& received : std::span(slots).first(count)) {
    const auto size = stun::answer_binding(received.from, received.packet.data(), answer);
    if (!size) continue;
    const net::UdpTransmit transmit{
        .to = received.from, .data = Bytes(answer).first(*size), .segment_size = 0, .ecn = {}, .from = received.to};
    if (socket.send(transmit) != net::UdpSend::kSent) note_lost();
  }
}

// Whoever asks chooses where the answer goes, so a stranger could fill the log: it says so once.
void HubUdp::note_lost() {
  if (std::exchange(told_lost_, true)) return;
  log_.write(hub::LogLevel::kWarning, "stun_answer_lost", {{"text", "the system did not take a datagram"}});
}

}  // namespace bamgate::host
