#include "net/stream_client.h"

#include <array>
#include <utility>
#include <vector>

#include "net/event.h"

namespace bamgate::net {
namespace {

constexpr std::size_t kReadSize = std::size_t{16} * 1024;

}  // namespace

/// One connection, held by its two coroutines. Without an owner it ends in silence.
struct StreamClient::State {
  State(Loop& loop, std::shared_ptr<Stream> opened, Handlers given)
      : stream(std::move(opened)), handlers(std::move(given)), wake_writer(loop) {}

  bool is_open() const { return open; }
  void end(std::string_view why) {
    if (!std::exchange(open, false)) return;
    stream->close();
    wake_writer.notify();
    // It may destroy the client, and with it the handlers that it has.
    const auto on_close = std::exchange(handlers.on_close, nullptr);
    if (on_close) on_close(why);
  }

  std::shared_ptr<Stream> stream;
  Handlers handlers;
  std::vector<std::byte> waiting;
  std::size_t in_writing = 0;
  Event wake_writer;
  bool open = true;
};

asio::awaitable<Result<std::unique_ptr<StreamClient>>> StreamClient::connect(Loop& loop, Url url,
                                                                             ConnectOptions options, Instant deadline,
                                                                             Handlers handlers) {
  auto stream = co_await net::connect(loop, std::move(url), std::move(options), deadline);
  if (!stream) co_return std::unexpected(stream.error());
  const auto state = std::make_shared<State>(loop, std::move(*stream), std::move(handlers));
  // From the loop, so that whoever waits for the client has it before the first bytes.
  loop.post([&loop, state] {
    loop.spawn(read_all(state));
    loop.spawn(write_all(state));
  });
  co_return std::unique_ptr<StreamClient>(new StreamClient(state));
}

StreamClient::~StreamClient() {
  state_->handlers.on_close = nullptr;
  state_->end({});
}

// What has gathered meanwhile leaves together: one record of TLS for many messages.
asio::awaitable<void> StreamClient::write_all(std::shared_ptr<State> state) {
  while (state->is_open()) {
    if (state->waiting.empty()) {
      co_await state->wake_writer.wait();
      continue;
    }
    const std::vector<std::byte> data = std::exchange(state->waiting, {});
    state->in_writing = data.size();
    const auto written = co_await state->stream->write(data);
    state->in_writing = 0;
    if (!written) state->end(written.error().detail);
  }
}

asio::awaitable<void> StreamClient::read_all(std::shared_ptr<State> state) {
  std::array<std::byte, kReadSize> room;
  while (state->is_open()) {
    const auto count = co_await state->stream->read_some(room);
    if (!count || *count == 0) {
      state->end(count ? "the server closed the connection" : std::string_view(count.error().detail));
    } else if (state->is_open()) {
      state->handlers.on_bytes(Bytes(room).first(*count));
    }
  }
}

bool StreamClient::send(Bytes data) {
  if (!state_->is_open()) return false;
  state_->waiting.insert(state_->waiting.end(), data.begin(), data.end());
  state_->wake_writer.notify();
  return true;
}

std::size_t StreamClient::queued_bytes() const { return state_->waiting.size() + state_->in_writing; }
Endpoint StreamClient::remote() const { return state_->stream->remote(); }
Endpoint StreamClient::local() const { return state_->stream->local(); }

}  // namespace bamgate::net
