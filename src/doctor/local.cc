#include "doctor/local.h"

#include <unistd.h>

#include <algorithm>

#include "core/encoding.h"
#include "json/parse.h"
#include "os/privileges.h"

namespace bamgate::doctor {
namespace {

bool overlap(const IpPrefix& one, const IpPrefix& other) {
  return one.contains(other.address) || other.contains(one.address);
}

/// What a JSON Web Token claims (RFC 7519 §3); nobody checks its signature here, since only its time is looked at.
std::optional<json::Value> claims_of(std::string_view token) {
  const std::size_t begin = token.find('.');
  const std::size_t end = begin == std::string_view::npos ? begin : token.find('.', begin + 1);
  if (end == std::string_view::npos) return std::nullopt;
  const auto payload = from_base64url(token.substr(begin + 1, end - begin - 1));
  if (!payload) return std::nullopt;
  auto claims = json::parse(std::string_view(reinterpret_cast<const char*>(payload->data()), payload->size()));
  if (!claims) return std::nullopt;
  return std::move(*claims);
}

}  // namespace

void examine_machine(const std::optional<config::Config>& config, std::uint32_t mark, Findings& findings) {
  findings.tun_device = access("/dev/net/tun", F_OK) == 0;
  findings.may_make_tun = os::has_net_admin();
  const std::string own = config ? config->device.interface : "";
  auto view = os::network_view(own, mark != 0 ? std::optional(mark) : std::nullopt);
  if (view) findings.network = std::move(*view);
  findings.network.order();
  if (config) findings.conflicts = find_conflicts(*config, findings.network.addresses);
}

std::vector<std::string> find_conflicts(const config::Config& config, const std::vector<os::LocalAddress>& addresses) {
  std::vector<std::string> found;
  const auto compare = [&](const IpPrefix& network, const std::string& whose) {
    for (const os::LocalAddress& local : addresses) {
      if (local.address.family() != network.address.family() || !overlap(network, local.prefix())) continue;
      found.push_back(whose + ", " + network.network().to_string() + ", overlaps with " +
                      local.prefix().network().to_string() + " of " + local.interface);
    }
  };
  compare(config.device.address, "the network of bamgate");
  for (const auto& [name, peer] : config.peers) {
    for (const IpPrefix& route : peer.routes) compare(route, "the route accepted from '" + name + "'");
  }
  return found;
}

std::optional<std::int64_t> clock_off(std::string_view access_token, UnixTime now, bool fresh) {
  const auto claims = claims_of(access_token);
  const auto from = claims ? claims->get_int("iat") : std::nullopt;
  const auto until = claims ? claims->get_int("exp") : std::nullopt;
  if (!from || !until) return std::nullopt;
  if (fresh || now.seconds < *from) return now.seconds - *from;
  return now.seconds <= *until ? 0 : now.seconds - *until;
}

}  // namespace bamgate::doctor
