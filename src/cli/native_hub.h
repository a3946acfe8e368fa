// The hub on a machine of one's own: the pure hub core with SQLite, TLS, HTTP, WebSocket and a STUN responder around
// it.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "cli/hub_sql.h"
#include "hub/hub.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/udp_socket.h"
#include "os/native_crypto.h"
#include "os/random.h"

namespace bamgate::cli {

class NativeHub {
 public:
  struct Options {
    Endpoint listen;
    std::optional<Endpoint> stun;                // none: no STUN responder
    std::shared_ptr<const net::TlsContext> tls;  // null: plain HTTP
    std::string database;
    hub::HubOptions hub;
  };

  /// Opens the database, binds the ports and serves from then on. The error is a sentence.
  static std::expected<std::unique_ptr<NativeHub>, std::string> start(net::Loop& loop, Options options);
  NativeHub(const NativeHub&) = delete;
  NativeHub& operator=(const NativeHub&) = delete;
  ~NativeHub();

  Endpoint listen_endpoint() const { return server_->local_endpoint(); }
  /// Closes every connection and calls `done` when all are gone.
  void stop(std::function<void()> done) { server_->shutdown(std::move(done)); }

 private:
  NativeHub(net::Loop& loop, HubSql sql);

  net::HttpServer::Handlers handlers();
  std::expected<void, std::string> start_stun(const Endpoint& listen);
  void answer_stun();
  void run_effects();

  net::Loop& loop_;
  os::NativeCrypto crypto_;
  os::SystemRandom random_;
  HubSql sql_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<net::HttpServer> server_;
  net::Timer timer_;
  BufferPool pool_;
  std::optional<net::UdpSocket> stun_;
  std::optional<net::FdWatcher> stun_watcher_;
};

}  // namespace bamgate::cli
