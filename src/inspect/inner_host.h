// The smallest host that can stand behind a tunnel: one IPv4 address that answers pings (RFC 792) and sends them, so
// that a tunnel can be tried without a TUN and without root. Pure: packets in, packets out. Left out: IPv6, fragments,
// every other protocol.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "core/buffer_pool.h"
#include "core/ip_address.h"
#include "core/packet_buffer.h"
#include "core/time.h"

namespace bamgate::inspect {

class InnerHost {
 public:
  // A ping without an answer counts as lost after this.
  static constexpr auto kPatience = std::chrono::seconds(1);

  InnerHost(const IpAddress& address, BufferPool& pool, Duration patience = kPatience)
      : address_(address), pool_(pool), patience_(patience) {}

  // ICMP data of the pings of one run: 1, 2, … and 1 again. The largest makes an IP packet of 1,312 bytes.
  static constexpr std::size_t kLargest = 1284;
  // So many pings wait for their answers at a time: a socket with a buffer of 208 KiB, where a small datagram counts
  // for 2 KiB, must hold them all.
  static constexpr std::size_t kWindow = 32;

  /// Sends `count` pings from now on, as fast as the answers come. Replaces a run that is not over.
  void ping(const IpAddress& destination, std::uint32_t count);
  /// Answers a ping to our address, and takes an answer to ours. Anything else is left.
  void handle(Instant now, Bytes packet);
  void handle_timeout(Instant now);
  /// The next packet to send.
  std::optional<PacketBuffer> poll_packet(Instant now);
  Instant next_timeout() const;

  struct Counters {
    std::uint32_t sent = 0;
    std::uint32_t answered = 0;    // each content intact
    std::uint32_t damaged = 0;     // answers with another content
    std::uint32_t unexpected = 0;  // answers that nobody waits for (any more): late or twice
    std::uint64_t echoed = 0;      // pings of others
  };
  const Counters& counters() const { return counters_; }
  /// True once each ping of the run was answered or counted as lost.
  bool done() const { return left_ == 0 && waiting_.empty(); }

 private:
  PacketBuffer make_ping(std::uint16_t sequence);
  void write_header(PacketBuffer& packet, const IpAddress& destination) const;
  static std::size_t size_of(std::uint32_t sequence) { return sequence % kLargest + 1; }

  IpAddress address_;
  BufferPool& pool_;
  Duration patience_;
  IpAddress destination_;
  std::uint32_t left_ = 0;
  std::uint16_t sequence_ = 0;
  std::map<std::uint16_t, Instant> waiting_;  // when each counts as lost
  std::deque<PacketBuffer> answers_;
  Counters counters_;
};

}  // namespace bamgate::inspect
