#include "net/udp_socket.h"

#include <netinet/udp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/sockaddr.h"

namespace bamgate::net {
namespace {

// RFC 3168 §5: the two low bits of the type-of-service octet or traffic class.
constexpr int kEcnMask = 3;

constexpr std::size_t kReceiveBytes = kBlockSize - kHeadroom;

void set_int(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof(value)); }

// The forced options pass over the system's limit, for those who may.
void set_buffers(int fd, int bytes) {
  for (const auto& [forced, plain] : {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}}) {
    if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)) != 0) set_int(fd, SOL_SOCKET, plain, bytes);
  }
}

void set_family_options(int fd, bool v4, const UdpOptions& options) {
  if (v4) {
    set_int(fd, IPPROTO_IP, IP_RECVTOS, 1);
    set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, options.dont_fragment ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT);
    if (options.tell_local) set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
  } else {
    set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, options.dont_fragment ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_DONT);
    if (options.tell_local) set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
}

/// The control messages of one datagram: ECN, the size of segments, our own address.
struct Control {
  static constexpr std::size_t kSize =
      CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(std::uint16_t)) + CMSG_SPACE(sizeof(in6_pktinfo));
  alignas(cmsghdr) std::array<char, kSize> bytes{};

  template <typename T>
  static void add(msghdr& header, int level, int type, T value) {
    auto* message = reinterpret_cast<cmsghdr*>(static_cast<char*>(header.msg_control) + header.msg_controllen);
    message->cmsg_level = level;
    message->cmsg_type = type;
    message->cmsg_len = CMSG_LEN(sizeof(value));
    std::memcpy(CMSG_DATA(message), &value, sizeof(value));
    header.msg_controllen += CMSG_SPACE(sizeof(value));
  }
};

template <typename T>
T value_of(const cmsghdr& message) {
  T value{};
  std::memcpy(&value, CMSG_DATA(&message), sizeof(value));
  return value;
}

template <typename T>
IpAddress address_of(const T& raw) {
  return IpAddress::from_bytes(std::as_bytes(std::span(&raw, 1)));
}

void read_control(msghdr& header, UdpReceived& slot) {
  slot.ecn = Ecn::kNotCapable;
  slot.to = {};
  for (cmsghdr* message = CMSG_FIRSTHDR(&header); message != nullptr; message = CMSG_NXTHDR(&header, message)) {
    const bool v4 = message->cmsg_level == IPPROTO_IP;
    if (!v4 && message->cmsg_level != IPPROTO_IPV6) continue;
    // Linux gives IP_TOS as one byte and IPV6_TCLASS as an int.
    if (v4 && message->cmsg_type == IP_TOS) {
      slot.ecn = static_cast<Ecn>(value_of<std::uint8_t>(*message) & kEcnMask);
    } else if (v4 && message->cmsg_type == IP_PKTINFO) {
      slot.to = address_of(value_of<in_pktinfo>(*message).ipi_spec_dst);
    } else if (!v4 && message->cmsg_type == IPV6_TCLASS) {
      slot.ecn = static_cast<Ecn>(value_of<int>(*message) & kEcnMask);
    } else if (!v4 && message->cmsg_type == IPV6_PKTINFO) {
      slot.to = address_of(value_of<in6_pktinfo>(*message).ipi6_addr);
    }
  }
}

