// Reads one HTTP/1.1 message from bytes that arrive in pieces (RFC 9112), with limits on all of its parts; a pure state
// machine around http-parser. Left out: trailers (read and forgotten).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/bytes.h"
#include "net/http_message.h"

namespace bamgate::net {

struct HttpReaderLimits {
  std::size_t header = 16 * 1024;  // bytes of request line or status line, names and values together
  std::size_t body = 64 * 1024;    // bytes
};

class HttpReader {
 public:
  enum class Kind : std::uint8_t { kRequest, kReply, kReplyToHead };
  enum class State : std::uint8_t {
    kIncomplete,      // more bytes are needed
    kComplete,        // the message is whole
    kUpgrade,         // it is whole, and what follows belongs to another protocol (101, Upgrade)
    kMalformed,       // no HTTP
    kHeaderTooLarge,  // over HttpReaderLimits::header, or over 100 fields
    kBodyTooLarge,    // over HttpReaderLimits::body
  };

  HttpReader(Kind kind, const HttpReaderLimits& limits);
  HttpReader(const HttpReader&) = delete;
  HttpReader& operator=(const HttpReader&) = delete;
  ~HttpReader();

  /// Takes bytes until the message ends or fails; returns how many it took. Takes none unless kIncomplete.
  std::size_t feed(Bytes bytes);
  /// The stream has ended: completes a reply that lasts until then, makes any other malformed.
  void finish();

  State state() const;
  /// True once all fields are there.
  bool has_headers() const;
  /// True when the connection may carry another message (RFC 9112 §9.3). Needs a whole message.
  bool keep_alive() const;
  bool is_http_1_1() const;

  /// The message; both are views into this reader until it is destroyed, and may be moved from. Complete when state()
  /// is kComplete or kUpgrade; the headers are when has_headers().
  HttpRequest& request();
  HttpReply& reply();

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace bamgate::net
