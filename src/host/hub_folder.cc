#include "host/hub_folder.h"

#include "json/parse.h"
#include "json/write.h"
#include "net/clock.h"
#include "os/file.h"

namespace bamgate::host {
namespace {

constexpr std::size_t kMaxOwnFile = 64 * 1024;

constexpr const char* kCommonName = "bamgate-hub";

std::unexpected<std::string> said(const os::OsError& error) { return std::unexpected(error.text); }

/// Empty where there is no such file.
std::expected<std::string, std::string> read_if_any(const std::filesystem::path& file) {
  auto text = os::read_file(file, kMaxOwnFile);
  if (text) return std::move(*text);
  if (text.error().code == os::Error::kNotFound) return std::string();
  return said(text.error());
}

}  // namespace

std::expected<void, std::string> HubFolder::create() const {
  if (const auto made = os::ensure_directory(path_, 0700); !made) return said(made.error());
  return {};
}

std::expected<net::TlsIdentity, std::string> HubFolder::identity(Random& random) const {
  auto key = read_if_any(this->key());
  if (!key) return std::unexpected(key.error());
  auto cert = read_if_any(certificate());
  if (!cert) return std::unexpected(cert.error());
  if (!key->empty()) {
    if (const auto secret = os::check_private(this->key()); !secret) return said(secret.error());
    if (!cert->empty()) return net::TlsIdentity{std::move(*key), std::move(*cert)};
  }
  const bool has_key = !key->empty();
  auto made = has_key ? net::certify_key(random, std::move(*key), kCommonName, net::unix_now())
                      : net::make_self_signed(random, kCommonName, net::unix_now());
  if (!made)
    return std::unexpected("cannot make a certificate for " + this->key().string() + ": " + made.error().detail);
  if (!has_key) {
    const auto written = os::write_file_atomically(this->key(), made->key_pem, 0600);
    if (!written) return said(written.error());
  }
  const auto written = os::write_file_atomically(certificate(), made->cert_pem, 0644);
  if (!written) return said(written.error());
  return std::move(*made);
}

std::expected<void, std::string> HubFolder::write_address(const HubAddress& address) const {
  json::Value value;
  value.set("public_url", address.public_url);
  value.set("fingerprint", address.fingerprint);
  if (!address.network.empty()) value.set("network", address.network);
  const std::string text = json::write(value) + "\n";
  // A start needs no write: the disk may be full.
  if (const auto before = os::read_file(this->address(), kMaxOwnFile); before && *before == text) return {};
  const auto written = os::write_file_atomically(this->address(), text, 0644);
  if (!written) return said(written.error());
  return {};
}

std::expected<HubAddress, std::string> HubFolder::read_address() const {
  const auto text = os::read_file(address(), kMaxOwnFile);
  if (!text) {
    if (text.error().code == os::Error::kNotFound) {
      return std::unexpected("there is no hub in " + path_.string() + ": start it once with 'bamgate hub --data " +
                             path_.string() + "'");
    }
    return said(text.error());
  }
  const auto value = json::parse(*text);
  if (!value || !value->get_string("public_url") || !value->get_string("fingerprint")) {
    return std::unexpected(address().string() + " cannot be read: start the hub again, it writes it anew");
  }
  const std::string* network = value->get_string("network");
  return HubAddress{*value->get_string("public_url"), *value->get_string("fingerprint"), network ? *network : ""};
}

std::expected<void, std::string> HubFolder::name_network(const std::string& network) const {
  auto address = read_address();
  if (!address || address->network == network) return {};
  address->network = network;
  return write_address(*address);
}

}  // namespace bamgate::host
