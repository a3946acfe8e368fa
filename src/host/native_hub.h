// The hub on a machine of one's own: the pure hub core with SQLite, TLS, HTTP, WebSocket and a STUN responder around
// it.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/hub_log.h"
#include "host/hub_sql.h"
#include "host/hub_udp.h"
#include "hub/hub.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/unix_control.h"
#include "os/native_crypto.h"
#include "os/random.h"

namespace bamgate::host {

class NativeHub {
 public:
  struct Options {
    Endpoint listen;
    std::optional<Endpoint> stun;                // none: no STUN responder
    std::shared_ptr<const net::TlsContext> tls;  // null: plain HTTP behind a proxy, see net::HttpServerOptions
    std::string database;
    std::string control;  // path of the socket for whoever holds the hub; empty: none
    hub::HubOptions hub;
  };

  /// Opens and checks the database, binds the ports and serves from then on. `loop` and `log` must outlive the hub.
  /// The error is a sentence.
  static std::expected<std::unique_ptr<NativeHub>, std::string> start(net::Loop& loop, const HubLog& log,
                                                                      Options options);
  NativeHub(const NativeHub&) = delete;
  NativeHub& operator=(const NativeHub&) = delete;
  ~NativeHub();

  const std::string& network_id() const { return hub_->network_id(); }
  Endpoint listen_endpoint() const { return server_->local_endpoint(); }
  /// The database has become another one (os::Sqlite::become): goes on with what it holds. Every device is
  /// disconnected, so that it comes again and proves who it is. The error is a sentence; then the hub must end.
  std::expected<void, std::string> start_over();
  /// Another certificate for the connections from now on.
  void set_tls(std::shared_ptr<const net::TlsContext> tls) { server_->set_tls(std::move(tls)); }
  /// Closes every connection and calls `done` when all are gone.
  void stop(std::function<void()> done) { server_->shutdown(std::move(done)); }

 private:
  NativeHub(net::Loop& loop, const HubLog& log, os::Sqlite database, hub::HubOptions options);

  std::expected<void, std::string> make_core();
  net::HttpServer::Handlers handlers();
  void listen_control(const std::string& path);
  std::string answer_local(std::string_view line);
  void give(net::RequestId id, hub::HttpReply reply);
  void sync_and_reply();
  void run_effects();
  void fetch(hub::Fetch fetch);

  net::Loop& loop_;
  const HubLog& log_;
  os::NativeCrypto crypto_;
  os::SystemRandom random_;
  HubSql sql_;
  hub::HubOptions options_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::ControlServer> control_;
  net::Timer timer_;
  std::vector<std::pair<net::RequestId, net::HttpReply>> unsynced_replies_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // gone with this object, when a fetch may still run
  std::unique_ptr<HubUdp> udp_;
};

}  // namespace bamgate::host
