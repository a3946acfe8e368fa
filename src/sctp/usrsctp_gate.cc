#include "sctp/usrsctp_gate.h"

#include <algorithm>
#include <utility>

#include "core/reader.h"
#include "sctp/reassembly.h"

namespace bamgate::sctp {
namespace {

// RFC 9260 §3.3.2, §3.3.4 and §3.3.8: where numbers stand in INIT, INIT ACK, SACK and SHUTDOWN chunks.
constexpr std::size_t kInitiateTag = 4;
constexpr std::size_t kInitialTsn = 16;
constexpr std::size_t kInitParameters = 20;
constexpr std::size_t kCumulativeTsn = 4;

// RFC 6525 §4.1: Outgoing SSN Reset Request.
constexpr std::uint16_t kOutgoingReset = 13;
constexpr std::size_t kParameterHeader = 4;

// RFC 9260 §8.5.1: the chunk carries the tag that its receiver expects of others.
constexpr std::byte kReflected{0x01};

std::vector<std::byte> joined(Bytes one, Bytes other) {
  std::vector<std::byte> both(one.begin(), one.end());
  both.insert(both.end(), other.begin(), other.end());
  return both;
}

// RFC 9260 §3.2.1: a parameter's length counts its header. Padding behind the last one may be missing.
bool has_good_parameters(Bytes init) {
  Reader reader(init);
  reader.skip(sizeof(std::uint16_t));
  const std::size_t length = reader.u16();
  reader = Reader(init.first(std::min(init.size(), length)));
  reader.skip(kInitParameters);
  while (reader.ok() && !reader.at_end()) {
    reader.skip(sizeof(std::uint16_t));
    const std::size_t size = reader.u16();
    if (size < kParameterHeader) return false;
    reader.skip(size - kParameterHeader);
    reader.skip(std::min(reader.remaining(), (4 - size % 4) % 4));
  }
  return reader.ok();
}

// The last TSN that the peer had given out when it made the request in a RE-CONFIG chunk; of several the latest.
std::optional<std::uint32_t> last_tsn_of(const ChunkWalk& walk) {
  if (walk.type() != ChunkType::kReconfig) return std::nullopt;
  std::optional<std::uint32_t> last;
  Reader reader(walk.bytes());
  reader.skip(kChunkHeader);
  while (reader.remaining() > kParameterHeader) {
    const std::uint16_t type = reader.u16();
    const std::size_t length = reader.u16();
    if (length < kParameterHeader) break;
    Reader parameter(reader.bytes(std::min(reader.remaining(), (length + 3) / 4 * 4 - kParameterHeader)));
    if (type != kOutgoingReset) continue;
    parameter.skip(2 * sizeof(std::uint32_t));  // the numbers of request and response
    const std::uint32_t tsn = parameter.u32();
    if (parameter.ok() && (!last || is_after(tsn, *last))) last = tsn;
  }
  return last;
}

}  // namespace

void UsrsctpGate::note_output(Bytes packet) {
  for (ChunkWalk walk(packet); walk.next();) {
    if (walk.type() == ChunkType::kInit) own_tag_ = walk.number_at(kInitiateTag);
    // RFC 9260 §9.2: a side that shuts down acknowledges by SHUTDOWN.
    const bool acknowledges = walk.type() == ChunkType::kSack || walk.type() == ChunkType::kShutdown;
    if (acknowledges) cumulative_tsn_ = walk.number_at(kCumulativeTsn);
  }
}

UsrsctpGate::Verdict UsrsctpGate::examine(Bytes packet, std::size_t room) {
  if (!has_right_tag(packet)) return Verdict::kWrongTag;
  changed_.clear();
  fragments_.clear();
  std::size_t done = 0;  // of the packet, into changed_
  const auto copy_up_to = [&](std::size_t end) {
    const Bytes part = packet.subspan(done, end - done);
    changed_.insert(changed_.end(), part.begin(), part.end());
    done = end;
  };
  for (ChunkWalk walk(packet); walk.next();) {
    const Bytes chunk = walk.bytes();
    const bool init = walk.type() == ChunkType::kInit || walk.type() == ChunkType::kInitAck;
    if (init && !has_good_parameters(chunk)) return Verdict::kMalformed;
    if (const auto first = walk.number_at(kInitialTsn); init && first && !cumulative_tsn_) cumulative_tsn_ = *first - 1;
    const auto data = walk.data();
    const bool is_fragment = data && data->unordered && !(data->begins && data->ends);
    const bool left_out = is_fragment ? must_be_left_out(*data, room) : is_held(packet, walk);
    if (!is_fragment && !left_out) continue;
    copy_up_to(static_cast<std::size_t>(chunk.data() - packet.data()));
    done += chunk.size();
    if (is_fragment && left_out) ++refused_;
    if (left_out) continue;
    room -= std::min(room, Reassembly::cost(data->size));
    fragments_.push_back(*data);
    changed_.insert(changed_.end(), chunk.begin(), chunk.end());
    changed_[changed_.size() - chunk.size() + kChunkFlags] |= kBeginsFlag | kEndsFlag;
  }
  if (done == 0) return Verdict::kPass;
  copy_up_to(packet.size());
  if (changed_.size() == kCommonHeader) changed_.clear();
  return Verdict::kChanged;
}

std::optional<DataChunk> UsrsctpGate::fragment(std::uint32_t tsn) const {
  const auto found = std::ranges::find(fragments_, tsn, &DataChunk::tsn);
  return found == fragments_.end() ? std::nullopt : std::optional(*found);
}

// The fragment next to the cumulative TSN passes however full it is: without it no message might ever be complete. What
// is there already passes too, since usrsctp answers it: the peer may have missed the acknowledgement.
bool UsrsctpGate::must_be_left_out(const DataChunk& fragment, std::size_t room) const {
  return Reassembly::cost(fragment.size) > room && (!cumulative_tsn_ || is_after(fragment.tsn, *cumulative_tsn_ + 1));
}

bool UsrsctpGate::is_held(Bytes packet, const ChunkWalk& walk) {
  const auto last_tsn = last_tsn_of(walk);
  if (!last_tsn) return false;
  held_.clear();  // the peer's newest request is this one
  if (!cumulative_tsn_ || !is_after(*last_tsn, *cumulative_tsn_)) return false;
  held_tsn_ = *last_tsn;
  held_ = joined(packet.first(kCommonHeader), walk.bytes());
  return true;
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
      return tag == own_tag_ || (walk.flags() & kReflected) != std::byte{};
    case ChunkType::kData:
    case ChunkType::kInitAck:
    case ChunkType::kSack:
    case ChunkType::kShutdown:
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
