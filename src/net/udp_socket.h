// A UDP socket for the packet path: a plain non-blocking descriptor with batched system calls (recvmmsg, sendmmsg),
// ECN both ways (RFC 3168), segmentation by the kernel where it can (UDP_SEGMENT), answers from the address that was
// asked (IP_PKTINFO). Left out: receive offload (UDP_GRO; `stride` is ready for it).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/buffer_pool.h"
#include "core/bytes.h"
#include "core/counters.h"
#include "core/endpoint.h"
#include "core/packet_buffer.h"
#include "core/transmit.h"
#include "net/error.h"

namespace bamgate::net {

struct UdpOptions {
  std::uint32_t mark = 0;              // SO_MARK, so that routing can keep our packets out of the tunnel; 0: none
  bool dont_fragment = false;          // true: DF set, the path MTU cache ignored (PROBE); false: routers may fragment
  int buffer_bytes = 4 * 1024 * 1024;  // both directions, as much of it as the system grants
  bool tell_local = false;             // fills UdpReceived::to: for a socket that is bound to every address
};

/// One datagram that arrived.
struct UdpReceived {
  Endpoint from;
  IpAddress to;              // our address that it was sent to; none without UdpOptions::tell_local
  PacketBuffer packet;       // with kHeadroom in front
  std::uint16_t stride = 0;  // bytes of each datagram in `packet`; 0: it is one datagram
  Ecn ecn = Ecn::kNotCapable;
};

/// One datagram, or a run of equal-sized ones, to send.
struct UdpTransmit {
  Endpoint to;
  Bytes data;                      // valid during the call
  std::uint16_t segment_size = 0;  // bytes of each datagram in `data`, the last perhaps shorter; 0: one datagram
  Ecn ecn = Ecn::kNotCapable;
  IpAddress from = {};  // our address that it leaves from; none: the system's choice
};

struct UdpCounters {
  std::uint64_t received = 0;           // datagrams given to the caller
  std::uint64_t sent = 0;               // datagrams accepted by the kernel
  std::uint64_t receive_truncated = 0;  // dropped: longer than a pooled block holds
  std::uint64_t receive_errors = 0;     // failed calls, EAGAIN not counted
  std::uint64_t send_blocked = 0;       // calls that found the socket buffer full
  std::uint64_t send_errors = 0;        // datagrams that the kernel refused: no route, too large, filtered
  std::uint64_t segmentation_lost = 0;  // 1 after the kernel refused UDP_SEGMENT and it was given up

  static constexpr auto list() {
    return std::to_array<Counter<UdpCounters>>({
        {"udp_received", "datagrams received", &UdpCounters::received},
        {"udp_sent", "datagrams sent", &UdpCounters::sent},
        {"udp_receive_truncated", "datagrams dropped: longer than any that we know", &UdpCounters::receive_truncated},
        {"udp_receive_errors", "failed attempts to read a socket", &UdpCounters::receive_errors},
        {"udp_send_blocked", "attempts to send that found the socket's buffer full", &UdpCounters::send_blocked},
        {"udp_send_errors", "datagrams that the system refused: no route, too large, filtered",
         &UdpCounters::send_errors},
        {"udp_segmentation_lost", "sockets on which the system cannot cut large datagrams",
         &UdpCounters::segmentation_lost},
    });
  }
  UdpCounters& operator+=(const UdpCounters& other) { return add_counters(*this, other); }
};

/// What became of one datagram.
enum class UdpSend : std::uint8_t {
  kSent,     // the kernel has it
  kBlocked,  // the socket buffer is full: try again when the socket is writable, or drop
  kDropped,  // the kernel refused it; counted, and another try would not help
};

class UdpSocket {
 public:
  /// Most datagrams that one system call carries.
  static constexpr std::size_t kBatch = 64;

  /// Opens and binds. An unspecified address binds all addresses of that family; port 0 lets the kernel choose.
  /// Errors: kInUse, kPermission (also for a mark without CAP_NET_ADMIN), kInvalid (no address), kSystem.
  static Result<UdpSocket> open(const Endpoint& bind, const UdpOptions& options = {});

  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&& other) noexcept;
  ~UdpSocket();

  /// For an FdWatcher; owned by this socket.
  int fd() const { return fd_; }
  Endpoint local_endpoint() const { return local_; }

  /// Takes what has arrived, at most min(slots.size(), kBatch) datagrams, without waiting. The first N slots are
  /// filled, N is returned (0: nothing was there). Slots whose packet has room are filled in place, others get a packet
  /// from `pool`; so an array of slots that is used again and again costs nothing where the caller took no packet.
  std::size_t receive_batch(BufferPool& pool, std::span<UdpReceived> slots);

  /// Sends one datagram without waiting.
  [[nodiscard]] UdpSend send(const Endpoint& to, Bytes data, Ecn ecn = Ecn::kNotCapable) {
    return send({.to = to, .data = data, .segment_size = 0, .ecn = ecn, .from = {}});
  }
  [[nodiscard]] UdpSend send(const UdpTransmit& transmit);
  /// Sends in order without waiting; returns how many of `batch` are done with (sent, or refused and counted). Fewer
  /// than batch.size(): the socket buffer is full.
  std::size_t send_batch(std::span<const UdpTransmit> batch);

  const UdpCounters& counters() const { return counters_; }

 private:
  UdpSocket(int fd, const Endpoint& local) : fd_(fd), local_(local) {}
  std::size_t send_some(std::span<const UdpTransmit> batch);
  bool send_in_pieces(const UdpTransmit& transmit);

  int fd_ = -1;
  Endpoint local_;
  bool segmentation_ = true;
  UdpCounters counters_;
};

}  // namespace bamgate::net
