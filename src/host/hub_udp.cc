#include "host/hub_udp.h"

#include <span>
#include <utility>

namespace bamgate::host {

struct HubUdp::Port {
  Port(net::Loop& loop, net::UdpSocket own) : socket(std::move(own)), watcher(loop, socket.fd()) {}
  net::UdpSocket socket;
  net::FdWatcher watcher;
};

HubUdp::HubUdp(const HubLog& log, Handler handler, Done done)
    : log_(log), handler_(std::move(handler)), done_(std::move(done)), out_(kBlockSize + turn::Server::kRoom) {}

HubUdp::~HubUdp() = default;

std::expected<std::unique_ptr<HubUdp>, std::string> HubUdp::listen(net::Loop& loop, const HubLog& log,
                                                                   const Endpoint& listen, Handler handler, Done done) {
  std::unique_ptr<HubUdp> self(new HubUdp(log, std::move(handler), std::move(done)));
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

// What is relayed to another address by datagrams leaves together, from where it lies; so does an answer, which has a
// room of its own until then.
void HubUdp::receive(net::UdpSocket& socket) {
  const std::size_t count = socket.receive_batch(pool_, slots_);
  for (net::UdpReceived& received : std::span(slots_).first(count)) {
    const auto output = handler_({0, received.from, received.to}, received.packet.data(), out_);
    if (!output) continue;
    net::UdpSocket* to = socket_for(output->to.remote);
    if (to == nullptr) continue;
    const net::UdpTransmit transmit{
        .to = output->to.remote, .data = output->message, .segment_size = 0, .ecn = {}, .from = output->to.local};
    const bool lasts = output->message.data() < out_.data() || output->message.data() >= out_.data() + out_.size();
    if (to == &socket && lasts) {
      batch_.push_back(transmit);
    } else if (flush(socket); to->send(transmit) != net::UdpSend::kSent) {
      note_lost();
    }
  }
  flush(socket);
  done_();
}

void HubUdp::flush(net::UdpSocket& socket) {
  if (socket.send_batch(batch_) < batch_.size()) note_lost();
  batch_.clear();
}

net::UdpSocket* HubUdp::socket_for(const Endpoint& to) {
  for (const auto& port : ports_) {
    if (port->socket.local_endpoint().address.family() == to.address.family()) return &port->socket;
  }
  return nullptr;
}

void HubUdp::send(const Endpoint& to, const IpAddress& from, Bytes datagram) {
  net::UdpSocket* socket = socket_for(to);
  if (socket == nullptr) return;
  const net::UdpTransmit transmit{.to = to, .data = datagram, .segment_size = 0, .ecn = {}, .from = from};
  if (socket->send(transmit) != net::UdpSend::kSent) note_lost();
}

// Whoever asks chooses where the answer goes, so a stranger could fill the log: it says so once.
void HubUdp::note_lost() {
  if (std::exchange(told_lost_, true)) return;
  log_.write(hub::LogLevel::kWarning, "datagram_lost", {{"text", "the system did not take a datagram"}});
}

}  // namespace bamgate::host
