#include "net/http_reader.h"

#include <http_parser.h>

#include <vector>

#include "net/http_text.h"

namespace bamgate::net {
namespace {

constexpr std::size_t kMaxFields = 100;

}  // namespace

struct HttpReader::Parser {
  Parser(Kind which, const HttpReaderLimits& bounds) : kind(which), limits(bounds) {
    http_parser_init(&state_machine, which == Kind::kRequest ? HTTP_REQUEST : HTTP_RESPONSE);
    state_machine.data = this;
  }

  static Parser& of(http_parser* machine) { return *static_cast<Parser*>(machine->data); }
  std::vector<HttpHeader>& headers() { return kind == Kind::kRequest ? request.headers : reply.headers; }
  std::string& body() { return kind == Kind::kRequest ? request.body : reply.body; }

  int fail_with(State reason) {
    state = reason;
    return 1;
  }
  int count_header(std::size_t size) {
    header_bytes += size;
    return header_bytes > limits.header ? fail_with(State::kHeaderTooLarge) : 0;
  }

  int on_target(const char* text, std::size_t size) {
    if (const int over = count_header(size); over != 0) return over;
    request.target.append(text, size);
    return 0;
  }
  int on_status(std::size_t size) { return count_header(size); }
  // Names and values come in pieces; a name after a value begins the next field. Trailers come after `has_headers`.
  int on_name(const char* text, std::size_t size) {
    if (const int over = count_header(size); over != 0) return over;
    if (has_headers) return 0;
    if (headers().empty() || in_value) {
      if (headers().size() == kMaxFields) return fail_with(State::kHeaderTooLarge);
      headers().emplace_back();
    }
    in_value = false;
    headers().back().name.append(text, size);
    return 0;
  }
  int on_value(const char* text, std::size_t size) {
    if (const int over = count_header(size); over != 0) return over;
    if (has_headers) return 0;
    in_value = true;
    if (!headers().empty()) headers().back().value.append(text, size);
    return 0;
  }
  // http-parser reads 1 as "no body follows".
  int on_headers_complete() {
    has_headers = true;
    // RFC 9112 §2.3: the major number says how a message is read, and only 1 is read here.
    if (state_machine.http_major != 1) {
      state = State::kMalformed;
      return -1;
    }
    for (HttpHeader& header : headers()) header.value = trimmed(header.value);
    const auto method = static_cast<http_method>(state_machine.method);
    if (kind == Kind::kRequest) request.method = http_method_str(method);
    reply.status = state_machine.status_code;
    constexpr auto kUnknown = static_cast<std::uint64_t>(-1);
    const bool announced = (state_machine.flags & F_CONTENTLENGTH) != 0 && state_machine.content_length != kUnknown;
    if (kind != Kind::kReplyToHead && announced && state_machine.content_length > limits.body) {
      state = State::kBodyTooLarge;
      return -1;
    }
    return kind == Kind::kReplyToHead ? 1 : 0;
  }
  int on_body(const char* text, std::size_t size) {
    if (size > limits.body - body().size()) return fail_with(State::kBodyTooLarge);
    body().append(text, size);
    return 0;
  }
  // Pausing makes http-parser stop here, before the first byte of the next message.
  int on_message_complete() {
    keep_alive = http_should_keep_alive(&state_machine) != 0;
    // RFC 9110 §15.2: interim replies come before the real one.
    const bool interim = kind != Kind::kRequest && reply.status < 200 && reply.status != 101;
    if (interim) {
      reply = HttpReply{};
      has_headers = false;
      in_value = false;
      return 0;
    }
    state = state_machine.upgrade != 0 ? State::kUpgrade : State::kComplete;
    http_parser_pause(&state_machine, 1);
    return 0;
  }

  static http_parser_settings make_settings() {
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_url = [](http_parser* p, const char* at, std::size_t n) { return of(p).on_target(at, n); };
    settings.on_status = [](http_parser* p, const char*, std::size_t n) { return of(p).on_status(n); };
    settings.on_header_field = [](http_parser* p, const char* at, std::size_t n) { return of(p).on_name(at, n); };
    settings.on_header_value = [](http_parser* p, const char* at, std::size_t n) { return of(p).on_value(at, n); };
    settings.on_headers_complete = [](http_parser* p) { return of(p).on_headers_complete(); };
    settings.on_body = [](http_parser* p, const char* at, std::size_t n) { return of(p).on_body(at, n); };
    settings.on_message_complete = [](http_parser* p) { return of(p).on_message_complete(); };
    return settings;
  }

  std::size_t execute(const char* data, std::size_t size) {
    static const http_parser_settings settings = make_settings();
    const std::size_t taken = http_parser_execute(&state_machine, &settings, data, size);
    const auto error = HTTP_PARSER_ERRNO(&state_machine);
    if (state == State::kIncomplete && error != HPE_OK) {
      state = error == HPE_HEADER_OVERFLOW ? State::kHeaderTooLarge : State::kMalformed;
    }
    return taken;
  }

  Kind kind;
  HttpReaderLimits limits;
  http_parser state_machine{};
  State state = State::kIncomplete;
  HttpRequest request;
  HttpReply reply;
  std::size_t header_bytes = 0;
  bool has_headers = false;
  bool in_value = false;
  bool keep_alive = false;
};

HttpReader::HttpReader(Kind kind, const HttpReaderLimits& limits) : parser_(std::make_unique<Parser>(kind, limits)) {}

HttpReader::~HttpReader() = default;

std::size_t HttpReader::feed(Bytes bytes) {
  // http-parser reads zero bytes as the end of the stream.
  if (bytes.empty() || state() != State::kIncomplete) return 0;
  return parser_->execute(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void HttpReader::finish() {
  if (state() != State::kIncomplete) return;
  parser_->execute(nullptr, 0);
  if (state() == State::kIncomplete) parser_->state = State::kMalformed;
}

HttpReader::State HttpReader::state() const { return parser_->state; }
bool HttpReader::has_headers() const { return parser_->has_headers; }
bool HttpReader::keep_alive() const { return parser_->keep_alive; }

bool HttpReader::is_http_1_1() const {
  return parser_->state_machine.http_major == 1 && parser_->state_machine.http_minor == 1;
}

HttpRequest& HttpReader::request() { return parser_->request; }
HttpReply& HttpReader::reply() { return parser_->reply; }

}  // namespace bamgate::net
