#include "sctp/usrsctp_unsent.h"

#include <algorithm>

#include "core/writer.h"

namespace bamgate::sctp {
namespace {

/// Hollow chunks that are remembered; a window's worth. Most kinds of channels never send one again.
constexpr std::size_t kMaxHollow = 1024;

}  // namespace

void UsrsctpUnsent::push(std::uint16_t stream, std::size_t size, std::optional<Instant> send_by) {
  streams_[stream].push_back({.left = size, .send_by = send_by});
  bytes_ += size;
}

void UsrsctpUnsent::withdraw(std::uint16_t stream) {
  Stream& waiting = streams_[stream];
  if (waiting.empty()) return;
  bytes_ -= waiting.back().left;
  waiting.pop_back();
}

void UsrsctpUnsent::finish(Stream& stream) {
  bytes_ -= stream.front().left;
  stream.pop_front();
}

UsrsctpUnsent::Departure UsrsctpUnsent::leave(Instant now, const DataChunk& chunk) {
  if (highest_tsn_ && !is_after(chunk.tsn, *highest_tsn_)) {
    return {.again = true, .hollow = std::ranges::find(hollow_, chunk.tsn) != hollow_.end()};
  }
  highest_tsn_ = chunk.tsn;
  Stream& stream = streams_[chunk.stream];
  // When a fragment is given up, usrsctp throws the rest of its message away.
  if (chunk.begins && !stream.empty() && stream.front().begun) finish(stream);
  if (stream.empty()) return {};
  Waiting& message = stream.front();
  Departure departure;
  if (!message.begun) {
    message.begun = true;
    message.hollow = departure.stale = message.send_by && *message.send_by < now;
  }
  departure.hollow = message.hollow;
  const std::size_t size = std::min(message.left, chunk.size);
  message.left -= size;
  bytes_ -= size;
  if (chunk.ends) finish(stream);
  if (departure.hollow) hollow_.push_back(chunk.tsn);
  if (hollow_.size() > kMaxHollow) hollow_.pop_front();
  return departure;
}

void UsrsctpUnsent::clear() {
  for (auto& [number, stream] : streams_) stream.clear();
  bytes_ = 0;
}

void write_hollow(Bytes chunk, MutableBytes output) {
  constexpr std::size_t kStreamEnd = 12;  // type, flags, length, TSN, stream, sequence number
  Writer writer(output.first(kHollowChunk));
  writer.bytes(chunk.first(kStreamEnd));
  writer.zeros(kHollowChunk - kStreamEnd);  // payload protocol 0, one byte and its padding
  writer.patch_u16(2, static_cast<std::uint16_t>(kDataHeader + 1));
}

}  // namespace bamgate::sctp
