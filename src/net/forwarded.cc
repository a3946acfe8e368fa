#include "net/forwarded.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "net/http_text.h"

namespace bamgate::net {
namespace {

std::optional<IpAddress> parse_entry(std::string_view text) {
  if (const auto address = IpAddress::parse(text)) return address;
  if (text.starts_with('[') && text.ends_with(']')) return IpAddress::parse(text.substr(1, text.size() - 2));
  if (const auto endpoint = Endpoint::parse(text)) return endpoint->address;
  return std::nullopt;
}

}  // namespace

std::optional<IpAddress> forwarded_client(const HttpRequest& request) {
  const auto last = std::ranges::find_if(request.headers.rbegin(), request.headers.rend(), [](const HttpHeader& one) {
    return equal_ignoring_case(one.name, "X-Forwarded-For");
  });
  if (last == request.headers.rend()) return std::nullopt;
  const std::string_view list = last->value;
  const std::size_t comma = list.rfind(',');
  const auto address = parse_entry(trimmed(comma == list.npos ? list : list.substr(comma + 1)));
  if (address && address->is_v4_mapped()) return IpAddress::from_bytes(address->bytes().subspan(12));
  return address;
}

bool is_local_network(const IpAddress& address) {
  static const std::array kPrivate = {
      IpPrefix{IpAddress::v4(10, 0, 0, 0), 8},
      IpPrefix{IpAddress::v4(172, 16, 0, 0), 12},
      IpPrefix{IpAddress::v4(192, 168, 0, 0), 16},
      IpPrefix{*IpAddress::parse("fc00::"), 7},
  };
  return address.is_loopback() || address.is_link_local() ||
         std::ranges::any_of(kPrivate, [&](const IpPrefix& one) { return one.contains(address); });
}

}  // namespace bamgate::net
