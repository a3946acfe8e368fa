#include "sctp/usrsctp_gate.h"

#include <algorithm>
#include <utility>

#include "core/reader.h"
#include "sctp/usrsctp_unsent.h"

namespace bamgate::sctp {
namespace {

// RFC 9260 §3.3.2 and §3.3.4: where numbers stand in INIT, INIT ACK and SACK chunks.
constexpr std::size_t kInitiateTag = 4;
constexpr std::size_t kInitialTsn = 16;
constexpr std::size_t kCumulativeTsn = 4;

// RFC 6525 §4.1: Outgoing SSN Reset Request.
constexpr std::uint16_t kOutgoingReset = 13;
constexpr std::size_t kParameterHeader = 4;

// RFC 9260 §8.5.1: the chunk carries the tag that its receiver expects of others.
constexpr std::uint8_t kReflected = 0x01;

std::vector<std::byte> joined(Bytes one, Bytes other) {
  std::vector<std::byte> both(one.begin(), one.end());
  both.insert(both.end(), other.begin(), other.end());
  return both;
}

// The last TSN that the peer had given out when it made the request in a RE-CONFIG chunk.
std::optional<std::uint32_t> last_tsn_of(const ChunkWalk& walk) {
  if (walk.type() != ChunkType::kReconfig) return std::nullopt;
  Reader reader(walk.bytes());
  reader.skip(kChunkHeader);
  while (reader.remaining() > kParameterHeader) {
    const std::uint16_t type = reader.u16();
    const std::size_t length = reader.u16();
    if (length < kParameterHeader) return std::nullopt;
    Reader parameter(reader.bytes(std::min(reader.remaining(), (length + 3) / 4 * 4 - kParameterHeader)));
    if (type != kOutgoingReset) continue;
    parameter.skip(2 * sizeof(std::uint32_t));  // the numbers of request and response
    const std::uint32_t tsn = parameter.u32();
    return parameter.ok() ? std::optional(tsn) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

void UsrsctpGate::note_output(Bytes packet) {
  for (ChunkWalk walk(packet); walk.next();) {
    if (walk.type() == ChunkType::kInit) own_tag_ = walk.number_at(kInitiateTag);
    if (walk.type() == ChunkType::kSack) cumulative_tsn_ = walk.number_at(kCumulativeTsn);
  }
}

UsrsctpGate::Verdict UsrsctpGate::examine(Bytes packet) {
  if (!has_right_tag(packet)) return Verdict::kWrongTag;
  Verdict verdict = Verdict::kPass;
  for (ChunkWalk walk(packet); walk.next();) {
    const bool init = walk.type() == ChunkType::kInit || walk.type() == ChunkType::kInitAck;
    if (const auto first = walk.number_at(kInitialTsn); init && first && !cumulative_tsn_) cumulative_tsn_ = *first - 1;
    const auto last_tsn = last_tsn_of(walk);
    if (!last_tsn) continue;
    held_.clear();  // the peer's newest request is this one
    if (!cumulative_tsn_ || !is_after(*last_tsn, *cumulative_tsn_)) continue;
    hold(packet, walk.bytes(), *last_tsn);
    verdict = Verdict::kHeld;
  }
  return verdict;
}

void UsrsctpGate::hold(Bytes packet, Bytes request, std::uint32_t last_tsn) {
  const auto begin = static_cast<std::size_t>(request.data() - packet.data());
  held_tsn_ = last_tsn;
  held_ = joined(packet.first(kCommonHeader), request);
  rest_ = joined(packet.first(begin), packet.subspan(begin + request.size()));
  if (rest_.size() == kCommonHeader) rest_.clear();
}

// RFC 9260 §8.5 and §8.5.1.
bool UsrsctpGate::has_right_tag(Bytes packet) const {
  ChunkWalk walk(packet);
  const std::uint32_t tag = read_common_header(packet).verification_tag;
  if (!walk.next()) return tag == own_tag_;
  switch (walk.type()) {
    case ChunkType::kInit:
      return tag == 0;
    case ChunkType::kCookieEcho:  // the tag stands in the cookie, which usrsctp checks
      return true;
    case ChunkType::kAbort:
    case ChunkType::kShutdownComplete:
      return tag == own_tag_ || (walk.flags() & kReflected) != 0;
    case ChunkType::kData:
    case ChunkType::kInitAck:
    case ChunkType::kSack:
    case ChunkType::kReconfig:
      break;
  }
  return tag == own_tag_;
}

std::optional<std::vector<std::byte>> UsrsctpGate::take_released() {
  if (held_.empty() || !cumulative_tsn_ || is_after(held_tsn_, *cumulative_tsn_)) return std::nullopt;
  return std::exchange(held_, {});
}

}  // namespace bamgate::sctp
