// What the relay sends to one WebSocket of GET /turn. As much is given to the host at once as keeps the wire busy; the
// rest waits here, bounded in size and in time: a reader that is slow, or never reads, loses old packets instead of
// getting them seconds late. With `batch=1` what is sent before the host takes it leaves in one message.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "core/buffer_pool.h"
#include "core/bytes.h"
#include "core/send_queue.h"
#include "core/time.h"
#include "turn/framing.h"

namespace bamgate::hub {

class RelayStream {
 public:
  /// Bytes on their way to the reader: 64 KiB are 5 ms of 100 Mbit/s.
  static constexpr std::size_t kMaxAhead = 64 * 1024;
  /// Of one message with several packets.
  static constexpr std::size_t kMaxBatch = 16 * 1024;
  static constexpr QueueLimits kLimits{
      .max_bytes = 512 * 1024, .max_messages = 1024, .max_age = std::chrono::milliseconds(500), .codel = true};

  explicit RelayStream(bool batches) : batches_(batches), queue_(kLimits) {}

  /// One packet for the reader; a copy is kept.
  void send(Instant now, BufferPool& pool, Bytes packet) {
    while (!queue_.empty() && !queue_.has_room(packet.size())) queue_.drop_head();
    queue_.push(now, {}, pool.copy(packet, 0));
  }

  /// The next message for the host; nullopt: nothing more now.
  std::optional<std::vector<std::byte>> take(Instant now) {
    if (ahead_ >= kMaxAhead) return std::nullopt;
    std::vector<std::byte> message;
    while (const auto* head = queue_.head(now)) {
      const Bytes packet = head->data.data();
      const std::size_t padding = batches_ ? turn::frame_padding(packet.size()) : 0;
      if (!message.empty() && (!batches_ || message.size() + packet.size() + padding > kMaxBatch)) break;
      message.insert(message.end(), packet.begin(), packet.end());
      message.resize(message.size() + padding);
      queue_.pop();
    }
    if (message.empty()) return std::nullopt;
    ahead_ += message.size();
    return message;
  }

  /// True once when more waits than may be on its way: the host is to say when all has been sent.
  bool wants_sent() { return ahead_ >= kMaxAhead && !std::exchange(awaits_sent_, true); }
  void on_sent() {
    awaits_sent_ = false;
    ahead_ = 0;
  }
  std::uint64_t dropped() const { return queue_.dropped(); }

 private:
  struct Nothing {};
  bool batches_;
  SendQueue<Nothing> queue_;
  std::size_t ahead_ = 0;
  bool awaits_sent_ = false;
};

}  // namespace bamgate::hub
