#include "cli/status_text.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <map>

#include "cli/output.h"
#include "cli/table.h"

namespace bamgate::cli {
namespace {

constexpr std::size_t kNumberWidth = 12;  // digits, and space before them

std::string text_of(const json::Value* value, std::string_view key) {
  const std::string* text = value ? value->get_string(key) : nullptr;
  return text ? *text : "";
}

std::optional<double> number_of(const json::Value* value, std::string_view key) {
  const json::Value* found = value ? value->find(key) : nullptr;
  return found ? found->as_double() : std::nullopt;
}

/// "10.100.0.2" of "10.100.0.2/16".
std::string without_length(const std::string& prefix) { return prefix.substr(0, prefix.find('/')); }

Colour colour_of(const std::string& state) {
  if (state == "connected") return Colour::kGood;
  if (state == "failed") return Colour::kBad;
  if (state == "new") return Colour::kFaint;
  return Colour::kWaiting;
}

/// "connected for 5 min 3 s". A peer that is new or away is not there yet: nothing goes on that a person waits for.
std::string state_of(const json::Value& peer) {
  std::string state = text_of(&peer, "state");
  if (state == "new") state = "not there";
  if (const auto since = number_of(&peer, "connected_s")) state += " for " + human_duration(*since);
  return state;
}

/// "direct, 1.9 ms".
std::string path_of(const json::Value& peer) {
  std::string path = text_of(&peer, "path");
  if (path.empty()) return "-";
  if (const auto rtt = number_of(peer.find("ice"), "rtt_ms")) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), ", %.1f ms", *rtt);
    path += text.data();
  }
  return path;
}

std::string bytes_of(const json::Value& peer, std::string_view key) {
  const auto bytes = number_of(peer.find("wireguard"), key);
  return human_bytes(static_cast<std::uint64_t>(bytes.value_or(0)));
}

/// What explains the row above it: by which addresses, since when, and why not.
void add_notes(Table& table, const json::Value& peer, bool with_colour) {
  const auto faint = [&](const std::string& text) { table.add_note("  " + paint(text, Colour::kFaint, with_colour)); };
  const json::Value* ice = peer.find("ice");
  if (const std::string local = text_of(ice, "local"); !local.empty()) {
    std::string line = local + " -> " + text_of(ice, "remote");
    if (const auto handshake = number_of(peer.find("wireguard"), "last_handshake_s")) {
      line += ", handshake " + human_duration(*handshake) + " ago";
    }
    faint(line);
  }
  if (const std::string why = text_of(&peer, "why_relayed"); !why.empty()) {
    const json::Value* relay = peer.find("relay");
    faint("relayed by " + text_of(relay, "server") + " (" + text_of(relay, "transport") + "): " + why);
  }
  if (const std::string error = text_of(&peer, "last_error"); !error.empty()) table.add_note("  " + error);
  if (const std::string key = text_of(&peer, "refused_key"); !key.empty()) table.add_note("  refused key: " + key);
  if (const json::Array* routes = peer.get_array("routes"); routes && !routes->empty()) {
    std::string line = "leads to";
    for (const json::Value& route : *routes) {
      if (const std::string* text = route.as_string()) line += " " + *text;
    }
    faint(line);
  }
}

/// Why there is no connection to the hub, and when the next try is; empty when all is well.
std::string hub_note(const json::Value* hub) {
  const std::string error = text_of(hub, "error");
  if (error.empty()) return "";
  const auto next = number_of(hub, "next_try_s");
  return "  " + error + "; " + (next ? "next try in " + human_duration(std::ceil(*next)) : "trying now") + "\n";
}

std::string head(const json::Value& status, bool with_colour) {
  const json::Value* device = status.find("device");
  const json::Value* hub = status.find("hub");
  const bool connected = hub && hub->get_bool("connected").value_or(false);
  std::string addresses = without_length(text_of(device, "address"));
  if (const std::string v6 = text_of(device, "address6"); !v6.empty()) addresses += "  " + without_length(v6);
  std::string text = text_of(device, "name") + "  " + addresses + "  on " + text_of(device, "interface") + ", up for " +
                     human_duration(number_of(&status, "uptime_s").value_or(0)) + "\n";
  text += "hub  " + text_of(hub, "url") + "  " +
          paint(connected ? "connected" : "not connected", connected ? Colour::kGood : Colour::kBad, with_colour) +
          "\n" + hub_note(hub);
  if (const std::string trouble = text_of(device, "trouble"); !trouble.empty()) {
    text += paint("interface", Colour::kBad, with_colour) + "  " + trouble + "\n";
  }
  text += "\n";
  return text;
}

/// "    1234  datagrams sent", the numbers below each other.
std::string counter_line(std::uint64_t value, std::string_view words) {
  const std::string number = std::to_string(value);
  return std::string(number.size() < kNumberWidth ? kNumberWidth - number.size() : 0, ' ') + number + "  " +
         std::string(words) + "\n";
}

/// What is not zero, by name.
std::map<std::string, std::uint64_t> counted(const json::Value& status) {
  std::map<std::string, std::uint64_t> values;
  const json::Value* counters = status.find("counters");
  const json::Object* members = counters ? counters->as_object() : nullptr;
  if (!members) return values;
  for (const auto& [name, value] : *members) {
    if (const double number = value.as_double().value_or(0); number > 0) {
      values.emplace(name, static_cast<std::uint64_t>(number));
    }
  }
  return values;
}

}  // namespace

std::string counters_text(const json::Value& status, const std::vector<agent::CounterGroup>& groups) {
  std::map<std::string, std::uint64_t> values = counted(status);
  std::string text;
  const auto add = [&](std::string_view title, const std::string& lines) {
    if (!lines.empty()) text += (text.empty() ? "" : "\n") + std::string(title) + "\n" + lines;
  };
  for (const agent::CounterGroup& group : groups) {
    std::string lines;
    for (const auto& [name, words] : group.entries) {
      if (const auto found = values.extract(std::string(name))) lines += counter_line(found.mapped(), words);
    }
    add(group.title, lines);
  }
  // An agent of another version counts what this program has no words for.
  std::string lines;
  for (const auto& [name, value] : values) lines += counter_line(value, name);
  add("other", lines);
  return text.empty() ? "nothing was counted so far\n" : text;
}

std::string status_text(const json::Value& status, bool with_colour) {
  const std::string text = head(status, with_colour);
  const json::Array* peers = status.get_array("peers");
  if (!peers || peers->empty()) {
    return text + "no other device is connected; 'bamgate devices add' prints a join string for a new one\n";
  }
  Table table({"PEER", "ADDRESS", "STATE", "PATH", "RECEIVED", "SENT"});
  for (const json::Value& peer : *peers) {
    const Colour colour = colour_of(text_of(&peer, "state"));
    table.add_row({text_of(&peer, "id"), without_length(text_of(&peer, "address")),
                   paint(state_of(peer), colour, with_colour), path_of(peer), bytes_of(peer, "rx_bytes"),
                   bytes_of(peer, "tx_bytes")});
    add_notes(table, peer, with_colour);
  }
  return text + table.to_string();
}

}  // namespace bamgate::cli
