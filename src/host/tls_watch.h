// A certificate and its key in files of a person's choice (bamgate hub --tls-cert, --tls-key). Whatever renews them
// need not know of the hub: the files are looked at every few seconds, and at SIGHUP at once. A pair that cannot be
// used (half of a renewal, a wrong key) changes nothing: the one before serves on, and the log says why.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "host/hub_log.h"
#include "net/loop.h"
#include "net/tls_stream.h"

namespace bamgate::host {

struct TlsFiles {
  std::filesystem::path certificate;  // PEM, the chain, leaf first
  std::filesystem::path key;          // PEM
};

/// A server's context of them. The error is a sentence that names the files.
std::expected<std::shared_ptr<const net::TlsContext>, std::string> read_tls(const TlsFiles& files);

class TlsWatch {
 public:
  using Use = std::function<void(std::shared_ptr<const net::TlsContext>)>;

  static constexpr auto kInterval = std::chrono::seconds(5);

  /// Begins to look; the files as they are now count as known. `loop` and `log` must outlive this object.
  TlsWatch(net::Loop& loop, const HubLog& log, TlsFiles files, Use use);

  /// Reads the files now, whether they have changed or not, and says what came of it.
  void reload();

 private:
  // What tells one version of a file from another: device, inode, size and time of the last change.
  using Stamp = std::array<std::int64_t, 5>;
  struct Stamps {
    Stamp certificate{};
    Stamp key{};
    bool operator==(const Stamps&) const = default;
  };

  Stamps look() const;
  void wait();
  void look_again();
  void take(const Stamps& seen, bool says_failure);

  const HubLog& log_;
  TlsFiles files_;
  Use use_;
  Stamps known_;    // in use, or refused for good
  Stamps refused_;  // refused once: a renewal may be half done
  net::Timer timer_;
};

}  // namespace bamgate::host
