// The hub's relay: turn::Server for the registered devices, by WebSocket (GET /turn, protocol.md) and by datagrams on
// the hub's UDP port. A WebSocket speaks for the device of its access token alone; a datagram proves itself. A device
// that is revoked, renamed or registered anew loses what it has here at once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer_pool.h"
#include "core/time.h"
#include "hub/authentication.h"
#include "hub/context.h"
#include "hub/effect.h"
#include "hub/http.h"
#include "hub/rate_limit.h"
#include "hub/relay_stream.h"
#include "json/value.h"
#include "turn/server.h"

namespace bamgate::hub {

/// WebSockets of GET /turn that are open at one time, and of one device: the one in use, the next, and what a lost
/// network left behind.
inline constexpr std::size_t kMaxRelayStreams = 4096;
inline constexpr std::size_t kMaxRelayStreamsOfDevice = 4;

class Relay final : private turn::Accounts {
 public:
  /// `context` must outlive this object.
  explicit Relay(Context& context);

  /// The upgrade was granted to `login`; nullopt: the connection counts as open. Otherwise the reply to give: 429.
  std::optional<HttpReply> open(ConnectionId id, const Login& login, const HttpRequest& request);
  bool holds(ConnectionId id) const { return streams_.contains(id); }
  void on_text(ConnectionId id);
  void on_binary(Instant now, UnixTime unix_now, ConnectionId id, Bytes data);
  void on_sent(Instant now, ConnectionId id);
  void on_close(ConnectionId id);

  /// One datagram; what is to be sent as a datagram now, a view into `data` or `out`. `out` as for turn::Server.
  std::optional<turn::Server::Output> on_datagram(Instant now, UnixTime unix_now, const turn::FiveTuple& from,
                                                  MutableBytes data, MutableBytes out);

  /// Ends what a device has open, and its allocations.
  void end_device(const Device& device, CloseCode code, std::string_view reason);

  void handle_timeout(Instant now) { server_.handle_timeout(now); }
  Instant next_timeout() const { return server_.next_timeout(); }
  /// Turns what waits for streams into effects.
  void flush();

  /// For the owner: what was relayed for each device since the start, by its name.
  json::Array counters();
  /// What was asked of the relay, by whomever, and what of it was refused or dropped.
  json::Object totals() const;

 private:
  struct Stream {
    std::string device_id;
    std::string device_name;
    turn::FiveTuple path;
    RelayStream writer;
    std::vector<std::byte> in;  // a copy of the message that is relayed
  };
  using Streams = std::map<ConnectionId, Stream>;

  std::optional<Account> find_account(UnixTime unix_now, std::string_view username) override;
  bool is_paced(Instant now, const IpAddress& client, Bytes message);
  void take_message(Instant now, UnixTime unix_now, Stream& from, MutableBytes message);
  void deliver(Instant now, const turn::Server::Output& output);
  void close(Streams::iterator at, CloseCode code, std::string_view reason);
  void erase(Streams::iterator at);

  Context& context_;
  turn::Server server_;
  BufferPool pool_;
  Streams streams_;
  std::map<std::string, std::vector<ConnectionId>> of_devices_;  // oldest first; none is empty
  std::vector<ConnectionId> ready_;                              // streams to which something may be sent
  std::vector<std::byte> out_;
  Instant now_{};  // of the last input
};

}  // namespace bamgate::hub
