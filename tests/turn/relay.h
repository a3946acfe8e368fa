// A relay for the tests of the client, in virtual time: it keeps to RFC 8656 unless a test makes it do otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/endpoint.h"
#include "core/time.h"
#include "os/native_crypto.h"
#include "stun/builder.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "turn/attribute.h"

namespace bamgate::testing {

class Relay {
 public:
  using Packet = std::vector<std::byte>;
  struct Allocation {
    Instant expires;
    std::map<IpAddress, Instant> permissions;
    std::map<std::uint16_t, std::pair<Endpoint, Instant>> channels;
  };
  /// One request that came, as the tests ask about it.
  struct Seen {
    Instant at;
    stun::Method method;
    bool is_signed;
    std::optional<std::chrono::seconds> lifetime;
    std::vector<Endpoint> peers;
    Packet bytes;
  };
  /// Fills a response that a test wants; the integrity is added behind it.
  using Fill = std::function<void(stun::Builder&)>;

  // What the relay is like.
  std::string username = "me";
  std::string password = "secret";
  std::string realm = "relay.example";
  std::string nonce = "nonce-1";
  std::chrono::seconds lifetime{600};
  std::vector<Endpoint> relayed{{IpAddress::v4(203, 0, 113, 5), 50000}};
  Endpoint mapped{IpAddress::v4(192, 0, 2, 9), 4000};
  std::optional<std::uint16_t> missing;        // ADDRESS-ERROR-CODE for IPv6
  std::map<IpAddress, std::uint16_t> refused;  // CreatePermission and ChannelBind for these
  bool silent = false;

  std::optional<Allocation> allocation;
  std::vector<Seen> seen;
  /// The next signed requests of a method get these errors instead of what is due. `unsigned_errors`: without
  /// integrity.
  std::map<stun::Method, std::deque<std::uint16_t>> errors;
  bool unsigned_errors = false;
  /// What is added to the next error.
  Fill decorate;
  /// For a method: the whole success response.
  std::map<stun::Method, Fill> answers;

  /// Takes one message of the client; what it answers, if anything.
  std::optional<Packet> handle(Instant now, Bytes message);
  std::size_t count(stun::Method method) const;
  /// How many of them were for a deletion.
  std::size_t deletions() const;
  /// The relay forgets everything, as after a restart: another nonce too.
  void restart();
  /// Data of a peer, on its way to the client; nullopt without permission.
  std::optional<Packet> from_peer(Instant now, const Endpoint& peer, Bytes data);
  /// What came for a peer: the peer and the data.
  std::optional<std::pair<Endpoint, Packet>> to_peer(Instant now, Bytes message) const;

 private:
  std::uint16_t judge(Instant now, const stun::Message& request);
  std::uint16_t judge_peers(const stun::Message& request) const;
  Packet respond(const stun::Message& request, std::uint16_t code, bool with_integrity);
  void perform(Instant now, const stun::Message& request, stun::Builder& builder);

  os::NativeCrypto crypto_;
};

}  // namespace bamgate::testing