void add_source(msghdr& header, const IpAddress& from) {
  if (from.is_v4()) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, from.bytes().data(), sizeof(info.ipi_spec_dst));
    Control::add(header, IPPROTO_IP, IP_PKTINFO, info);
  } else if (from.is_v6()) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, from.bytes().data(), sizeof(info.ipi6_addr));
    Control::add(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

bool is_run(const UdpTransmit& transmit) {
  return transmit.segment_size != 0 && transmit.segment_size < transmit.data.size();
}

std::size_t datagrams_in(const UdpTransmit& transmit) {
  return is_run(transmit) ? (transmit.data.size() + transmit.segment_size - 1) / transmit.segment_size : 1;
}

/// What recvmmsg(2) wants for up to kBatch slots; views their packets.
struct ReceiveBatch {
  std::array<mmsghdr, UdpSocket::kBatch> headers{};
  std::array<iovec, UdpSocket::kBatch> pieces{};
  std::array<SocketAddress, UdpSocket::kBatch> addresses{};
  std::array<Control, UdpSocket::kBatch> controls{};

  void set(std::size_t index, MutableBytes room) {
    pieces[index] = {room.data(), room.size()};
    msghdr& header = headers[index].msg_hdr;
    header = {};
    header.msg_name = addresses[index].get();
    header.msg_namelen = sizeof(addresses[index].storage);
    header.msg_iov = &pieces[index];
    header.msg_iovlen = 1;
    header.msg_control = controls[index].bytes.data();
    header.msg_controllen = controls[index].bytes.size();
  }
};

/// Makes `packet` one of kReceiveBytes behind kHeadroom, from `pool` unless its own block fits.
MutableBytes room_in(PacketBuffer& packet, BufferPool& pool) {
  packet.remove_suffix(packet.size());
  if (packet.headroom() != kHeadroom || packet.tailroom() < kReceiveBytes) packet = pool.take();
  return packet.append(kReceiveBytes);
}

/// What sendmmsg(2) wants for up to kBatch transmits; views them.
struct SendBatch {
  std::array<mmsghdr, UdpSocket::kBatch> headers{};
  std::array<iovec, UdpSocket::kBatch> pieces{};
  std::array<SocketAddress, UdpSocket::kBatch> addresses{};
  std::array<Control, UdpSocket::kBatch> controls{};

  void set(std::size_t index, const UdpTransmit& transmit) {
    addresses[index] = SocketAddress(transmit.to);
    pieces[index] = {const_cast<std::byte*>(transmit.data.data()), transmit.data.size()};
    msghdr& header = headers[index].msg_hdr;
    header = {};
    header.msg_name = addresses[index].get();
    header.msg_namelen = addresses[index].length;
    header.msg_iov = &pieces[index];
    header.msg_iovlen = 1;
    header.msg_control = controls[index].bytes.data();
    if (transmit.ecn != Ecn::kNotCapable) {
      const int bits = static_cast<int>(transmit.ecn);
      if (transmit.to.address.is_v4()) {
        Control::add(header, IPPROTO_IP, IP_TOS, bits);
      } else {
        Control::add(header, IPPROTO_IPV6, IPV6_TCLASS, bits);
      }
    }
    if (is_run(transmit)) Control::add(header, IPPROTO_UDP, UDP_SEGMENT, transmit.segment_size);
    add_source(header, transmit.from);
    if (header.msg_controllen == 0) header.msg_control = nullptr;
  }
};

}  // namespace

Result<UdpSocket> UdpSocket::open(const Endpoint& bind, const UdpOptions& options) {
  const SocketAddress address(bind);
  if (address.length == 0) return fail(Error::kInvalid, "a UDP socket needs an address to bind");
  const bool v4 = bind.address.is_v4();
  const int fd = ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (fd < 0) return fail_errno("open a UDP socket", errno);
  UdpSocket socket(fd, bind);
  set_buffers(fd, options.buffer_bytes);
  set_family_options(fd, v4, options);
  if (options.mark != 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &options.mark, sizeof(options.mark)) != 0) {
    return fail_errno("mark a UDP socket", errno);
  }
  if (::bind(fd, address.get(), address.length) != 0) return fail_errno("bind UDP " + bind.to_string(), errno);
  socket.local_ = local_end(fd);
  return socket;
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      local_(other.local_),
      segmentation_(other.segmentation_),
      counters_(other.counters_) {}

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
  if (this == &other) return *this;
  if (fd_ >= 0) ::close(fd_);
  fd_ = std::exchange(other.fd_, -1);
  local_ = other.local_;
  segmentation_ = other.segmentation_;
  counters_ = other.counters_;
  return *this;
}

UdpSocket::~UdpSocket() {
  if (fd_ >= 0) ::close(fd_);
}

