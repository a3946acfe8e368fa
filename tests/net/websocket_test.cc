// WebSocket client and server against each other, and the server against clients that break the rules.
#include <algorithm>

#include "net/websocket_handshake.h"
#include "net_test.h"

namespace bamgate::net {
namespace {

class WebSocketTest : public NetTest {
 protected:
  using MaybeClient = Result<std::unique_ptr<WebSocketClient>>;

  void serve_echo(HttpServerOptions options = {}, bool tls = false) {
    HttpServer::Handlers handlers;
    handlers.on_upgrade = [this](ConnectionId id, const HttpRequest& request) -> std::optional<HttpReply> {
      if (request.path() != "/connect" || request.bearer() != "good") {
        return HttpReply::json(401, R"({"error":"refresh_token_expired"})");
      }
      last_ = id;
      return std::nullopt;
    };
    handlers.on_text = [this](ConnectionId id, std::string_view text) {
      texts_.emplace_back(text);
      server_->send_text(id, text);
    };
    handlers.on_binary = [this](ConnectionId id, Bytes data) { server_->send_binary(id, data); };
    handlers.on_close = [this](ConnectionId id, std::uint16_t code) {
      EXPECT_EQ(id, last_);
      closed_.push_back(code);
    };
    serve(std::move(handlers), options, tls);
  }
  MaybeClient open(Listener& listener, const std::string& bearer = "good", const WebSocketLimits& limits = {}) {
    WebSocketCall what;
    what.url = url_.with_target("/connect");
    what.bearer = bearer;
    what.connect.trust = pinned();
    what.limits = limits;
    return finish(WebSocketClient::connect(loop_, std::move(what), listener.handlers()));
  }
  /// Upgrades, then sends frames as they are; returns what came after the upgrade's reply.
  std::string raw_frames(const std::string& frames) {
    const std::string all = raw_exchange(
        "GET /connect HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        "Authorization: Bearer good\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
        frames);
    EXPECT_TRUE(all.starts_with("HTTP/1.1 101 ")) << all;
    return all.substr(all.find("\r\n\r\n") + 4);
  }
  /// A client's frame with the mask 0, which leaves the payload readable.
  static std::string frame(unsigned first_byte, const std::string& payload) {
    std::string bytes(1, static_cast<char>(first_byte));
    if (payload.size() < 126) {
      bytes.push_back(static_cast<char>(0x80 | payload.size()));
    } else {
      bytes.push_back(static_cast<char>(0xfe));
      bytes.push_back(static_cast<char>(payload.size() >> 8));
      bytes.push_back(static_cast<char>(payload.size() & 0xff));
    }
    return bytes + std::string(4, '\0') + payload;
  }
  static std::string close_frame(unsigned first_byte, std::uint16_t code) {
    return frame(first_byte, {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)});
  }
  /// What a server sends to close with `code`.
  static std::string server_close(std::uint16_t code) {
    return {'\x88', '\x02', static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  }

  ConnectionId last_{};
  std::vector<std::string> texts_;
  std::vector<std::uint16_t> closed_;
};

TEST_F(WebSocketTest, EchoesBothKindsInTheClearAndInTls) {
  for (const bool tls : {false, true}) {
    serve_echo({}, tls);
    Listener listener;
    const auto client = open(listener);
    ASSERT_TRUE(client.has_value()) << client.error().detail;
    EXPECT_TRUE((*client)->send_text("grüße"));
    EXPECT_TRUE((*client)->send_binary(as_bytes(std::string_view("\0\1\xff", 3))));
    EXPECT_TRUE((*client)->send_text(""));
    EXPECT_TRUE(wait_for([&] { return listener.texts.size() == 2 && listener.binaries.size() == 1; }));
    EXPECT_EQ(listener.texts, (std::vector<std::string>{"grüße", ""}));
    EXPECT_EQ(listener.binaries[0], std::string("\0\1\xff", 3));
    (*client)->ping();
    (*client)->close(1000, "bye");
    EXPECT_TRUE(wait_for([&] { return listener.closed && !closed_.empty(); }));
    EXPECT_EQ(listener.closed, 1000);
    EXPECT_EQ(closed_, std::vector<std::uint16_t>{1000});
    closed_.clear();
  }
}

TEST_F(WebSocketTest, ManyLargeMessagesArriveInOrderThroughTls) {
  serve_echo({}, true);
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  for (int i = 0; i < 200; ++i) {
    const std::string text = std::to_string(i) + std::string(60'000, 'x');
    ASSERT_TRUE((*client)->send_text(text));
    ASSERT_TRUE(wait_for([&] { return (*client)->queued_bytes() < 500'000; }));
  }
  ASSERT_TRUE(wait_for([&] { return listener.texts.size() == 200; }));
  for (int i = 0; i < 200; ++i)
    EXPECT_TRUE(listener.texts[static_cast<std::size_t>(i)].starts_with(std::to_string(i) + "x"));
}

TEST_F(WebSocketTest, AnOpenOneIsNeverDisplacedByNewcomers) {
  HttpServerOptions options;
  options.max_connections = 1;
  serve_echo(options);
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  Listener other;
  EXPECT_FALSE(open(other).has_value());
  EXPECT_EQ(server_->counters().over_limit, 1U);
  EXPECT_EQ(server_->counters().displaced, 0U);
  (*client)->send_text("still here");
  EXPECT_TRUE(wait_for([&] { return texts_.size() == 1; }));
}

TEST_F(WebSocketTest, RefusedUpgradeTellsStatusAndBody) {
  serve_echo();
  Listener listener;
  const auto client = open(listener, "bad");
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().code, Error::kRefused);
  EXPECT_EQ(client.error().http_status, 401);
  EXPECT_EQ(client.error().http_type, "application/json");
  EXPECT_EQ(client.error().http_body, R"({"error":"refresh_token_expired"})");
  EXPECT_FALSE(listener.closed.has_value());
  EXPECT_TRUE(closed_.empty());
}

TEST_F(WebSocketTest, WhatTheServerSendsWhileAcceptingArrivesFirst) {
  HttpServer::Handlers handlers;
  handlers.on_upgrade = [this](ConnectionId id, const HttpRequest&) -> std::optional<HttpReply> {
    EXPECT_TRUE(server_->send_text(id, "welcome"));
    return std::nullopt;
  };
  serve(handlers);
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  EXPECT_TRUE(wait_for([&] { return !listener.texts.empty(); }));
  EXPECT_EQ(listener.texts[0], "welcome");
}

TEST_F(WebSocketTest, ServersCloseCodeAndReasonReachTheClientAfterTheLastMessage) {
  serve_echo();
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  server_->send_text(last_, "last words");
  server_->close(last_, 4410, "device revoked");
  EXPECT_FALSE(server_->send_text(last_, "too late"));
  EXPECT_TRUE(wait_for([&] { return listener.closed && !closed_.empty(); }));
  EXPECT_EQ(listener.texts, std::vector<std::string>{"last words"});
  EXPECT_EQ(listener.closed, 4410);
  EXPECT_EQ(listener.reason, "device revoked");
  EXPECT_EQ(closed_, std::vector<std::uint16_t>{4410});
  EXPECT_TRUE(wait_for([&] { return server_->connections() == 0; }));
}

TEST_F(WebSocketTest, NoMessageIsReportedAfterTheServerHasClosed) {
  serve_echo();
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  server_->close(last_, 4401, "token expired");
  (*client)->send_text("crossed the close");
  EXPECT_TRUE(wait_for([&] { return listener.closed && !closed_.empty(); }));
  EXPECT_TRUE(texts_.empty());
}

TEST_F(WebSocketTest, ClientThatVanishesIsReportedAs1006) {
  serve_echo();
  Listener listener;
  auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  client->reset();
  EXPECT_TRUE(wait_for([&] { return !closed_.empty(); }));
  EXPECT_EQ(closed_, std::vector<std::uint16_t>{1006});
  EXPECT_FALSE(listener.closed.has_value());
}

TEST_F(WebSocketTest, ServerThatVanishesIsReportedAs1006) {
  serve_echo();
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  server_.reset();
  EXPECT_TRUE(wait_for([&] { return listener.closed.has_value(); }));
  EXPECT_EQ(listener.closed, 1006);
  EXPECT_TRUE(closed_.empty());
}

TEST_F(WebSocketTest, HandlersMayDestroyTheirOwners) {
  serve_echo();
  Listener listener;
  std::unique_ptr<WebSocketClient> client;
  WebSocketCall what;
  what.url = url_.with_target("/connect");
  what.bearer = "good";
  WebSocketSession::Handlers handlers;
  handlers.on_text = [&](std::string_view) { client.reset(); };
  client = finish(WebSocketClient::connect(loop_, std::move(what), handlers)).value();
  client->send_text("x");
  EXPECT_TRUE(wait_for([&] { return client == nullptr && !closed_.empty(); }));

  HttpServer::Handlers suicidal;
  suicidal.on_upgrade = [](ConnectionId, const HttpRequest&) { return std::optional<HttpReply>(); };
  suicidal.on_text = [this](ConnectionId, std::string_view) { server_.reset(); };
  serve(suicidal);
  const auto other = open(listener);
  ASSERT_TRUE(other.has_value());
  (*other)->send_text("x");
  EXPECT_TRUE(wait_for([&] { return server_ == nullptr && listener.closed.has_value(); }));
}

TEST_F(WebSocketTest, MessageOverTheLimitClosesWith1009) {
  serve_echo();
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  const std::string largest(64 * 1024, 'x');
  EXPECT_TRUE((*client)->send_text(largest));
  EXPECT_TRUE(wait_for([&] { return listener.texts.size() == 1; }));
  EXPECT_EQ(listener.texts[0], largest);
  EXPECT_TRUE((*client)->send_text(largest + "x"));
  EXPECT_TRUE(wait_for([&] { return listener.closed && !closed_.empty(); }));
  EXPECT_EQ(listener.closed, kCloseTooBig);
  EXPECT_EQ(closed_, std::vector<std::uint16_t>{kCloseTooBig});
}

TEST_F(WebSocketTest, FragmentsArePutTogetherAroundAPing) {
  serve_echo();
  const std::string answer =
      raw_frames(frame(0x01, "Hel") + frame(0x89, "now?") + frame(0x80, "lo") + close_frame(0x88, 1000));
  EXPECT_EQ(answer, std::string("\x8a\x04now?\x81\x05Hello") + server_close(1000));
  EXPECT_EQ(closed_, std::vector<std::uint16_t>{1000});
}

TEST_F(WebSocketTest, FragmentsOverTheLimitCloseWith1009) {
  serve_echo();
  std::string frames = frame(0x02, std::string(30'000, 'x'));
  for (int i = 0; i < 2; ++i) frames += frame(0x00, std::string(30'000, 'x'));
  EXPECT_EQ(raw_frames(frames), server_close(1009));
}

TEST_F(WebSocketTest, BrokenFramesCloseWithTheRightCode) {
  serve_echo();
  std::string unmasked = "\x81\x05Hello";
  EXPECT_EQ(raw_frames(unmasked), server_close(1002));
  EXPECT_EQ(raw_frames(frame(0xc1, "reserved bit")), server_close(1002));
  EXPECT_EQ(raw_frames(frame(0x83, "reserved opcode")), server_close(1002));
  EXPECT_EQ(raw_frames(frame(0x80, "continues nothing")), server_close(1002));
  EXPECT_EQ(raw_frames(frame(0x81, "\xff\xfe")), server_close(1007));
  EXPECT_EQ(raw_frames(close_frame(0x88, 1005)), server_close(1002));
  EXPECT_EQ(raw_frames(frame(0x88, "")), std::string("\x88\x00", 2));
  EXPECT_TRUE(wait_for([&] { return closed_.size() == 7; }));
  EXPECT_EQ(closed_, (std::vector<std::uint16_t>{1002, 1002, 1002, 1002, 1007, 1002, 1005}));
  EXPECT_TRUE(texts_.empty());
}

TEST_F(WebSocketTest, AFrameHeaderThatCannotBeReadIsAProtocolError) {
  serve_echo();
  EXPECT_EQ(raw_frames(frame(0x09, "fragmented ping")), server_close(1002));
  EXPECT_EQ(raw_frames(frame(0x89, std::string(126, 'x'))), server_close(1002));
  EXPECT_EQ(raw_frames(frame(0x88, "x")), server_close(1002)) << "half a close code";
  EXPECT_TRUE(wait_for([&] { return closed_.size() == 3; }));
  EXPECT_EQ(closed_, (std::vector<std::uint16_t>(3, 1002)));
}

TEST_F(WebSocketTest, SlowReaderIsClosedAndTheQueueStaysBounded) {
  HttpServerOptions options;
  options.websocket.queue_bytes = 256 * 1024;
  options.websocket.close_wait = std::chrono::milliseconds(50);
  serve_echo(options);
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  // Nobody runs the loop meanwhile, so nothing is read.
  const std::string text(10'000, 'x');
  int accepted = 0;
  while (server_->send_text(last_, text) && accepted < 1000) ++accepted;
  EXPECT_GT(accepted, 20);
  EXPECT_LT(accepted, 27);
  EXPECT_LE(server_->queued_bytes(last_), 256U * 1024);
  EXPECT_FALSE(server_->send_text(last_, "x"));
  EXPECT_TRUE(wait_for([&] { return !closed_.empty() && listener.closed; }));
  EXPECT_EQ(closed_, std::vector<std::uint16_t>{kClosePolicy});
  EXPECT_EQ(listener.closed, kClosePolicy);
}

TEST_F(WebSocketTest, AFrameIsSharedByConnectionsAndStaysInOrderWithOtherMessages) {
  for (const bool tls : {false, true}) {
    serve_echo({}, tls);
    std::vector<std::string> expected;
    std::vector<Listener> listeners(3);
    std::vector<std::unique_ptr<WebSocketClient>> clients;
    std::vector<ConnectionId> ids;
    for (Listener& listener : listeners) {
      auto client = open(listener);
      ASSERT_TRUE(client.has_value());
      clients.push_back(std::move(*client));
      ids.push_back(last_);
    }
    // Each length of a header, shared and copied.
    for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 125, 126, 5'000, 65'535, 65'536}) {
      expected.emplace_back(size, 's');
      const SharedFrame frame = make_text_frame(expected.back());
      for (const ConnectionId id : ids) EXPECT_TRUE(server_->send_frame(id, frame));
      EXPECT_EQ(frame.use_count(), size < 1000 ? 1 : 4) << "a long one is not copied";
      expected.push_back("own " + std::to_string(size));
      for (const ConnectionId id : ids) EXPECT_TRUE(server_->send_text(id, expected.back()));
    }
    EXPECT_TRUE(wait_for(
        [&] { return std::ranges::all_of(listeners, [&](const Listener& one) { return one.texts == expected; }); }));
  }
}

TEST_F(WebSocketTest, SharedFramesKeepTheQueueBounded) {
  HttpServerOptions options;
  options.websocket.queue_bytes = 256 * 1024;
  options.websocket.close_wait = std::chrono::milliseconds(50);
  serve_echo(options);
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  const SharedFrame frame = make_text_frame(std::string(10'000, 'x'));
  int accepted = 0;
  while (server_->send_frame(last_, frame) && accepted < 1000) ++accepted;
  EXPECT_GT(accepted, 20);
  EXPECT_LT(accepted, 27);
  EXPECT_TRUE(wait_for([&] { return !closed_.empty() && listener.closed; }));
  EXPECT_EQ(closed_, std::vector<std::uint16_t>{kClosePolicy});
}

TEST_F(WebSocketTest, SaysWhenAllHasBeenSentOnceForEachTimeItIsAsked) {
  int sent = 0;
  HttpServer::Handlers handlers;
  handlers.on_upgrade = [&](ConnectionId id, const HttpRequest&) -> std::optional<HttpReply> {
    last_ = id;
    server_->when_sent(id);
    return std::nullopt;
  };
  handlers.on_sent = [&](ConnectionId id) {
    EXPECT_EQ(id, last_);
    EXPECT_EQ(server_->queued_bytes(id), 0U);
    // As a list goes on: more is sent, and it is asked again.
    if (++sent > 20) return;
    server_->send_text(id, std::string(60'000, 'x'));
    server_->send_text(id, std::string(60'000, 'y'));
    server_->when_sent(id);
  };
  serve(std::move(handlers), {}, true);
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  EXPECT_TRUE(wait_for([&] { return listener.texts.size() == 40 && sent == 21; }));
}

TEST_F(WebSocketTest, PingsKeepASilentConnectionAliveAndFindADeadOne) {
  HttpServerOptions options;
  constexpr auto kInterval = std::chrono::milliseconds(250);  // both ends are in this process: neither runs late alone
  options.websocket.ping_interval = kInterval;
  serve_echo(options);
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  // The client answers pings by itself: the server hears of it longer than two intervals.
  const Instant start = now();
  EXPECT_FALSE(loop_.run_until([&] { return !closed_.empty(); }, 3 * kInterval));
  EXPECT_GE(now() - start, 3 * kInterval);
  // This one answers nothing.
  raw_frames("");
  EXPECT_TRUE(wait_for([&] { return !closed_.empty(); }));
  EXPECT_EQ(closed_, std::vector<std::uint16_t>{kCloseAbnormal});
  EXPECT_FALSE(listener.closed.has_value());
}

TEST_F(WebSocketTest, DelayedReadingHoldsMessagesBack) {
  serve_echo();
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  (*client)->send_text("first");
  ASSERT_TRUE(wait_for([&] { return texts_.size() == 1; }));
  const Instant paused_until = now() + std::chrono::milliseconds(100);
  server_->delay_reading(last_, std::chrono::milliseconds(100));
  (*client)->send_text("second");
  (*client)->send_text("third");
  ASSERT_TRUE(wait_for([&] { return texts_.size() == 3; }));
  EXPECT_GE(now(), paused_until);
  EXPECT_EQ(texts_[2], "third");
}

TEST_F(WebSocketTest, ShutdownClosesEveryConnectionWith1001) {
  serve_echo();
  Listener listener;
  const auto client = open(listener);
  ASSERT_TRUE(client.has_value());
  const auto idle = finish(connect(loop_, url_, ConnectOptions{}, now() + kPatience));
  ASSERT_TRUE(wait_for([&] { return server_->connections() == 2; }));
  bool done = false;
  server_->shutdown([&] { done = true; });
  EXPECT_TRUE(wait_for([&] { return done; }));
  EXPECT_EQ(listener.closed, kCloseGoingAway);
  EXPECT_EQ(closed_, std::vector<std::uint16_t>{kCloseGoingAway});
  EXPECT_EQ(server_->connections(), 0U);
  EXPECT_EQ(open(listener).error().code, Error::kConnect);
}

TEST_F(WebSocketTest, MalformedUpgradesAreRefusedBeforeTheHandlerIsAsked) {
  serve_echo();
  const std::string start = "GET /connect HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  EXPECT_TRUE(raw_exchange(start + "Sec-WebSocket-Version: 13\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(raw_exchange(start + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dG9vIHNob3J0\r\n\r\n")
                  .starts_with("HTTP/1.1 400 "));
  const std::string old =
      raw_exchange(start + "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  EXPECT_TRUE(old.starts_with("HTTP/1.1 426 "));
  EXPECT_NE(old.find("Sec-WebSocket-Version: 13"), old.npos);
  EXPECT_EQ(last_, ConnectionId::kNone);
}

// RFC 6455 §1.3.
TEST(WebSocketHandshake, AcceptsTheKeyOfTheRfcsExample) {
  EXPECT_EQ(accept_for("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketHandshake, ClientRefusesAReplyThatDoesNotFitItsKey) {
  HttpReply reply;
  reply.status = 101;
  reply.headers = {{"upgrade", "WebSocket"}, {"connection", "Upgrade"}, {"Sec-WebSocket-Accept", accept_for("key")}};
  EXPECT_TRUE(is_upgrade_reply(reply, "key"));
  EXPECT_FALSE(is_upgrade_reply(reply, "other"));
  reply.headers.push_back({"Sec-WebSocket-Extensions", "permessage-deflate"});
  EXPECT_FALSE(is_upgrade_reply(reply, "key"));
}

}  // namespace
}  // namespace bamgate::net
