// The messages of TURN as bytes: ChannelData, indications, streams that are cut anywhere, and several messages in one
// of a WebSocket. Input: where the stream is cut, then its bytes. Oracle: however a stream is cut, the same messages
// come out of it, and a batch says the same as a stream as long as both go on; what is read is written again without a
// change; no more is held than the limit allows.
#include <algorithm>
#include <array>
#include <vector>

#include "core/buffer_pool.h"
#include "core/encoding.h"
#include "support/decoder.h"
#include "support/require.h"
#include "turn/channel_data.h"
#include "turn/credentials.h"
#include "turn/framing.h"
#include "turn/indication.h"

namespace bamgate::turn {
namespace {

using fuzz::require;
using Frames = std::vector<std::vector<std::byte>>;

constexpr std::size_t kLimit = 600;

void require_same_again(Bytes message) {
  BufferPool pool;
  PacketBuffer packet = pool.copy(message);
  if (const auto channel = open_channel_data(packet)) {
    require(is_channel(*channel), "a channel has a number of the range");
    require(seal_channel_data(packet, *channel).has_value(), "what was opened can be sealed");
    require(std::ranges::equal(packet.data(), message.first(packet.size())), "and is as it was");
  } else {
    require(std::ranges::equal(packet.data(), message), "what is refused is left alone");
  }
  PacketBuffer indication = pool.copy(message);
  const auto parsed = stun::Message::parse(indication.data());
  const auto send = parsed ? parse_send(*parsed) : std::unexpected(Error::kNotStun);
  if (!send) return;
  const stun::TransactionId id = parsed->id();
  const std::vector<std::byte> data(send->data->begin(), send->data->end());
  open_indication(indication, *send);
  require(std::ranges::equal(indication.data(), data), "an indication is cut to its data");
  if (!seal_indication(indication, stun::Method::kSend, id, send->peer)) return;
  const auto again = stun::Message::parse(indication.data());
  require(again.has_value(), "what is written can be read");
  require(parse_send(*again)->peer == send->peer, "for the same peer");
  require(std::ranges::equal(*parse_send(*again)->data, data), "with the same data");
}

// The messages of a stream that comes in pieces of these sizes, and whether it was lost.
std::pair<Frames, bool> read_stream(Bytes stream, fuzz::Decoder& cuts, std::size_t fixed) {
  StreamReader reader(kLimit);
  Frames frames;
  while (!stream.empty()) {
    const std::size_t size = std::min(stream.size(), fixed != 0 ? fixed : 1 + cuts.below(64));
    reader.append(stream.first(size));
    stream = stream.subspan(size);
    while (true) {
      const auto frame = reader.next();
      if (!frame) {
        require(reader.next().error() == frame.error(), "a lost stream stays lost");
        require(reader.held() == 0, "and holds nothing");
        return {frames, true};
      }
      if (!*frame) break;
      frames.emplace_back((*frame)->begin(), (*frame)->end());
    }
    require(reader.held() < kLimit, "no more is held than the limit allows");
  }
  return {frames, false};
}

void run(Bytes input) {
  fuzz::Decoder decoder(input);
  const Bytes head = decoder.bytes();
  fuzz::Decoder cuts(head);
  const Bytes stream = decoder.rest();
  require_same_again(stream);
  const auto [whole, lost] = read_stream(stream, cuts, std::max<std::size_t>(stream.size(), 1));
  const auto [pieces, lost_in_pieces] = read_stream(stream, cuts, 0);
  require(whole == pieces && lost == lost_in_pieces, "it does not matter where a stream is cut");
  for (const auto& frame : whole) require_same_again(frame);

  std::vector<std::byte> copy(stream.begin(), stream.end());
  BatchReader batch(copy);
  std::vector<std::byte> out(stream.size() + 4);
  BatchWriter writer(out);
  for (std::size_t i = 0;; ++i) {
    const auto message = batch.next();
    if (!message || !*message) break;
    if (i < whole.size()) require(std::ranges::equal(**message, whole[i]), "a batch says what a stream says");
    require(writer.add(**message), "what was read fits again");
  }
  if (const auto name = parse_hub_username(as_text(stream))) {
    require(hub_username(name->expires, name->device) == as_text(stream), "a name is written as it was read");
  }
}

}  // namespace
}  // namespace bamgate::turn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bamgate::turn::run(bamgate::fuzz::input_of(data, size));
  return 0;
}
