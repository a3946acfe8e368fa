// A TUN interface: the kernel hands over the IP packets that it routes into it and takes those that we write.
// Linux only. One packet for each call; superpackets (IFF_VNET_HDR) are left out for now.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "core/counters.h"
#include "core/packet_buffer.h"
#include "os/file_descriptor.h"
#include "os/os_error.h"

namespace bamgate::os {

/// What a read of the TUN brought.
enum class TunRead : std::uint8_t {
  kPacket,  // one IP packet
  kNone,    // nothing waits; wait until fd() is readable
};

struct TunCounters {
  std::uint64_t read_oversized = 0;  // packets that were larger than the room of read()
  std::uint64_t write_failures = 0;  // packets that write() did not get into the kernel

  static constexpr auto list() {
    return std::to_array<Counter<TunCounters>>({
        {"tun_read_oversized", "packets from the interface that were larger than its MTU: dropped",
         &TunCounters::read_oversized},
        {"tun_write_failures", "packets that the system did not take: no memory, interface down, no IP packet",
         &TunCounters::write_failures},
    });
  }
  TunCounters& operator+=(const TunCounters& other) { return add_counters(*this, other); }
};

/// One TUN interface. It vanishes with its addresses and routes when this object (that is, its descriptor) ends, also
/// when the process is killed. It belongs to the network namespace in which it was made.
class Tun {
 public:
  /// Makes the interface `name` (1 to 15 characters), down and without address; see netlink.h for the rest. A TUN of
  /// that name that nobody has open (ip tuntap add) is taken as it is, and outlives this object.
  /// Errors: kNotPermitted (needs CAP_NET_ADMIN), kNotFound (no /dev/net/tun), kBusy (another process has it open),
  /// kInvalid (not a name, or an interface of another kind has it), kSystem.
  [[nodiscard]] static std::expected<Tun, OsError> create(std::string_view name);

  /// Non-blocking; readable when a packet waits.
  int fd() const { return fd_.get(); }
  const std::string& name() const { return name_; }
  /// The kernel's number of the interface.
  unsigned index() const { return index_; }
  /// Somebody has renamed it.
  void set_name(std::string name) { name_ = std::move(name); }

  /// Reads one IP packet behind what `packet` holds; after anything but kPacket the packet is as it was. Its tailroom
  /// must be larger than the MTU: a packet that fills it is taken for cut off, dropped and counted.
  /// Errors: kNotFound (the interface was deleted), kSystem.
  [[nodiscard]] std::expected<TunRead, OsError> read(PacketBuffer& packet);

  /// Hands one IP packet to the kernel. False: the kernel dropped it (no memory, interface down, not an IP packet).
  /// Whatever is not true is counted.
  /// Errors: kNotFound (the interface was deleted), kSystem.
  [[nodiscard]] std::expected<bool, OsError> write(Bytes packet);

  const TunCounters& counters() const { return counters_; }

 private:
  Tun(FileDescriptor fd, std::string name, unsigned index)
      : fd_(std::move(fd)), name_(std::move(name)), index_(index) {}

  FileDescriptor fd_;
  std::string name_;
  unsigned index_ = 0;
  TunCounters counters_;
};

}  // namespace bamgate::os
