// The reading half of config.h.
#include <algorithm>

#include "config/config.h"
#include "config/toml_section.h"
#include "config/turn_url.h"
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

void read_turn_server(Section section, const TurnConfig& known, TurnServer& server) {
  section.text("url", Need::kOptional, server.url);
  if (const auto url = parse_turn_url(server.url); !section.has("url")) {
    section.fail(Error::kMissing, "url", "it is missing", "add it, as in url = \"turns:turn.example:5349\"");
  } else if (!url) {
    section.fail(url.error().code, "url", url.error().what, url.error().what_to_do);
  }
  const auto is_same = [&](const TurnServer& other) { return is_same_turn_url(other.url, server.url); };
  if (std::ranges::any_of(known.servers, is_same)) {
    section.fail(Error::kBadValue, "url", "\"" + server.url + "\" stands there twice", "take one of them out");
  }
  section.text("username", Need::kOptional, server.username);
  if (server.username.empty()) {
    section.fail(Error::kMissing, "username", "it is missing", "add the name of your account at that server");
  } else if (!is_printable(server.username) || server.username.size() > kMaxTurnUsername) {
    section.fail(Error::kBadValue, "username", "no server has such a user", "use the name that the server knows");
  }
  if (section.has("credential")) {
    section.fail(Error::kBadValue, "credential", "a secret stands in the file that everybody may read",
                 "move it to [turn] in secrets.toml");
  }
  section.finish();
}

void read_turn(Section section, Findings& findings, TurnConfig& turn) {
  const std::vector<toml::table*> tables =
      section.tables("servers", kMaxTurnServers, R"([{ url = "turns:turn.example:5349", username = "me" }])");
  for (toml::table* table : tables) {
    TurnServer server;
    read_turn_server(Section(table, "turn.servers", findings), turn, server);
    turn.servers.push_back(std::move(server));
  }
  if (section.has("credential")) {
    section.fail(Error::kBadValue, "credential", "a secret stands in the file that everybody may read",
                 "move it to [turn] in secrets.toml");
  }
  section.finish();
}

/// No error repeats what stands there.
void read_turn_secrets(Section section, Findings& findings, TurnSecrets& turn) {
  section.secret("credential", Need::kOptional, turn.credential);
  const std::vector<toml::table*> tables =
      section.tables("servers", kMaxTurnServers, R"([{ url = "turns:turn.example:5349", credential = "..." }])");
  for (toml::table* table : tables) {
    Section server(table, "turn.servers", findings);
    TurnCredential& one = turn.servers.emplace_back();
    server.text("url", Need::kOptional, one.url);
    if (!parse_turn_url(one.url)) {
      server.fail(Error::kBadValue, "url", "it is no TURN server", "write it as in config.toml");
    }
    server.secret("credential", Need::kOptional, one.credential);
    if (one.credential.empty()) {
      server.fail(Error::kMissing, "credential", "it is missing", "add the password of your account at that server");
    }
    server.finish();
  }
  section.finish();
}

/// Could be the name of an interface, if each * stood for nothing and each ? for some letter.
bool is_interface_pattern(std::string_view pattern) {
  std::string shortest;
  for (const char character : pattern) {
    if (character != '*') shortest += character == '?' ? 'x' : character;
  }
  return pattern.size() <= 2 * kMaxInterfaceName &&
         (is_interface_name(shortest) || (shortest.empty() && !pattern.empty()));
}

void read_ice(Section section, IceConfig& ice) {
  section.texts("exclude", ice.exclude);
  if (ice.exclude.size() > kMaxExcluded) {
    section.fail(Error::kBadValue, "exclude", std::to_string(ice.exclude.size()) + " are too many",
                 "keep at most " + std::to_string(kMaxExcluded) + " of them, with * for what they have in common");
  }
  for (const std::string& pattern : ice.exclude) {
    if (is_interface_pattern(pattern)) continue;
    section.fail(Error::kBadValue, "exclude", "\"" + pattern + "\" can be no name of a network interface",
                 "write names as in \"tailscale0\", with * for any characters and ? for one, as in \"docker*\"");
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
    read_turn(Section(top.table("turn"), "turn", findings), findings, config.turn);
    read_ice(Section(top.table("ice"), "ice", findings), config.ice);
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
    read_turn_secrets(Section(top.table("turn"), "turn", findings), findings, secrets.turn);
    top.finish();
  }
  give_warnings(findings, warnings);
  if (findings.error) return std::unexpected(std::move(*findings.error));
  return secrets;
}

const SecretText* credential_of(const TurnServer& server, const TurnSecrets& secrets) {
  const auto is_it = [&](const TurnCredential& one) { return is_same_turn_url(one.url, server.url); };
  const auto own = std::ranges::find_if(secrets.servers, is_it);
  if (own != secrets.servers.end()) return &own->credential;
  return secrets.credential.empty() ? nullptr : &secrets.credential;
}

std::expected<void, ConfigError> check_credentials(const TurnConfig& turn, const TurnSecrets& secrets) {
  for (const TurnServer& server : turn.servers) {
    if (credential_of(server, secrets) != nullptr) continue;
    return std::unexpected(ConfigError{Error::kMissing, 0, "turn.servers",
                                       "\"" + server.url + "\" has no credential in secrets.toml",
                                       "add there, under [turn], credential = \"...\", or with several servers one " +
                                           ("{ url = \"" + server.url + "\", credential = \"...\" } in servers = []")});
  }
  return {};
}

}  // namespace bamgate::config
