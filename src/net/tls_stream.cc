#include "net/tls_stream.h"

#include <array>
#include <cerrno>
#include <utility>

#include "net/mbedtls_port.h"
#include "net/tls_context.h"

namespace bamgate::net {
namespace {

int send_raw(void* socket, const unsigned char* data, std::size_t size) {
  const std::ptrdiff_t count = static_cast<TcpSocket*>(socket)->try_send(std::as_bytes(std::span(data, size)));
  if (count >= 0) return static_cast<int>(count);
  return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_NET_CONN_RESET;
}

int receive_raw(void* socket, unsigned char* data, std::size_t size) {
  const std::ptrdiff_t count =
      static_cast<TcpSocket*>(socket)->try_receive(std::as_writable_bytes(std::span(data, size)));
  if (count >= 0) return static_cast<int>(count);
  return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_NET_CONN_RESET;
}

std::string verify_text(std::uint32_t flags) {
  std::array<char, 512> text{};
  mbedtls_x509_crt_verify_info(text.data(), text.size(), "", flags);
  std::string line = text.data();
  while (!line.empty() && line.back() == '\n') line.pop_back();
  return line;
}

/// Whoever presented it has the right key and name.
bool are_dates(std::uint32_t flags) {
  constexpr std::uint32_t kDates = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;
  return (flags & ~kDates) == 0;
}

}  // namespace

struct TlsStream::Session {
  Session() { mbedtls_ssl_init(&ssl); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { mbedtls_ssl_free(&ssl); }

  mbedtls_ssl_context ssl;
};

TlsStream::TlsStream(Loop& loop, asio::ip::tcp::socket socket, std::shared_ptr<const TlsContext> context,
                     const std::string& host)
    : socket_(loop, std::move(socket)),
      context_(std::move(context)),
      host_(host),
      session_(std::make_unique<Session>()) {}

TlsStream::~TlsStream() = default;

// Waits for the socket when mbedTLS asked for it; any other result becomes an error.
asio::awaitable<Result<void>> TlsStream::wait_as_told(int result, const char* doing) {
  if (result == MBEDTLS_ERR_SSL_WANT_READ) co_return co_await socket_.wait(asio::ip::tcp::socket::wait_read);
  if (result == MBEDTLS_ERR_SSL_WANT_WRITE) co_return co_await socket_.wait(asio::ip::tcp::socket::wait_write);
  const std::string with = std::string(doing) + " with " + remote().to_string() + ": ";
  if (socket_.timed_out()) co_return fail(Error::kTimeout, with + "no answer in time");
  const bool lost = result == MBEDTLS_ERR_NET_CONN_RESET || result == MBEDTLS_ERR_SSL_CONN_EOF;
  if (lost) co_return fail(Error::kClosed, with + "the connection was lost");
  co_return fail(Error::kTls, with + port::error_text(result));
}

// mbedTLS takes 33 KB for its buffers; a client that never says a word is not worth them.
asio::awaitable<Result<void>> TlsStream::set_up() {
  if (context_->state().is_server) {
    const Result<void> ready = co_await socket_.wait(asio::ip::tcp::socket::wait_read);
    if (!ready) co_return std::unexpected(ready.error());
  }
  int result = mbedtls_ssl_setup(&session_->ssl, &context_->state().config);
  if (result == 0 && !context_->state().is_server) result = mbedtls_ssl_set_hostname(&session_->ssl, host_.c_str());
  if (result != 0) co_return fail(Error::kInvalid, "set TLS up: " + port::error_text(result));
  mbedtls_ssl_set_bio(&session_->ssl, &socket_, send_raw, receive_raw, nullptr);
  co_return Result<void>();
}

asio::awaitable<Result<void>> TlsStream::handshake() {
  const Result<void> ready_to_begin = co_await set_up();
  if (!ready_to_begin) co_return std::unexpected(ready_to_begin.error());
  while (true) {
    const int result = mbedtls_ssl_handshake(&session_->ssl);
    if (result == 0) break;
    if (result == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
      const std::uint32_t flags = mbedtls_ssl_get_verify_result(&session_->ssl);
      co_return fail(are_dates(flags) ? Error::kDates : Error::kCertificate,
                     "the certificate of " + remote().to_string() + " is refused: " + verify_text(flags));
    }
    const Result<void> ready = co_await wait_as_told(result, "TLS handshake");
    if (!ready) co_return std::unexpected(ready.error());
  }
  const auto& pin = context_->state().pin;
  if (!pin) co_return Result<void>();
  const mbedtls_x509_crt* certificate = mbedtls_ssl_get_peer_cert(&session_->ssl);
  if (certificate != nullptr) {
    const Sha256Digest key = port::sha256(std::span(certificate->pk_raw.p, certificate->pk_raw.len));
    if (constant_time_equal(key, *pin)) co_return Result<void>();
  }
  co_return fail(Error::kCertificate, "the key of " + remote().to_string() + " is not the pinned one");
}

asio::awaitable<Result<std::size_t>> TlsStream::read_some(MutableBytes buffer) {
  co_await socket_.be_fair();
  while (true) {
    const int result = mbedtls_ssl_read(&session_->ssl, reinterpret_cast<unsigned char*>(buffer.data()), buffer.size());
    if (result >= 0) co_return static_cast<std::size_t>(result);
    // HTTP and WebSocket know by themselves whether their message is whole, so an end without notice is an end.
    if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || result == MBEDTLS_ERR_SSL_CONN_EOF) co_return std::size_t{0};
    const Result<void> ready = co_await wait_as_told(result, "read by TLS");
    if (!ready) co_return std::unexpected(ready.error());
  }
}

asio::awaitable<Result<void>> TlsStream::write(Bytes data) {
  while (!data.empty()) {
    const int result =
        mbedtls_ssl_write(&session_->ssl, reinterpret_cast<const unsigned char*>(data.data()), data.size());
    if (result > 0) {
      data = data.subspan(static_cast<std::size_t>(result));
      continue;
    }
    const Result<void> ready = co_await wait_as_told(result, "write by TLS");
    if (!ready) co_return std::unexpected(ready.error());
  }
  co_return Result<void>();
}

asio::awaitable<void> TlsStream::shutdown() {
  while (true) {
    const int result = mbedtls_ssl_close_notify(&session_->ssl);
    if (result != MBEDTLS_ERR_SSL_WANT_WRITE) break;
    const Result<void> ready = co_await wait_as_told(result, "close TLS");
    if (!ready) co_return;
  }
  socket_.send_fin();
}

}  // namespace bamgate::net
