#include "host/tls_watch.h"

#include <sys/stat.h>

#include <utility>

#include "core/bytes.h"
#include "net/clock.h"
#include "os/file.h"

namespace bamgate::host {
namespace {

constexpr std::size_t kMaxTlsFile = 256 * 1024;

// A hub that was started by root reads both before it becomes its own user.
std::expected<std::string, std::string> read_pem(const std::filesystem::path& path) {
  auto text = os::read_file(path, kMaxTlsFile);
  if (text) return std::move(*text);
  if (text.error().code != os::Error::kNotPermitted) return std::unexpected(text.error().text);
  return std::unexpected("cannot read " + path.string() +
                         ": permission denied; the user that the hub runs as needs the right to read it");
}

}  // namespace

std::expected<std::shared_ptr<const net::TlsContext>, std::string> read_tls(const TlsFiles& files) {
  auto certificate = read_pem(files.certificate);
  if (!certificate) return std::unexpected(certificate.error());
  auto key = read_pem(files.key);
  if (!key) return std::unexpected(key.error());
  net::TlsIdentity identity{std::move(*key), std::move(*certificate)};
  auto context = net::TlsContext::server(identity);
  wipe(std::as_writable_bytes(std::span(identity.key_pem)));
  if (context) return std::move(*context);
  return std::unexpected(files.certificate.string() + " and " + files.key.string() + ": " + context.error().detail);
}

TlsWatch::TlsWatch(net::Loop& loop, const HubLog& log, TlsFiles files, Use use)
    : log_(log), files_(std::move(files)), use_(std::move(use)), known_(look()), timer_(loop) {
  wait();
}

TlsWatch::Stamps TlsWatch::look() const {
  const auto stamp = [](const std::filesystem::path& path) -> Stamp {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) return {};
    return {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino), status.st_size,
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
  };
  return {stamp(files_.certificate), stamp(files_.key)};
}

void TlsWatch::wait() {
  timer_.expires_at(net::now() + kInterval, [this] {
    look_again();
    wait();
  });
}

void TlsWatch::look_again() {
  // Before they are read: what changes meanwhile is another version again.
  const Stamps seen = look();
  if (seen == known_) return;
  // A renewal writes one file after the other; what is still so at the next look is said.
  take(seen, seen == refused_);
}

void TlsWatch::reload() { take(look(), true); }

void TlsWatch::take(const Stamps& seen, bool says_failure) {
  auto context = read_tls(files_);
  if (context) {
    known_ = seen;
    use_(std::move(*context));
    log_.write(hub::LogLevel::kInfo, "certificate_read", {{"file", files_.certificate.string()}});
    return;
  }
  refused_ = seen;
  if (!says_failure) return;
  known_ = seen;
  log_.error("certificate_refused", context.error() + "; the one before serves on");
}

}  // namespace bamgate::host
