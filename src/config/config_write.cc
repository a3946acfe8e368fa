// The writing half of config.h.
#include "config/config.h"
#include "core/encoding.h"

namespace bamgate::config {
namespace {

/// Appends a TOML basic string (TOML 1.0.0, "String") to a std::string or SecretText: quotes, backslashes and control
/// characters are escaped. Of a secret it leaves no other copy.
template <typename Text>
void append_quoted(Text& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out.append("\"");
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto code = static_cast<unsigned char>(text[i]);
    if (code < 0x20 || code == 0x7f) {
      out.append("\\u00");
      out.append(kDigits.substr(code >> 4, 1));
      out.append(kDigits.substr(code & 15, 1));
      continue;
    }
    if (text[i] == '"' || text[i] == '\\') out.append("\\");
    out.append(text.substr(i, 1));
  }
  out.append("\"");
}

std::string quoted(std::string_view text) {
  std::string result;
  append_quoted(result, text);
  return result;
}

std::string list(const std::vector<std::string>& texts) {
  std::string result = "[";
  for (const std::string& text : texts) {
    if (result.size() > 1) result += ", ";
    result += quoted(text);
  }
  return result += "]";
}

std::string list(const std::vector<IpPrefix>& prefixes) {
  std::vector<std::string> texts;
  for (const IpPrefix& prefix : prefixes) texts.push_back(prefix.to_string());
  return list(texts);
}

/// Builds the text line by line.
class File {
 public:
  void comment(std::string_view text) { text_.append("# ").append(text).append("\n"); }
  void section(std::string_view name) { text_.append("\n[").append(name).append("]\n"); }
  /// `value` is TOML already.
  void line(std::string_view key, std::string_view value, std::string_view remark = {}) {
    text_.append(key).append(" = ").append(value);
    if (!remark.empty()) text_.append("  # ").append(remark);
    text_ += '\n';
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

const char* boolean(bool value) { return value ? "true" : "false"; }

void write_network(File& file, const NetworkConfig& network) {
  file.section("network");
  file.line("name", quoted(network.name));
  file.line("server_url", quoted(network.server_url.to_string()));
  file.line("device_id", quoted(network.device_id));
  if (network.hub_fingerprint) {
    file.line("hub_fingerprint", quoted(to_base64url(*network.hub_fingerprint)), "SHA-256 of the hub's public key");
  }
}

void write_device(File& file, const DeviceConfig& device) {
  file.section("device");
  file.line("name", quoted(device.name));
  file.line("address", quoted(device.address.to_string()));
  if (device.address6) file.line("address6", quoted(device.address6->to_string()));
  file.line("interface", quoted(device.interface));
  file.line("mtu", std::to_string(device.mtu), "1280 to 1500");
  file.line("routes", list(device.routes), "networks that others reach through this device");
  file.line("force_relay", boolean(device.force_relay), "true: never a direct path");
}

void write_turn(File& file, const TurnConfig& turn) {
  file.section("turn");
  file.comment(
      "TURN servers of your own, beside the hub's relay: { url = \"turns:turn.example:5349\", username = \"me\" }");
  file.comment("The credential belongs under [turn] in secrets.toml.");
  std::string servers = "[";
  for (const TurnServer& server : turn.servers) {
    if (servers.size() > 1) servers += ", ";
    servers += "{ url = " + quoted(server.url) + ", username = " + quoted(server.username) + " }";
  }
  file.line("servers", servers + "]");
}

/// Appends `key = "text"`, without a copy of the secret that nobody wipes.
void append_secret(SecretText& file, std::string_view key, std::string_view text) {
  file.append(key);
  file.append(" = ");
  append_quoted(file, text);
  file.append("\n");
}

void append_turn(SecretText& file, const TurnSecrets& turn) {
  if (turn.credential.empty() && turn.servers.empty()) return;
  file.append("\n[turn]\n");
  if (!turn.credential.empty()) append_secret(file, "credential", turn.credential.view());
  for (const TurnCredential& one : turn.servers) {
    file.append("\n[[turn.servers]]\n");
    append_secret(file, "url", one.url);
    append_secret(file, "credential", one.credential.view());
  }
}

}  // namespace

std::string write_config(const Config& config) {
  File file;
  file.comment("bamgate: this device and its network. After a change: bamgate restart");
  file.comment("No secret belongs here: everybody may read this file. Secrets stand in secrets.toml.");
  write_network(file, config.network);
  write_device(file, config.device);
  file.section("stun");
  file.comment("Asked for this device's public address; the hub's own server stands first.");
  file.line("servers", list(config.stun.servers));
  write_turn(file, config.turn);
  file.section("ice");
  file.comment("Interfaces that are no way to anybody: names with * and ?, as in \"docker*\".");
  file.line("exclude", list(config.ice.exclude));
  file.section("webrtc");
  file.comment("WireGuard brings its own order and repetition: unordered, 0 retransmits is best.");
  file.line("ordered", boolean(config.webrtc.ordered));
  file.line("max_retransmits", std::to_string(config.webrtc.max_retransmits));
  file.line("transport", quoted(config.webrtc.transport));
  for (const auto& [name, peer] : config.peers) {
    file.section("peers." + name);
    file.line("routes", list(peer.routes), "what this device accepts from that peer");
  }
  return file.take();
}

SecretText write_secrets(const Secrets& secrets) {
  SecretText file("# bamgate: secrets of this device. Only root may read this file; copy it nowhere.\n\n[network]\n");
  append_secret(file, "turn_secret", secrets.turn_secret.view());
  append_secret(file, "refresh_token", secrets.refresh_token.view());
  if (!secrets.previous_refresh_token.empty()) {
    append_secret(file, "previous_refresh_token", secrets.previous_refresh_token.view());
  }
  file.append("\n[device]\n");
  std::string key = to_base64(secrets.private_key.bytes());
  append_secret(file, "private_key", key);
  wipe(std::as_writable_bytes(std::span(key)));
  append_turn(file, secrets.turn);
  return file;
}

}  // namespace bamgate::config
