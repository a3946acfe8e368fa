#include "net/websocket_handshake.h"

#include "core/encoding.h"
#include "net/http_text.h"
#include "net/mbedtls_port.h"

namespace bamgate::net {
namespace {

// RFC 6455 §1.3: the text that is appended to the key before hashing.
constexpr std::string_view kMagic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
// RFC 6455 §4.1: the version of the protocol.
constexpr std::string_view kVersion = "13";
constexpr std::size_t kNonceBytes = 16;

HttpReply bad_upgrade(int status, std::string_view why) {
  return HttpReply::json(status, "{\"error\":\"bad_upgrade\",\"message\":\"" + std::string(why) + "\"}");
}

}  // namespace

std::string accept_for(std::string_view key) {
  const std::string text = std::string(key) + std::string(kMagic);
  return to_base64(port::sha1(std::span(reinterpret_cast<const unsigned char*>(text.data()), text.size())));
}

std::string make_key(std::span<const std::byte, 16> nonce) { return to_base64(nonce); }

void add_upgrade_headers(HttpRequest& request, std::string_view key) {
  request.headers.push_back({"Upgrade", "websocket"});
  request.headers.push_back({"Connection", "Upgrade"});
  request.headers.push_back({"Sec-WebSocket-Version", std::string(kVersion)});
  request.headers.push_back({"Sec-WebSocket-Key", std::string(key)});
}

bool wants_websocket(const HttpRequest& request) { return has_token(request.header("Upgrade"), "websocket"); }

std::optional<HttpReply> refuse_upgrade(const HttpRequest& request, bool is_http_1_1) {
  if (request.method != "GET" || !is_http_1_1) return bad_upgrade(400, "upgrade with GET and HTTP/1.1");
  if (!has_token(request.header("Connection"), "upgrade")) return bad_upgrade(400, "Connection: Upgrade is missing");
  if (request.header("Sec-WebSocket-Version") != kVersion) {
    HttpReply reply = bad_upgrade(426, "use Sec-WebSocket-Version: 13");
    reply.headers.push_back({"Sec-WebSocket-Version", std::string(kVersion)});
    return reply;
  }
  const auto nonce = from_base64(request.header("Sec-WebSocket-Key"));
  if (!nonce || nonce->size() != kNonceBytes) return bad_upgrade(400, "Sec-WebSocket-Key must be 16 bytes in base64");
  return std::nullopt;
}

std::string write_upgrade(const HttpRequest& request) {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
         accept_for(request.header("Sec-WebSocket-Key")) + "\r\n\r\n";
}

bool is_upgrade_reply(const HttpReply& reply, std::string_view key) {
  // Neither an extension nor a sub-protocol was offered, so none may be chosen.
  return reply.status == 101 && has_token(reply.header("Upgrade"), "websocket") &&
         has_token(reply.header("Connection"), "upgrade") && reply.header("Sec-WebSocket-Accept") == accept_for(key) &&
         reply.header("Sec-WebSocket-Extensions").empty() && reply.header("Sec-WebSocket-Protocol").empty();
}

}  // namespace bamgate::net
