#include "host/hub_folder.h"

#include "json/parse.h"
#include "json/write.h"
#include "net/clock.h"
#include "os/file.h"

namespace bamgate::host {
namespace {

constexpr std::size_t kMaxOwnFile = 64 * 1024;

std::unexpected<std::string> said(const os::OsError& error) { return std::unexpected(error.text); }

}  // namespace

std::expected<void, std::string> HubFolder::create() const {
  if (const auto made = os::ensure_directory(path_, 0700); !made) return said(made.error());
  return {};
}

std::expected<net::TlsIdentity, std::string> HubFolder::identity(Random& random) const {
  const auto key_path = path_ / "hub-key.pem";
  const auto cert_path = path_ / "hub-cert.pem";
  auto key = os::read_file(key_path, kMaxOwnFile);
  auto cert = os::read_file(cert_path, kMaxOwnFile);
  if (key && cert) {
    if (const auto secret = os::check_private(key_path); !secret) return said(secret.error());
    return net::TlsIdentity{std::move(*key), std::move(*cert)};
  }
  if (!key && key.error().code != os::Error::kNotFound) return said(key.error());
  if (!cert && cert.error().code != os::Error::kNotFound) return said(cert.error());
  auto made = net::make_self_signed(random, "bamgate-hub", net::unix_now());
  if (!made) return std::unexpected("cannot make a certificate: " + made.error().detail);
  if (const auto written = os::write_file_atomically(key_path, made->key_pem, 0600); !written) {
    return said(written.error());
  }
  if (const auto written = os::write_file_atomically(cert_path, made->cert_pem, 0644); !written) {
    return said(written.error());
  }
  return std::move(*made);
}

std::expected<void, std::string> HubFolder::write_address(const HubAddress& address) const {
  json::Value value;
  value.set("public_url", address.public_url);
  value.set("fingerprint", address.fingerprint);
  const auto written = os::write_file_atomically(path_ / "hub.json", json::write(value) + "\n", 0644);
  if (!written) return said(written.error());
  return {};
}

std::expected<HubAddress, std::string> HubFolder::read_address() const {
  const auto text = os::read_file(path_ / "hub.json", kMaxOwnFile);
  if (!text) {
    if (text.error().code == os::Error::kNotFound) {
      return std::unexpected("there is no hub in " + path_.string() + ": start it once with 'bamgate hub --data " +
                             path_.string() + "'");
    }
    return said(text.error());
  }
  const auto value = json::parse(*text);
  if (!value || !value->get_string("public_url") || !value->get_string("fingerprint")) {
    return std::unexpected((path_ / "hub.json").string() + " cannot be read: start the hub again, it writes it anew");
  }
  return HubAddress{*value->get_string("public_url"), *value->get_string("fingerprint")};
}

}  // namespace bamgate::host
