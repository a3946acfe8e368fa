// A session over bytes in memory: what it says must not depend on how they were cut.
#include "net/websocket_session.h"

#include <gtest/gtest.h>

#include "net/loop.h"
#include "support/memory_stream.h"

namespace bamgate::net {
namespace {

/// What came back for a client's bytes, and how the session ended.
struct Outcome {
  std::string written;
  std::uint16_t code = 0;
  std::string reason;
};

Outcome serve(const std::string& bytes, std::size_t piece) {
  Loop loop;
  Outcome outcome;
  bool ended = false;
  WebSocketSession::Handlers handlers;
  handlers.on_close = [&](std::uint16_t code, std::string_view reason) {
    ended = true;
    outcome.code = code;
    outcome.reason = reason;
  };
  const auto session =
      std::make_shared<WebSocketSession>(loop, WebSocketRole::kServer, WebSocketLimits{}, std::move(handlers));
  const auto stream = std::make_shared<bamgate::testing::MemoryStream>(as_bytes(bytes), piece);
  loop.spawn(WebSocketSession::run(session, stream, ""));
  EXPECT_TRUE(loop.run_until([&] { return ended; }, std::chrono::seconds(30)));
  outcome.written = stream->written();
  return outcome;
}

/// A client's close frame of code 1000 with the mask 0.
std::string close_1000(std::string_view reason) {
  std::string frame = "\x88";
  frame += static_cast<char>(0x80 | (reason.size() + 2));
  return frame.append(4, '\0').append("\x03\xe8").append(reason);
}

constexpr std::string_view kNotUtf8 = "\xce\xba\xed\xa0\x80";

TEST(WebSocketSession, AReasonThatIsNoUtf8IsRefusedHoweverItsBytesCome) {
  const std::string close_1007 = "\x88\x02\x03\xef";
  for (std::size_t piece = 1; piece < 16; ++piece) {
    const Outcome outcome = serve(close_1000(kNotUtf8), piece);
    EXPECT_EQ(outcome.written, close_1007) << "in pieces of " << piece;
    EXPECT_EQ(outcome.code, kCloseInvalidText) << "in pieces of " << piece;
    EXPECT_EQ(outcome.reason, "");
  }
}

TEST(WebSocketSession, WhatWasSentBeforeARefusedCloseStays) {
  const std::string ping = std::string("\x89\x82") + std::string(4, '\0') + "hi";
  EXPECT_EQ(serve(ping + close_1000(kNotUtf8), 1).written, "\x8a\x02hi\x88\x02\x03\xef");
}

TEST(WebSocketSession, AReasonIsKeptHoweverItsBytesCome) {
  for (std::size_t piece = 1; piece < 16; ++piece) {
    const Outcome outcome = serve(close_1000("enough"), piece);
    EXPECT_EQ(outcome.code, kCloseNormal);
    EXPECT_EQ(outcome.reason, "enough");
  }
}

}  // namespace
}  // namespace bamgate::net
