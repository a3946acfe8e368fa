#include "hub/client.h"

#include "core/bytes.h"

namespace bamgate::hub {

std::string client_key(const IpAddress& client) {
  return std::string(as_text(client.bytes().first(client.is_v6() ? 8U : client.bytes().size())));
}

std::string client_network(const IpAddress& client) {
  if (client.family() == Family::kNone) return "unknown";
  const std::uint8_t length = client.is_v6() ? 48 : 24;
  return IpPrefix{client, length}.network().to_string();
}

}  // namespace bamgate::hub
