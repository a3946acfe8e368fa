// TLS 1.2 over TCP by mbedTLS (RFC 5246), client and server.
// Left out: TLS 1.3 (mbedTLS 2.28 has none), session resumption, client certificates, renegotiation, compression.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/crypto.h"
#include "net/stream.h"
#include "net/tls_identity.h"

namespace bamgate::net {

inline constexpr const char* kSystemCaFile = "/etc/ssl/certs/ca-certificates.crt";

/// Whom a client believes. With a pin the server must own exactly that key, and neither names nor dates nor issuers are
/// looked at. Without one the certificate must chain to `ca_file`, be in date, and carry the host's name.
struct Trust {
  Trust() = default;  // see HttpCall

  std::optional<Sha256Digest> pin;  // SHA-256 of the SubjectPublicKeyInfo
  std::string ca_file = kSystemCaFile;
};

/// What the connections of one client or one server share. Streams keep it alive.
class TlsContext {
 public:
  /// Errors: kInvalid when the CA file cannot be read or holds no certificate.
  static Result<std::shared_ptr<const TlsContext>> client(const Trust& trust);
  /// `identity` may carry a whole chain, leaf first. Errors: kInvalid when key or certificate cannot be read or do not
  /// belong together.
  static Result<std::shared_ptr<const TlsContext>> server(const TlsIdentity& identity);

  struct State;  // mbedTLS's, hidden
  explicit TlsContext(std::unique_ptr<State> state);
  ~TlsContext();
  const State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

class TlsStream final : public Stream {
 public:
  /// For the client side `host` is the name that the certificate must carry; the server side ignores it.
  TlsStream(Loop& loop, asio::ip::tcp::socket socket, std::shared_ptr<const TlsContext> context,
            const std::string& host);
  ~TlsStream() override;

  /// Must succeed before anything is read or written. Errors: kCertificate, kDates, kTls, kTimeout, kClosed.
  asio::awaitable<Result<void>> handshake();

  asio::awaitable<Result<std::size_t>> read_some(MutableBytes buffer) override;
  asio::awaitable<Result<void>> write(Bytes data) override;
  asio::awaitable<void> shutdown() override;
  void close() override { socket_.close(); }
  void set_deadline(Instant deadline) override { socket_.set_deadline(deadline); }
  Endpoint remote() const override { return socket_.remote(); }
  Endpoint local() const override { return socket_.local(); }
  bool is_gone() const override { return socket_.is_gone(); }

 private:
  struct Session;
  asio::awaitable<Result<void>> set_up();
  asio::awaitable<Result<void>> wait_as_told(int result, const char* doing);

  TcpSocket socket_;
  std::shared_ptr<const TlsContext> context_;
  std::string host_;
  std::unique_ptr<Session> session_;
};

}  // namespace bamgate::net
