#include "doctor/udp_port.h"

#include <utility>

#include "os/netlink.h"

namespace bamgate::doctor {

std::expected<std::unique_ptr<UdpPort>, std::string> UdpPort::open(Surroundings& around, const IpAddress& remote,
                                                                   bool dont_fragment) {
  const auto route = os::route_to(remote, around.mark != 0 ? std::optional(around.mark) : std::nullopt);
  if (!route) return std::unexpected("there is no route to " + remote.to_string());
  const Endpoint local{route->preferred_source.family() == remote.family() ? route->preferred_source
                       : remote.is_v4()                                    ? IpAddress::v4(0)
                                                                           : *IpAddress::parse("::"),
                       0};
  auto socket = net::UdpSocket::open(local, {.mark = around.mark, .dont_fragment = dont_fragment});
  if (!socket) return std::unexpected(socket.error().detail);
  return std::unique_ptr<UdpPort>(new UdpPort(around, std::move(*socket)));
}

UdpPort::UdpPort(Surroundings& around, net::UdpSocket socket)
    : around_(around),
      socket_(std::move(socket)),
      local_(socket_.local_endpoint()),
      readable_(around.loop),
      watcher_(around.loop, socket_.fd()) {
  watcher_.on_readable([this] {
    watcher_.stop();  // until wait() has read it
    readable_.notify();
  });
}

asio::awaitable<void> UdpPort::wait(Instant deadline, std::function<void(const Received&)> take) {
  if (!co_await readable_.wait(deadline)) co_return;
  const std::size_t count = socket_.receive_batch(around_.pool, slots_);
  for (std::size_t i = 0; i < count; ++i) {
    net::UdpReceived& slot = slots_[i];
    const std::size_t stride = slot.stride == 0 ? slot.packet.size() : slot.stride;
    for (MutableBytes rest = slot.packet.data(); !rest.empty();) {
      const std::size_t size = std::min(stride, rest.size());
      Received received{.path = {.local = SocketId::kNone, .remote = slot.from, .relay = {}}, .data = rest.first(size)};
      take(received);
      rest = rest.subspan(size);
    }
  }
  watcher_.on_readable([this] {
    watcher_.stop();
    readable_.notify();
  });
}

}  // namespace bamgate::doctor
