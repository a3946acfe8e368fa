#include "os/tun.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace bamgate::os {
namespace {

constexpr const char* kDevice = "/dev/net/tun";

std::string_view open_advice(int number) {
  switch (number) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
      return "load the kernel's module (modprobe tun); in a container, pass /dev/net/tun in";
    case EPERM:
    case EACCES:
      return "run as root; in a container, allow the device 10:200";
    default:
      return {};
  }
}

/// Somebody made a file or a folder where the device belongs: a container that binds what is not there does so.
std::optional<OsError> refuse_no_device() {
  struct stat status{};
  if (stat(kDevice, &status) != 0) return std::nullopt;  // open() will say why
  if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(10, 200)) return std::nullopt;
  return OsError{Error::kNotFound, 0,
                 std::string(kDevice) +
                     " is not the kernel's device: remove it and run 'mknod /dev/net/tun c 10 200'; in a container, "
                     "pass the machine's in (--device /dev/net/tun)"};
}

std::string create_advice(int number, const char* name) {
  switch (number) {
    case EPERM:
    case EACCES:
      return "run bamgate as root or give it CAP_NET_ADMIN";
    case EBUSY:
      return "another process, perhaps another bamgate, holds it; stop that or choose another name";
    case EINVAL:
      // What has the name is no TUN, or one with other flags (multi_queue, vnet_hdr).
      if (if_nametoindex(name) != 0) {
        return "another kind of interface has this name already; choose another one ('interface' in config.toml), or "
               "take that away with 'ip link delete " +
               std::string(name) + "'";
      }
      return "the kernel does not take it; choose another";
    default:
      return {};
  }
}

bool is_interface_name(std::string_view name) {
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         name.find_first_of("/: \t\n%") == std::string_view::npos;
}

}  // namespace

std::expected<Tun, OsError> Tun::create(std::string_view name) {
  const std::string what = "cannot make the interface " + std::string(name);
  if (!is_interface_name(name)) {
    return std::unexpected(
        OsError{Error::kInvalid, 0, what + ": a name has 1 to 15 characters, without / : % and spaces"});
  }
  if (auto refused = refuse_no_device()) return std::unexpected(std::move(*refused));
  FileDescriptor fd(open(kDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.is_open()) {
    return std::unexpected(system_failure(std::string("cannot open ") + kDevice, errno, open_advice(errno)));
  }
  ifreq request{};
  std::ranges::copy(name, request.ifr_name);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(fd.get(), TUNSETIFF, &request) < 0) {
    const int number = errno;
    return std::unexpected(system_failure(what, number, create_advice(number, request.ifr_name)));
  }
  const unsigned index = if_nametoindex(request.ifr_name);
  if (index == 0) return std::unexpected(system_failure(what, errno));
  return Tun(std::move(fd), request.ifr_name, index);
}

std::expected<TunRead, OsError> Tun::read(PacketBuffer& packet) {
  const std::size_t before = packet.size();
  const MutableBytes room = packet.append(packet.tailroom());
  const ssize_t count = ::read(fd_.get(), room.data(), room.size());
  const int number = count < 0 ? errno : 0;
  const std::size_t got = count < 0 ? 0 : static_cast<std::size_t>(count);
  const bool cut = got == room.size();
  packet.remove_suffix(packet.size() - before - (cut ? 0 : got));
  if (count > 0 && !cut) return TunRead::kPacket;
  switch (number) {
    case 0:
      if (cut) ++counters_.read_oversized;
      return TunRead::kNone;
    case EAGAIN:
    case EINTR:
      return TunRead::kNone;
    case EBADFD:
      return std::unexpected(OsError{Error::kNotFound, number, name_ + " was deleted"});
    default:
      return std::unexpected(system_failure("cannot read from " + name_, number));
  }
}

std::expected<bool, OsError> Tun::write(Bytes packet) {
  while (true) {
    if (::write(fd_.get(), packet.data(), packet.size()) >= 0) return true;
    if (errno == EINTR) continue;
    ++counters_.write_failures;
    switch (errno) {
      case EAGAIN:
      case ENOBUFS:
      case ENOMEM:
      case EIO:     // the interface is down
      case EINVAL:  // neither IPv4 nor IPv6
        return false;
      case EBADFD:
        return std::unexpected(OsError{Error::kNotFound, errno, name_ + " was deleted"});
      default:
        return std::unexpected(system_failure("cannot write to " + name_, errno));
    }
  }
}

}  // namespace bamgate::os
