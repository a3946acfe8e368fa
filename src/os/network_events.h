// Tells when interfaces, addresses or routes of this network namespace have changed: rtnetlink's multicast groups
// (rtnetlink(7), netlink(7)). It says that something changed, not what: whoever listens looks again (network_view.h).
// Left out: rules and neighbours.
#pragma once

#include <expected>

#include "os/file_descriptor.h"
#include "os/os_error.h"

namespace bamgate::os {

class NetworkEvents {
 public:
  /// Changes are reported from here on. Errors: kSystem.
  static std::expected<NetworkEvents, OsError> open();

  /// Readable when drain() has something to read. Open as long as this object is.
  int fd() const { return socket_.get(); }

  /// Whose links, addresses or routes have changed.
  struct Changes {
    bool own = false;
    bool others = false;
  };

  /// Reads everything that waits. The interface with the index `own_tun` is our own (0: none is). Both when the kernel
  /// dropped notifications because too many waited.
  Changes drain(unsigned own_tun);

 private:
  explicit NetworkEvents(FileDescriptor socket) : socket_(std::move(socket)) {}
  FileDescriptor socket_;
};

}  // namespace bamgate::os
