// A NAT as RFC 4787 describes it: how it maps, what it lets in, whether neighbours meet through its outside, how long
// it remembers; and an IPv6 firewall (RFC 6092), which remembers in the same way and translates nothing.
// Left out: port parity and contiguity (RFC 4787 §4.2.2, §4.2.3), several external addresses, TCP, ICMP.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "core/endpoint.h"
#include "core/time.h"

namespace bamgate::sim {

/// RFC 4787 §4.1: what the external port of an inner endpoint depends on.
enum class Mapping : std::uint8_t { kEndpointIndependent, kAddressDependent, kAddressAndPortDependent };
/// RFC 4787 §5: whose packets may come in through a mapping.
enum class Filtering : std::uint8_t { kEndpointIndependent, kAddressDependent, kAddressAndPortDependent };
/// RFC 4787 §6: what becomes of a packet from inside to the NAT's own outside.
enum class Hairpin : std::uint8_t {
  kNone,            // dropped
  kExternalSource,  // turned around, and it seems to come from the sender's mapping, as REQ-9 a asks
  kInternalSource,  // turned around with the sender's inner address, which most programs do not expect
};

/// RFC 4787 §4.3: no mapping may expire sooner than 2 minutes after the last packet.
inline constexpr Duration kNatLifetime = std::chrono::minutes(2);

/// To whom an inner endpoint has sent lately, and who may therefore send to it.
class Pinhole {
 public:
  void note_sent(Instant now, const Endpoint& remote, Duration lifetime);
  /// A packet from `remote` came in: where inbound packets count, that is as good as sending.
  void note_received(Instant now, const Endpoint& remote);
  bool lets_in(Instant now, const Endpoint& remote, Filtering filtering, Duration lifetime) const;
  std::size_t size() const { return sent_.size(); }

 private:
  std::map<Endpoint, Instant> sent_;
};

struct NatOptions {
  Mapping mapping = Mapping::kEndpointIndependent;
  Filtering filtering = Filtering::kAddressAndPortDependent;
  Hairpin hairpin = Hairpin::kNone;
  Duration lifetime = kNatLifetime;
  /// RFC 4787 §4.3, REQ-6: outbound packets always refresh a mapping, inbound ones do where this is set.
  bool inbound_refreshes = false;
  /// RFC 4787 §4.2.1: the inner port is kept while nobody else has it; otherwise, and without this, the next free one.
  bool preserve_ports = false;
  std::uint16_t first_port = 20'001;
  /// What would need more mappings than this is dropped.
  std::size_t max_mappings = 10'000;
};

class Nat {
 public:
  Nat(IpAddress external, NatOptions options)
      : external_(external), options_(options), next_port_(options.first_port) {}

  const IpAddress& external() const { return external_; }
  const NatOptions& options() const { return options_; }

  /// What the outside sees as the source of a packet from `inner` to `remote`. Makes or refreshes a mapping; nullopt
  /// when there is no room for one.
  std::optional<Endpoint> outbound(Instant now, const Endpoint& inner, const Endpoint& remote);
  /// Where a packet from `remote` to the external port `port` goes; nullopt when it is filtered.
  std::optional<Endpoint> inbound(Instant now, const Endpoint& remote, std::uint16_t port);

  /// Forgets every mapping, as a router that restarts does.
  void forget();
  /// Forgets every mapping and from now on uses other ports, and another address if one is given: what was known of
  /// the hosts behind it is wrong from now on.
  void rebind(std::optional<IpAddress> external = std::nullopt);

  /// Mappings that have not expired.
  std::size_t mappings(Instant now) const;

 private:
  struct InnerSide {
    Endpoint inner;
    Endpoint remote;  // as far as the mapping depends on it
    auto operator<=>(const InnerSide&) const = default;
  };
  struct Entry {
    std::uint16_t port = 0;
    Instant refreshed{};
    Pinhole pinhole;
  };

  InnerSide key(const Endpoint& inner, const Endpoint& remote) const;
  bool is_fresh(Instant now, const Entry& entry) const { return now - entry.refreshed <= options_.lifetime; }
  void drop_expired(Instant now);
  std::uint16_t pick_port(std::uint16_t inner_port);

  IpAddress external_;
  NatOptions options_;
  std::uint16_t next_port_;
  std::map<InnerSide, Entry> mappings_;
  std::map<std::uint16_t, InnerSide> by_port_;
};

/// Lets in what answers. RFC 6092 §3.2.3 (REC-16, REC-17) lets the operator choose the filtering; the strictest is the
/// default here.
class Firewall {
 public:
  explicit Firewall(Filtering filtering = Filtering::kAddressAndPortDependent, Duration lifetime = kNatLifetime)
      : filtering_(filtering), lifetime_(lifetime) {}

  void outbound(Instant now, const Endpoint& inner, const Endpoint& remote);
  bool lets_in(Instant now, const Endpoint& remote, const Endpoint& inner) const;
  void forget() { pinholes_.clear(); }

 private:
  Filtering filtering_;
  Duration lifetime_;
  std::map<Endpoint, Pinhole> pinholes_;  // by inner endpoint
};

}  // namespace bamgate::sim
