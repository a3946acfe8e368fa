// Bytes behind a WebSocket upgrade, at a session of either role, over a stream in memory that comes in pieces.
// Oracle: no message is larger than its limit, none comes after the end, the end comes once, and all of it is the same
// when each byte comes alone.
#include "net/websocket_session.h"

#include <algorithm>

#include "support/decoder.h"
#include "support/memory_stream.h"
#include "support/require.h"

namespace {

using namespace bamgate;
using fuzz::require;

constexpr net::WebSocketLimits kLimits{.message_bytes = 1024, .queue_bytes = 4096};

/// What the owner of a session was told.
struct Told {
  std::vector<std::string> messages;
  std::uint16_t code = 0;
};

Told run(net::WebSocketRole role, Bytes bytes, std::size_t piece, std::size_t close_after) {
  net::Loop loop;
  std::shared_ptr<net::WebSocketSession> session;
  Told told;
  bool ended = false;
  const auto take = [&](std::string_view message) {
    require(!ended, "no message comes after the end");
    require(message.size() <= kLimits.message_bytes, "no message is larger than its limit");
    told.messages.emplace_back(message);
    if (told.messages.size() == close_after) session->close(4000, "enough");
    if (told.messages.size() % 3 == 0) (void)session->send_text("an answer");
  };
  session = std::make_shared<net::WebSocketSession>(
      loop, role, kLimits,
      net::WebSocketSession::Handlers{.on_text = take,
                                      .on_binary = [&](Bytes message) { take(as_text(message)); },
                                      .on_close =
                                          [&](std::uint16_t code, std::string_view reason) {
                                            require(!ended, "the end comes once");
                                            require(reason.size() <= 123, "a reason fits into a close frame");
                                            ended = true;
                                            told.code = code;
                                          }});
  const auto stream = std::make_shared<testing::MemoryStream>(bytes, piece);
  loop.spawn(net::WebSocketSession::run(session, stream, ""));
  require(loop.run_until([&] { return ended; }, std::chrono::seconds(10)), "a stream that ends ends the session");
  require(session.use_count() >= 1 && !session->send_text("late"), "nothing is sent after the end");
  require(stream->written().size() < 1 << 20, "a session does not talk without end");
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  const auto role = input.flag() ? net::WebSocketRole::kClient : net::WebSocketRole::kServer;
  const std::size_t piece = 1 + input.u8();
  const std::size_t close_after = input.u8();
  // As much as wslay takes in one piece.
  Bytes bytes = input.rest();
  bytes = bytes.first(std::min<std::size_t>(bytes.size(), 4096));
  const Told whole = run(role, bytes, bytes.size(), close_after);
  const Told cut = run(role, bytes, piece, close_after);
  const Told alone = run(role, bytes, 1, close_after);
  const auto too_slow = [](const Told& told) { return told.code == net::kClosePolicy; };
  // What waits to be sent, and so what is too much, does depend on the pieces.
  if (too_slow(whole) || too_slow(cut) || too_slow(alone)) return 0;
  require(whole.messages == cut.messages && whole.messages == alone.messages,
          "the messages do not depend on how the bytes are cut");
  // In one piece wslay checks a reason right, byte by byte not at all. In others it can refuse a right one.
  require(whole.code == cut.code || alone.code == cut.code || cut.code == net::kCloseInvalidText,
          "the end does not depend on how the bytes are cut");
  // A wrong reason in a frame that is never complete, or behind a wrong code: then we find the other fault.
  const bool other_fault = alone.code == net::kCloseProtocolError || alone.code == net::kCloseAbnormal;
  require(whole.code == alone.code || (whole.code == net::kCloseInvalidText && other_fault),
          "nor on whether each byte comes alone");
  return 0;
}
