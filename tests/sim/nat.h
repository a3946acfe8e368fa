// A NAT as RFC 4787 describes it: how it maps, what it lets in, how long it remembers.
// Left out: port preservation, hairpinning, and a limit on bindings.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/endpoint.h"
#include "core/time.h"

namespace bamgate::sim {

/// RFC 4787 §4.1: what the external port of an inner endpoint depends on.
enum class Mapping : std::uint8_t { kEndpointIndependent, kAddressAndPortDependent };
/// RFC 4787 §5: whose packets may come in through a mapping.
enum class Filtering : std::uint8_t { kEndpointIndependent, kAddressDependent, kAddressAndPortDependent };

struct NatOptions {
  Mapping mapping = Mapping::kEndpointIndependent;
  Filtering filtering = Filtering::kAddressAndPortDependent;
  /// RFC 4787 §4.3: a mapping expires no sooner than 2 minutes after the last packet that left through it.
  Duration lifetime = std::chrono::minutes(2);
  std::uint16_t first_port = 20'001;
};

class Nat {
 public:
  Nat(IpAddress external, NatOptions options)
      : external_(external), options_(options), next_port_(options.first_port) {}

  const IpAddress& external() const { return external_; }
  /// What the Internet sees as the source of a packet from `inner` to `remote`. Makes or refreshes a mapping.
  Endpoint outbound(Instant now, const Endpoint& inner, const Endpoint& remote);
  /// Where a packet from `remote` to the external port `port` goes; nullopt when it is filtered.
  std::optional<Endpoint> inbound(Instant now, const Endpoint& remote, std::uint16_t port) const;
  /// Forgets every mapping, as a router that restarts does.
  void forget() { mappings_.clear(); }

 private:
  struct InnerSide {
    Endpoint inner;
    Endpoint remote;  // empty with endpoint-independent mapping
    auto operator<=>(const InnerSide&) const = default;
  };
  struct MappingEntry {
    std::uint16_t port = 0;
    Endpoint inner;
    Instant last_out;
    std::map<Endpoint, Instant> sent_to;
  };
  bool lets_in(Instant now, const MappingEntry& entry, const Endpoint& remote) const;

  IpAddress external_;
  NatOptions options_;
  std::uint16_t next_port_;
  std::map<InnerSide, MappingEntry> mappings_;
};

}  // namespace bamgate::sim