std::size_t UdpSocket::receive_batch(BufferPool& pool, std::span<UdpReceived> slots) {
  static thread_local ReceiveBatch batch;  // too large for the stack of a busy path to clear each time
  slots = slots.first(std::min(slots.size(), kBatch));
  for (std::size_t i = 0; i < slots.size(); ++i) batch.set(i, room_in(slots[i].packet, pool));
  const int result = recvmmsg(fd_, batch.headers.data(), static_cast<unsigned>(slots.size()), MSG_DONTWAIT, nullptr);
  if (result < 0 && errno != EAGAIN && errno != EINTR) ++counters_.receive_errors;
  const std::size_t arrived = result < 0 ? 0 : static_cast<std::size_t>(result);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const std::size_t size = i < arrived ? batch.headers[i].msg_len : 0;
    slots[i].packet.remove_suffix(kReceiveBytes - size);
    if (i >= arrived) continue;
    msghdr& header = batch.headers[i].msg_hdr;
    if ((header.msg_flags & MSG_TRUNC) != 0) {
      ++counters_.receive_truncated;
      continue;
    }
    slots[i].from = batch.addresses[i].endpoint();
    slots[i].stride = 0;
    read_control(header, slots[i]);
    if (kept != i) std::swap(slots[kept], slots[i]);
    ++kept;
  }
  counters_.received += kept;
  return kept;
}

UdpSend UdpSocket::send(const UdpTransmit& transmit) {
  const std::uint64_t refused = counters_.send_errors;
  if (send_batch(std::span(&transmit, 1)) == 0) return UdpSend::kBlocked;
  return counters_.send_errors == refused ? UdpSend::kSent : UdpSend::kDropped;
}

std::size_t UdpSocket::send_batch(std::span<const UdpTransmit> batch) {
  std::size_t done = 0;
  while (done < batch.size()) {
    const std::span<const UdpTransmit> rest = batch.subspan(done);
    const std::size_t taken = is_run(rest.front()) && !segmentation_
                                  ? (send_in_pieces(rest.front()) ? 1U : 0U)
                                  : send_some(rest.first(std::min(rest.size(), kBatch)));
    if (taken == 0) {
      ++counters_.send_blocked;
      break;
    }
    done += taken;
  }
  return done;
}

// One system call, or as many as it takes to learn that nothing more fits. Returns 0 only when the buffer is full.
std::size_t UdpSocket::send_some(std::span<const UdpTransmit> batch) {
  static thread_local SendBatch calls;
  std::size_t count = 0;
  while (count < batch.size() && (segmentation_ || !is_run(batch[count]))) {
    calls.set(count, batch[count]);
    ++count;
  }
  int result = 0;
  do {
    result = sendmmsg(fd_, calls.headers.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (result < 0 && errno == EINTR);
  if (result > 0) {
    for (const UdpTransmit& transmit : batch.first(static_cast<std::size_t>(result))) {
      counters_.sent += datagrams_in(transmit);
    }
    return static_cast<std::size_t>(result);
  }
  if (errno == EAGAIN) return 0;
  // Some kernels and devices refuse segmentation with one of these: never try it again on this socket.
  if (is_run(batch.front()) && segmentation_ && (errno == EIO || errno == EINVAL || errno == EOPNOTSUPP)) {
    segmentation_ = false;
    counters_.segmentation_lost = 1;
    return send_in_pieces(batch.front()) ? 1 : 0;
  }
  counters_.send_errors += datagrams_in(batch.front());
  return 1;
}

// Pieces that find the buffer full after the first one went out are dropped: sending the run again would double it.
bool UdpSocket::send_in_pieces(const UdpTransmit& transmit) {
  bool any = false;
  for (Bytes rest = transmit.data; !rest.empty();) {
    const std::size_t size = std::min<std::size_t>(rest.size(), transmit.segment_size);
    const UdpTransmit piece{transmit.to, rest.first(size), 0, transmit.ecn, transmit.from};
    if (send_some(std::span(&piece, 1)) == 0) {
      if (!any) return false;
      ++counters_.send_errors;
    }
    any = true;
    rest = rest.subspan(size);
  }
  return true;
}

}  // namespace bamgate::net
