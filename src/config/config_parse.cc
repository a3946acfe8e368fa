// The reading half of config.h.
#include <algorithm>

#include "config/config.h"
#include "config/toml_section.h"
#include "core/encoding.h"

namespace bamgate::config {
namespace {

/// Linux: IFNAMSIZ is 16 with the zero at the end.
constexpr std::size_t kMaxInterfaceName = 15;

bool is_interface_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxInterfaceName && name != "." && name != ".." &&
         std::ranges::all_of(name, [](char character) {
           return character > 0x20 && character < 0x7f && character != '/' && character != ':' && character != '%';
         });
}

/// stun:HOST or stun:HOST:PORT (RFC 7064 §3.1), by the rules for the host and port of a URL.
bool is_stun_uri(std::string_view text) {
  if (!text.starts_with("stun:")) return false;
  const auto url = parse_url("https://" + std::string(text.substr(5)));
  return url && url->path == "/" && !text.ends_with('/');
}

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text,
                              [](char character) { return (character >= 0 && character < 0x20) || character == 0x7f; });
}

void read_network(Section section, NetworkConfig& network) {
  section.text("name", Need::kOptional, network.name);
  if (!is_printable(network.name)) {
    section.fail(Error::kBadValue, "name", "it has a control character", "give the network a plain name");
  }
  std::string url;
  section.text("server_url", Need::kRequired, url);
  if (!url.empty()) {
    auto parsed = parse_url(url);
    if (parsed) {
      network.server_url = std::move(*parsed);
    } else {
      section.fail(parsed.error().code, "server_url", parsed.error().what, parsed.error().what_to_do);
    }
  }
  section.text("device_id", Need::kRequired, network.device_id);
  if (!is_printable(network.device_id) || network.device_id.size() > 128) {
    section.fail(Error::kBadValue, "device_id", "no hub gives such an id", "run 'bamgate setup' again");
  }
  std::string fingerprint;
  section.text("hub_fingerprint", Need::kOptional, fingerprint);
  if (!fingerprint.empty()) {
    const auto digest = from_base64url(fingerprint);
    if (digest && digest->size() == sizeof(Sha256Digest)) {
      copy_bytes(*digest, network.hub_fingerprint.emplace());
    } else {
      section.fail(Error::kBadValue, "hub_fingerprint", "it is no SHA-256 in base64url",
                   "copy what stands behind fp= in the join string");
    }
  }
  section.finish();
}

void read_device(Section section, DeviceConfig& device) {
  section.text("name", Need::kRequired, device.name);
  if (!device.name.empty() && !is_device_name(device.name)) {
    section.fail(Error::kBadValue, "name", "\"" + device.name + "\" is no device name",
                 "use 1 to 63 of a-z, 0-9 and, not at its ends, the hyphen");
  }
  std::optional<IpPrefix> address;
  section.address("address", Need::kRequired, Family::kV4, address);
  device.address = address.value_or(IpPrefix{});
  section.address("address6", Need::kOptional, Family::kV6, device.address6);
  section.text("interface", Need::kOptional, device.interface);
  if (!is_interface_name(device.interface)) {
    section.fail(Error::kBadValue, "interface", "it is no name of a network interface",
                 "use 1 to 15 letters and digits, as in \"bamgate0\"");
  }
  section.number("mtu", kMinMtu, kMaxMtu, device.mtu);
  section.prefixes("routes", device.routes);
  section.boolean("force_relay", device.force_relay);
  if (section.has("private_key")) {
    section.fail(Error::kBadValue, "private_key", "a secret stands in the file that everybody may read",
                 "move it to [device] in secrets.toml");
  }
  section.finish();
}

void read_stun(Section section, StunConfig& stun) {
  section.texts("servers", stun.servers);
  for (const std::string& server : stun.servers) {
    if (is_stun_uri(server)) continue;
    section.fail(Error::kBadValue, "servers", "\"" + server + "\" is no STUN server",
                 "write it as in \"stun:stun.cloudflare.com:3478\"");
  }
  section.finish();
}

void read_webrtc(Section section, WebrtcConfig& webrtc) {
  section.boolean("ordered", webrtc.ordered);
  section.number("max_retransmits", 0, 65'535, webrtc.max_retransmits);
  section.text("transport", Need::kOptional, webrtc.transport);
  if (webrtc.transport != "datachannel") {
    section.fail(Error::kBadValue, "transport", "\"" + webrtc.transport + "\" is not supported",
                 "set it to \"datachannel\", or take the line out");
  }
  section.finish();
}

void read_peers(Section section, toml::table* table, Findings& findings, std::map<std::string, PeerConfig>& peers) {
  if (table == nullptr) return;
  for (auto&& [key, node] : *table) {
    const std::string name(key.str());
    if (!is_device_name(name)) {
      section.fail(Error::kBadValue, name, "\"" + name + "\" is no device name",
                   "use the peer's name as 'bamgate devices' shows it");
      return;
    }
    Section peer(section.table(name), "peers." + name, findings);
    peer.prefixes("routes", peers[name].routes);
    peer.finish();
  }
}

void give_warnings(Findings& findings, std::vector<Warning>* warnings) {
  if (warnings != nullptr) std::ranges::move(findings.warnings, std::back_inserter(*warnings));
}

}  // namespace

std::expected<Config, ConfigError> parse_config(std::string_view text, std::vector<Warning>* warnings) {
  Findings findings;
  auto root = read_toml(text, Quote::kAllowed, findings);
  Config config;
  if (root) {
    Section top(&*root, {}, findings);
    read_network(Section(top.table("network"), "network", findings), config.network);
    read_device(Section(top.table("device"), "device", findings), config.device);
    read_stun(Section(top.table("stun"), "stun", findings), config.stun);
    read_webrtc(Section(top.table("webrtc"), "webrtc", findings), config.webrtc);
    toml::table* peers = top.table("peers");
    read_peers(Section(peers, "peers", findings), peers, findings, config.peers);
    top.finish();
  }
  give_warnings(findings, warnings);
  if (findings.error) return std::unexpected(std::move(*findings.error));
  return config;
}

std::expected<Secrets, ConfigError> parse_secrets(std::string_view text, std::vector<Warning>* warnings) {
  Findings findings;
  auto root = read_toml(text, Quote::kNever, findings);
  Secrets secrets;
  if (root) {
    Section top(&*root, {}, findings);
    Section network(top.table("network"), "network", findings);
    network.secret("turn_secret", Need::kOptional, secrets.turn_secret);
    network.secret("refresh_token", Need::kOptional, secrets.refresh_token);
    network.secret("previous_refresh_token", Need::kOptional, secrets.previous_refresh_token);
    network.finish();
    Section device(top.table("device"), "device", findings);
    SecretText key;
    device.secret("private_key", Need::kRequired, key);
    auto bytes = array_from_base64<32>(key.view());
    if (bytes) {
      secrets.private_key = PrivateKey(*bytes);
      wipe(*bytes);
    } else {
      device.fail(Error::kBadValue, "private_key", "it is not 32 bytes in base64",
                  "restore the file, or run 'bamgate setup' again for a new key");
    }
    device.finish();
    top.finish();
  }
  give_warnings(findings, warnings);
  if (findings.error) return std::unexpected(std::move(*findings.error));
  return secrets;
}

}  // namespace bamgate::config
