// The hub: registers devices, gives them addresses and tokens, and forwards their signaling (protocol.md, "HTTP API"
// and "Signaling"). Pure: the host owns sockets, clock, database file and certificate, and runs the effects. This file
// dispatches; http_api.h answers requests, connections.h talks with devices, relay.h relays their packets.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/crypto.h"
#include "core/ip_address.h"
#include "core/random.h"
#include "core/time.h"
#include "hub/effect.h"
#include "hub/error.h"
#include "hub/host.h"
#include "hub/http.h"
#include "hub/join_grant.h"
#include "hub/options.h"
#include "turn/server.h"

namespace bamgate::hub {

/// After each call but poll_effect(): drain poll_effect(), then read next_timeout(). Time never goes back.
class Hub {
 public:
  /// Brings the database up to date and reads, or on first start makes, the network's settings and keys.
  /// `sql`, `crypto` and `random` must outlive the hub. A second Hub on the same file (another process that only makes
  /// join tokens) does no harm. Errors: kDatabase, kNewerDatabase, kBadSubnet, kReservedSubnet, kSubnetInUse.
  static std::expected<std::unique_ptr<Hub>, Error> create(HubOptions options, Sql& sql, Crypto& crypto, Random& random,
                                                           Instant now, UnixTime unix_now);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// Answers one request that is not a WebSocket upgrade. Every failure is a reply. nullopt: the reply comes later, as
  /// the effect Reply with this number.
  std::optional<HttpReply> on_http(Instant now, UnixTime unix_now, RequestId id, const HttpRequest& request);
  /// The outcome of the effect Fetch with this number; ignored when it is not waited for (any more).
  void on_fetched(Instant now, UnixTime unix_now, RequestId id, const FetchResult& result);
  /// Whoever sent a request without a reply yet has left: what it waited for no longer happens. Not needed after a
  /// Reply.
  void on_gone(Instant now, RequestId id);

  /// Asks whether the WebSocket upgrade `request` is granted. nullopt: yes, and `connection` counts as open from now
  /// on; otherwise the reply to give instead of the upgrade, and nothing is kept.
  std::optional<HttpReply> on_open(Instant now, UnixTime unix_now, ConnectionId connection, const HttpRequest& request);
  /// One whole text message; up to kMaxMessage bytes, more closes with 4400. Unknown connections are ignored.
  void on_text(Instant now, UnixTime unix_now, ConnectionId connection, std::string_view text);
  /// One whole binary message.
  void on_binary(Instant now, UnixTime unix_now, ConnectionId connection, Bytes data);
  /// One datagram on the hub's UDP port: STUN and TURN. What is to be sent as a datagram comes back, a view into `data`
  /// (which is changed) or `out` (turn::Server::kRoom bytes more than `data`); send it before the next call.
  std::optional<turn::Server::Output> on_datagram(Instant now, UnixTime unix_now, const turn::FiveTuple& from,
                                                  MutableBytes data, MutableBytes out);
  /// Nothing that was sent on it waits any more: the answer to the effect WhenSent.
  void on_sent(Instant now, UnixTime unix_now, ConnectionId connection);
  /// The connection is gone, whoever closed it. Not needed after a Close effect.
  void on_close(Instant now, UnixTime unix_now, ConnectionId connection);
  /// The time of next_timeout() has come.
  void on_timer(Instant now, UnixTime unix_now);

  /// The next thing to do, in order; nullopt when there is none.
  std::optional<Effect> poll_effect();
  /// When on_timer() wants to be called; kNever when the hub waits for nothing.
  Instant next_timeout() const;

  /// A request of whoever holds the hub, and so needs no token and may do everything: the paths of /auth/devices and
  /// /auth/tokens, without limits. Every failure is a reply.
  HttpReply on_local(Instant now, UnixTime unix_now, const HttpRequest& request);

  /// A new join token, as `bamgate hub token` prints it.
  /// Errors: kBadUses, kBadLifetime, kBadName, kTooManyTokens, kDatabase.
  std::expected<JoinToken, Error> create_join_token(Instant now, UnixTime unix_now, const JoinGrant& grant = {});

  /// Adds a key that signs access tokens from now on, in every process that uses this database, and returns its name.
  /// Tokens of the keys before stay good for the rest of their hour. Errors: kDatabase.
  std::expected<std::string, Error> rotate_signing_key(Instant now, UnixTime unix_now);

  /// The network's id: made with the database, and another one in each.
  const std::string& network_id() const;
  /// The subnet in use, host bits zero.
  IpPrefix subnet() const;
  /// The network's IPv6 prefix, fd…/64.
  IpPrefix prefix6() const;
  HubCounters counters() const;

 private:
  struct State;
  explicit Hub(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bamgate::hub
