// HTTP client and server against each other, and the server against broken clients.
#include "net_test.h"

namespace bamgate::net {
namespace {

std::string repeat(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

class HttpTest : public NetTest {
 protected:
  /// Answers with what it was asked.
  HttpServer::Handlers echo() {
    HttpServer::Handlers handlers;
    handlers.on_request = [this](RequestId, const HttpRequest& request) {
      ++requests_;
      HttpReply reply;
      reply.headers.push_back({"X-Bearer", std::string(request.bearer())});
      reply.body =
          request.method + " " + std::string(request.path()) + " " + std::string(request.query()) + " " + request.body;
      return reply;
    };
    return handlers;
  }
  int requests_ = 0;
};

TEST_F(HttpTest, RequestAndReplyTravelBothInTheClearAndInTls) {
  for (const bool tls : {false, true}) {
    serve(echo(), {}, tls);
    HttpCall what = call("/auth/register?a=b", "POST", std::string(60'000, 'x'));
    what.headers.push_back({"Authorization", "Bearer secret-token"});
    const auto reply = request(std::move(what));
    ASSERT_TRUE(reply.has_value()) << reply.error().detail;
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->header("x-bearer"), "secret-token");
    EXPECT_EQ(reply->body, "POST /auth/register a=b " + std::string(60'000, 'x'));
  }
}

TEST_F(HttpTest, LateReplyIsDeliveredAndCannotBeGivenTwice) {
  RequestId waiting{};
  HttpServer::Handlers handlers;
  handlers.on_request = [&](RequestId id, const HttpRequest&) -> std::optional<HttpReply> {
    waiting = id;
    loop_.post([this, id] { EXPECT_TRUE(server_->reply(id, HttpReply::json(403, "{}"))); });
    return std::nullopt;
  };
  serve(handlers);
  const auto reply = request(call("/"));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status, 403);
  EXPECT_FALSE(server_->reply(waiting, HttpReply{}));
}

TEST_F(HttpTest, ServerCanTellWhetherSomebodyStillWaitsForALateReply) {
  for (const bool tls : {false, true}) {
    RequestId waiting{};
    HttpServer::Handlers handlers;
    handlers.on_request = [&](RequestId id, const HttpRequest&) -> std::optional<HttpReply> {
      waiting = id;
      EXPECT_TRUE(server_->is_waiting(id));
      return std::nullopt;
    };
    serve(handlers, {}, tls);
    HttpCall what = call("/");
    what.timeout = std::chrono::milliseconds(300);
    const auto reply = request(std::move(what));
    ASSERT_FALSE(reply.has_value());
    EXPECT_TRUE(wait_for([&] { return !server_->is_waiting(waiting); }));
    EXPECT_FALSE(server_->is_waiting(RequestId{9999}));
  }
}

TEST_F(HttpTest, ReplyThatNeverComesIsA504) {
  HttpServer::Handlers handlers;
  handlers.on_request = [](RequestId, const HttpRequest&) -> std::optional<HttpReply> { return std::nullopt; };
  HttpServerOptions options;
  options.reply_timeout = std::chrono::milliseconds(10);
  serve(handlers, options);
  const auto reply = request(call("/"));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status, 504);
}

TEST_F(HttpTest, HeadIsAnsweredAsGetWithoutTheBody) {
  serve(echo());
  const auto whole = request(call("/status"));
  ASSERT_TRUE(whole.has_value()) << whole.error().detail;
  const auto reply = request(call("/status", "HEAD"));
  ASSERT_TRUE(reply.has_value()) << reply.error().detail;
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "");
  EXPECT_EQ(reply->header("Content-Length"), whole->header("Content-Length"));
}

TEST_F(HttpTest, ConnectionIsKeptForPipelinedRequests) {
  serve(echo());
  const std::string answers = raw_exchange(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(answers.find("GET /1"), answers.npos);
  EXPECT_NE(answers.find("POST /2  abc"), answers.npos);
  EXPECT_NE(answers.find("GET /3"), answers.npos);
  EXPECT_EQ(requests_, 3);
  EXPECT_EQ(server_->counters().accepted, 1U);
}

TEST_F(HttpTest, ChunkedBodyIsPutTogether) {
  serve(echo());
  const std::string answer = raw_exchange(
      "POST /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("POST /c  abcde")) << answer;
}

TEST_F(HttpTest, ClientThatAsksFirstIsToldToContinue) {
  HttpServerOptions options;
  options.request_timeout = std::chrono::milliseconds(500);
  serve(echo(), options);
  const std::string answer = raw_exchange(
      "POST /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\n")) << answer;
}

TEST_F(HttpTest, MalformedRequestsAreRefusedAndNeverReachTheHandler) {
  serve(echo());
  for (const std::string& bytes : {
           std::string("rubbish\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nno colon\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\n\r\n"),  // no Host
           std::string("GET / HTTP/9.9\r\nHost: a\r\n\r\n"),
           std::string("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
           std::string("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
           std::string(
               "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
           std::string("\0\1\2\3\xff\xfe\r\n\r\n", 10),
       }) {
    const std::string answer = raw_exchange(bytes);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << bytes << answer;
  }
  EXPECT_EQ(requests_, 0);
  EXPECT_EQ(server_->counters().bad_requests, 8U);
}

TEST_F(HttpTest, OverlongHeadersAreRefusedWith431) {
  serve(echo());
  const std::string one = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(17 * 1024, 'x') + "\r\n\r\n";
  EXPECT_TRUE(raw_exchange(one).starts_with("HTTP/1.1 431 "));
  const std::string target = "GET /" + std::string(17 * 1024, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_TRUE(raw_exchange(target).starts_with("HTTP/1.1 431 "));
  const std::string many = "GET / HTTP/1.1\r\nHost: a\r\n" + repeat("A: b\r\n", 200) + "\r\n";
  EXPECT_TRUE(raw_exchange(many).starts_with("HTTP/1.1 431 "));
  EXPECT_EQ(requests_, 0);
}

TEST_F(HttpTest, OverlongBodiesAreRefusedWith413) {
  serve(echo());
  const auto announced = request(call("/", "POST", std::string(64 * 1024 + 1, 'x')));
  ASSERT_TRUE(announced.has_value()) << announced.error().detail;
  EXPECT_EQ(announced->status, 413);
  const std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
  const std::string chunked =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + repeat(chunk, 5) + "0\r\n\r\n";
  EXPECT_TRUE(raw_exchange(chunked).starts_with("HTTP/1.1 413 "));
  EXPECT_EQ(request(call("/", "POST", std::string(64 * 1024, 'x')))->status, 200);
  EXPECT_EQ(requests_, 1);
}

TEST_F(HttpTest, RequestThatStopsHalfwayIsAnsweredWith408) {
  HttpServerOptions options;
  options.request_timeout = std::chrono::milliseconds(500);
  serve(echo(), options);
  EXPECT_TRUE(raw_exchange("GET / HTTP/1.1\r\nHost:").starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(requests_, 0);
}

TEST_F(HttpTest, IdleConnectionIsEndedSilently) {
  HttpServerOptions options;
  options.idle_timeout = std::chrono::milliseconds(20);
  serve(echo(), options);
  const std::string reply = raw_exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(reply.find("408"), std::string::npos);
}

TEST_F(HttpTest, ConnectionWithoutAFirstRequestGetsNoMoreTimeThanARequest) {
  HttpServerOptions options;
  options.request_timeout = std::chrono::milliseconds(500);
  options.idle_timeout = std::chrono::hours(1);
  serve(echo(), options);
  EXPECT_EQ(raw_exchange(""), "");
}

TEST_F(HttpTest, AConnectionOverTheLimitDisplacesTheOneThatHasWaitedLongest) {
  HttpServerOptions options;
  options.max_connections = 2;
  serve(echo(), options);
  const auto first = finish(connect(loop_, url_, ConnectOptions{}, now() + kPatience));
  ASSERT_TRUE(wait_for([&] { return server_->connections() == 1; }));
  const auto second = finish(connect(loop_, url_, ConnectOptions{}, now() + kPatience));
  ASSERT_TRUE(wait_for([&] { return server_->connections() == 2; }));
  EXPECT_TRUE(request(call("/")).has_value());
  EXPECT_EQ(server_->counters().displaced, 1U);
  EXPECT_EQ(server_->counters().over_limit, 0U);
  ASSERT_TRUE(wait_for([&] { return server_->connections() == 1; }));
  std::array<std::byte, 8> buffer;
  EXPECT_EQ(finish((*first)->read_some(buffer)).value_or(1), 0U) << "the first was closed";
  (*second)->close();
  ASSERT_TRUE(wait_for([&] { return server_->connections() == 0; }));
}

TEST_F(HttpTest, HeaderThatWouldSplitTheReplyBecomesA500) {
  HttpServer::Handlers handlers;
  handlers.on_request = [](RequestId, const HttpRequest&) {
    HttpReply reply;
    reply.headers.push_back({"X", "a\r\nSet-Cookie: evil"});
    return reply;
  };
  serve(handlers);
  EXPECT_EQ(request(call("/"))->status, 500);
  HttpCall bad = call("/");
  bad.headers.push_back({"X", "a\r\nY: b"});
  EXPECT_EQ(request(std::move(bad)).error().code, Error::kInvalid);
  EXPECT_EQ(request(call("/a b")).error().code, Error::kInvalid);
}

TEST_F(HttpTest, PortWhereNobodyListensIsUnreachable) {
  serve(echo());
  server_.reset();
  const auto reply = request(call("/"));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Error::kConnect);
  EXPECT_TRUE(reply.error().is_unreachable());
  EXPECT_NE(reply.error().detail.find("127.0.0.1"), std::string::npos);
}

TEST_F(HttpTest, NameWithoutAddressIsToldApart) {
  url_.host = std::string(64, 'a') + ".invalid";  // too long a label: nobody needs to be asked
  url_.tls = false;
  const auto reply = request(call("/"));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Error::kResolve);
}

TEST_F(HttpTest, LocalhostIsFoundWhicheverFamilyServes) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    HttpServerOptions options;
    options.listen = {*IpAddress::parse(address), 0};
    auto server = HttpServer::listen(loop_, std::move(options), echo());
    if (!server && std::string_view(address) == "::1") continue;  // a machine without IPv6
    server_ = std::move(*server);
    url_ = Url{false, "localhost", server_->local_endpoint().port, "/"};
    const auto reply = request(call("/"));
    EXPECT_TRUE(reply.has_value()) << address;
  }
}

/// Answers the first request with fixed bytes, then closes; with no bytes it says nothing and stays.
class CannedServer {
 public:
  CannedServer(Loop& loop, std::string bytes)
      : bytes_(std::move(bytes)),
        acceptor_(loop.context(), {asio::ip::address_v4::loopback(), 0}),
        socket_(loop.context()) {
    acceptor_.async_accept(socket_, [this](const asio::error_code& error) {
      if (!error) answer();
    });
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  void answer() {
    socket_.async_read_some(asio::buffer(request_), [this](const asio::error_code& error, std::size_t) {
      if (error || bytes_.empty()) return;
      asio::error_code ignored;
      socket_.write_some(asio::buffer(bytes_), ignored);
      socket_.close(ignored);
    });
  }

  std::string bytes_;
  asio::ip::tcp::acceptor acceptor_;
  asio::ip::tcp::socket socket_;
  std::array<char, 4096> request_{};
};

class HttpClientTest : public NetTest {
 protected:
  Result<HttpReply> ask(const std::string& answer) {
    CannedServer canned(loop_, answer);
    url_ = Url{false, "127.0.0.1", canned.port(), "/"};
    HttpCall what = call("/");
    what.max_body = 1000;
    if (answer.empty()) what.timeout = std::chrono::milliseconds(50);
    return request(std::move(what));
  }
};

TEST_F(HttpClientTest, RepliesWithoutLengthLastUntilTheEnd) {
  const auto reply = ask("HTTP/1.0 200 OK\r\n\r\nhello");
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->body, "hello");
}

TEST_F(HttpClientTest, InterimRepliesArePassedOver) {
  const auto reply =
      ask("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(reply.has_value()) << reply.error().detail;
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->header("Link"), "");
  EXPECT_EQ(reply->body, "ok");
}

TEST_F(HttpClientTest, RepliesCutShortAreErrors) {
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").error().code, Error::kClosed);
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nConte").error().code, Error::kClosed);
}

TEST_F(HttpClientTest, RubbishAndOverlongRepliesAreErrors) {
  EXPECT_EQ(ask("SSH-2.0-OpenSSH\r\n").error().code, Error::kProtocol);
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n").error().code, Error::kTooLarge);
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x')).error().code, Error::kTooLarge);
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n").error().code, Error::kTooLarge);
}

TEST_F(HttpClientTest, SilentServerIsATimeout) {
  const auto reply = ask("");
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Error::kTimeout);
}

TEST(HttpServer, ListensTwiceOnOnePortNever) {
  Loop loop;
  HttpServerOptions options;
  options.listen = loopback();
  const auto first = HttpServer::listen(loop, options, {});
  ASSERT_TRUE(first.has_value());
  options.listen = (*first)->local_endpoint();
  const auto second = HttpServer::listen(loop, options, {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Error::kInUse);
}

TEST(Url, ReadsWhatItWrites) {
  for (const char* text : {"https://hub.example/", "http://10.0.0.1:8080/connect?a=b", "https://[fd00::1]:8443/x"}) {
    const auto url = Url::parse(text);
    ASSERT_TRUE(url.has_value()) << text;
    EXPECT_EQ(url->to_string(), text);
  }
  EXPECT_EQ(Url::parse("wss://hub.example")->port, 443);
  EXPECT_EQ(Url::parse("ws://hub.example?x")->target, "/?x");
}

TEST(Url, RefusesEverythingElse) {
  for (const char* text : {"", "hub.example", "ftp://a/", "https://", "https:///x", "https://a:0/", "https://a:99999/",
                           "https://u@a/", "https://a/ b", "https://a/\r\nX: y", "https://[fd00::1/", "https://a/#f",
                           "https://[127.0.0.1]/", "https://a:80x/"}) {
    EXPECT_FALSE(Url::parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace bamgate::net
