// HTTP/1.1 client (RFC 9112): one request, one reply, one connection.
// Left out: redirects (returned as they are), cookies, proxies, compression, connection reuse, HTTP/2.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "net/connect.h"
#include "net/error.h"
#include "net/http_message.h"
#include "net/loop.h"
#include "net/url.h"

namespace bamgate::net {

/// One request to make. It and the other arguments of coroutines declare a constructor, so that they are no aggregates:
/// g++ 12 destroys an aggregate twice that is made from braces inside a co_await expression.
struct HttpCall {
  HttpCall() = default;

  Url url;
  std::string method = "GET";
  std::vector<HttpHeader> headers;  // Host, Content-Length and Connection are added
  std::string body;
  ConnectOptions connect;
  Duration timeout = std::chrono::seconds(30);  // for all of it
  std::size_t max_body = 1024 * 1024;           // bytes of the reply's body
};

/// Makes one request. Any status is a success here: look at HttpReply::status. Errors: those of connect(), kProtocol
/// for a malformed reply, kTooLarge for one over the limits, kClosed for one cut short, kInvalid for a malformed call.
asio::awaitable<Result<HttpReply>> http_request(Loop& loop, HttpCall call);

}  // namespace bamgate::net
