// Relays, for a device on this machine: where they are, and the streams to them.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "host/device_host.h"
#include "net/clock.h"

namespace bamgate::host {
namespace {

using enum agent::Relays::Whose;

const char* relay_word(agent::Relays::Whose whose) { return whose == kHub ? "the hub's relay" : "TURN server"; }

}  // namespace

// ---- Where they are ----

// What the hub says of its own with each token. A relay that is known is not added again.
void DeviceHost::use_relays(const std::vector<std::string>& relays) {
  for (const std::string& text : relays) {
    if (text.starts_with("wss:") || text.starts_with("ws:")) {
      runner_.add_websocket_relay(net::now());
      continue;
    }
    const auto uri = stun::Uri::parse(text);
    if (!uri || uri->scheme != stun::Scheme::kTurn || uri->transport != stun::UriTransport::kUdp) continue;
    if (const auto address = IpAddress::parse(uri->host)) {
      runner_.add_relay(net::now(), {*address, uri->port});
    } else {
      name_relay(kHub, *uri);
    }
  }
}

void DeviceHost::name_relay(agent::Relays::Whose whose, const stun::Uri& uri) {
  if (std::ranges::find(relay_names_, std::pair(whose, uri)) != relay_names_.end()) return;
  relay_names_.emplace_back(whose, uri);
  names_.add(relay_word(whose), uri.host, uri.port, [this, whose, uri](const std::vector<Endpoint>& endpoints) {
    runner_.on_relay_resolved(net::now(), whose, uri, endpoints);
    arm_timer();
  });
}

// ConfigFolder has checked that each has a credential.
std::vector<agent::OwnRelay> DeviceHost::read_own_relays() {
  std::vector<agent::OwnRelay> relays;
  for (const config::TurnServer& server : device_.config.turn.servers) {
    const auto uri = stun::Uri::parse(server.url);
    const SecretText* credential = config::credential_of(server, device_.secrets.turn);
    if (!uri || credential == nullptr) continue;
    relays.push_back({.uri = *uri, .credentials = {.username = server.username, .password = *credential}});
  }
  std::erase_if(relay_names_, [&](const auto& name) {
    const bool stays =
        name.first == kHub || std::ranges::find(relays, name.second, &agent::OwnRelay::uri) != relays.end();
    if (!stays) names_.remove(relay_word(name.first), name.second.host, name.second.port);
    return !stays;
  });
  for (const agent::OwnRelay& relay : relays) {
    // By a stream each connection asks for the name itself.
    const bool by_udp = relay.uri.transport == stun::UriTransport::kUdp;
    if (by_udp && !IpAddress::parse(relay.uri.host)) name_relay(kOwn, relay.uri);
  }
  return relays;
}

// ---- The streams ----

void DeviceHost::connect_relay(agent::RelayGeneration generation, agent::RelayWay way) {
  RelayLine::Handlers handlers{.on_open =
                                   [this, generation](const Endpoint& remote) {
                                     runner_.on_relay_open(net::now(), generation, remote);
                                     arm_timer();
                                   },
                               .on_message =
                                   [this, generation](MutableBytes message) {
                                     runner_.on_relay_message(net::now(), generation, message);
                                     runner_.flush(net::now());
                                     arm_timer();
                                   },
                               .on_close =
                                   [this, generation](std::string_view why) {
                                     spdlog::debug("no stream to a relay: {}", why);
                                     drop_line(generation);
                                     runner_.on_relay_closed(net::now(), generation, why);
                                     arm_timer();
                                   }};
  if (auto* hub = std::get_if<agent::HubRelay>(&way)) {
    net::WebSocketCall call = hub_call("/turn?batch=1", std::move(hub->access_token));
    lines_[generation] = RelayLine::by_websocket(loop_, std::move(call), std::move(handlers));
  } else {
    lines_[generation] = RelayLine::by_stream(loop_, std::get<agent::StreamRelay>(way), std::move(handlers));
  }
}

bool DeviceHost::send_to_relay(agent::RelayGeneration generation, Bytes messages) {
  const auto line = lines_.find(generation);
  return line != lines_.end() && line->second->send(messages);
}

void DeviceHost::disconnect_relay(agent::RelayGeneration generation) {
  const auto line = lines_.find(generation);
  if (line != lines_.end() && !line->second->close()) drop_line(generation);
}

// Perhaps it is one of its own handlers that calls.
void DeviceHost::drop_line(agent::RelayGeneration generation) {
  const auto line = lines_.find(generation);
  if (line == lines_.end()) return;
  loop_.post([gone = std::shared_ptr<RelayLine>(std::move(line->second))] {});
  lines_.erase(line);
}

// TCP would find out after minutes.
void DeviceHost::leave_lines_of_gone_addresses() {
  std::vector<agent::RelayGeneration> left;
  for (const auto& [generation, line] : lines_) {
    const IpAddress local = line->local().address;
    const bool is_known = local.family() != Family::kNone && !local.is_loopback();
    const bool is_there = std::ranges::find(addresses_, local, &IpPrefix::address) != addresses_.end();
    if (is_known && !is_there) left.push_back(generation);
  }
  for (const agent::RelayGeneration generation : left) {
    drop_line(generation);
    runner_.on_relay_closed(net::now(), generation, "the address that it left from is gone");
  }
}

}  // namespace bamgate::host
