// HTTP requests and replies as values (RFC 9110), and their text on the wire (RFC 9112).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/endpoint.h"

namespace bamgate::net {

struct HttpHeader {
  std::string name;
  std::string value;
};

/// The value of the first field called `name`, in any case; empty when there is none.
std::string_view find_header(const std::vector<HttpHeader>& headers, std::string_view name);

/// A request, as a server receives it.
struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // path and query, as it stood in the request line
  std::vector<HttpHeader> headers;
  std::string body;
  Endpoint remote;  // who asks

  std::string_view header(std::string_view name) const { return find_header(headers, name); }
  /// The target up to '?', and what follows it.
  std::string_view path() const;
  std::string_view query() const;
  /// The token of "Authorization: Bearer TOKEN" (RFC 6750 §2.1); empty when there is none.
  std::string_view bearer() const;
};

/// A reply, as a server sends it and a client receives it. A server adds Content-Length and Connection by itself.
struct HttpReply {
  int status = 200;
  std::vector<HttpHeader> headers;
  std::string body;

  std::string_view header(std::string_view name) const { return find_header(headers, name); }
  /// A reply with a JSON body.
  static HttpReply json(int status, std::string body);
};

/// The reason phrase of a status, as in "Not Found".
std::string_view reason_phrase(int status);

/// A reply as bytes. `keep_alive` decides the Connection field; `head_only` leaves the body out (reply to HEAD).
std::string write_reply(const HttpReply& reply, bool keep_alive, bool head_only);
/// A request as bytes, with Host, and with Content-Length where a body is or could be expected.
std::string write_request(const HttpRequest& request, std::string_view authority);
/// False when a name or value holds a character that would break the message apart (CR, LF, NUL, or ':' in a name).
bool are_valid_headers(const std::vector<HttpHeader>& headers);

}  // namespace bamgate::net
