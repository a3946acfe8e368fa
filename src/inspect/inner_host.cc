#include "inspect/inner_host.h"

#include <algorithm>

#include "core/ip_checksum.h"
#include "core/reader.h"
#include "core/writer.h"

namespace bamgate::inspect {
namespace {

constexpr std::size_t kIpHeader = 20;
constexpr std::size_t kIcmpHeader = 8;
constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kEcho = 8;
constexpr std::uint8_t kEchoReply = 0;
constexpr std::uint16_t kIdentifier = 0x6267;  // "bg"
constexpr std::size_t kMaxAnswers = 256;

/// The content of ping number `sequence`; the first bytes differ from one to the next.
std::byte pattern(std::uint16_t sequence, std::size_t i) { return std::byte((sequence * 31U + i * 7U) & 0xff); }

void put_checksum(MutableBytes icmp) {
  const MutableBytes field = icmp.subspan(2, sizeof(std::uint16_t));
  std::ranges::fill(field, std::byte{0});
  copy_bytes(big_endian(ip_checksum({icmp})), field);
}

}  // namespace

void InnerHost::ping(const IpAddress& destination, std::uint32_t count) {
  destination_ = destination;
  left_ = count;
  waiting_.clear();
  counters_ = {.sent = 0, .answered = 0, .damaged = 0, .unexpected = 0, .echoed = counters_.echoed};
}

void InnerHost::handle(Instant now, Bytes packet) {
  Reader reader(packet);
  const bool plain = reader.u8() == 0x45;  // IPv4 without options
  reader.skip(8);
  const bool icmp = reader.u8() == kIcmp;
  reader.skip(2);
  const IpAddress source = IpAddress::from_bytes(reader.bytes(4));
  const IpAddress destination = IpAddress::from_bytes(reader.bytes(4));
  const std::uint8_t type = reader.u8();
  reader.skip(3);
  const std::uint16_t identifier = reader.u16();
  const std::uint16_t sequence = reader.u16();
  if (!reader.ok() || !plain || !icmp || destination != address_ || ip_checksum({packet.subspan(kIpHeader)}) != 0) {
    return;
  }
  if (type == kEcho && answers_.size() < kMaxAnswers) {
    ++counters_.echoed;
    PacketBuffer answer = pool_.copy(packet);
    answer.data()[kIpHeader] = std::byte{kEchoReply};
    put_checksum(answer.data().subspan(kIpHeader));
    write_header(answer, source);
    answers_.push_back(std::move(answer));
  } else if (type == kEchoReply && identifier == kIdentifier) {
    const auto asked = waiting_.find(sequence);
    if (asked == waiting_.end()) {
      ++counters_.unexpected;
      return;
    }
    waiting_.erase(asked);
    const Bytes content = reader.rest();
    bool intact = content.size() == size_of(sequence);
    for (std::size_t i = 0; i < content.size(); ++i) intact &= content[i] == pattern(sequence, i);
    ++(intact ? counters_.answered : counters_.damaged);
  }
  handle_timeout(now);
}

void InnerHost::handle_timeout(Instant now) {
  std::erase_if(waiting_, [&](const auto& ping) { return ping.second <= now; });
}

std::optional<PacketBuffer> InnerHost::poll_packet(Instant now) {
  if (!answers_.empty()) {
    PacketBuffer answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }
  if (left_ == 0 || waiting_.size() >= kWindow) return std::nullopt;
  --left_;
  ++counters_.sent;
  waiting_[++sequence_] = now + patience_;
  return make_ping(sequence_);
}

Instant InnerHost::next_timeout() const {
  Instant next = kNever;
  for (const auto& [sequence, lost_at] : waiting_) next = std::min(next, lost_at);
  return next;
}

PacketBuffer InnerHost::make_ping(std::uint16_t sequence) {
  const std::size_t size = size_of(sequence);
  PacketBuffer packet = pool_.take();
  const MutableBytes all = packet.append(kIpHeader + kIcmpHeader + size);
  Writer out(all.subspan(kIpHeader));
  out.u8(kEcho);
  out.zeros(3);
  out.u16(kIdentifier);
  out.u16(sequence);
  for (std::size_t i = 0; i < size; ++i) out.u8(std::to_integer<std::uint8_t>(pattern(sequence, i)));
  put_checksum(all.subspan(kIpHeader));
  write_header(packet, destination_);
  return packet;
}

void InnerHost::write_header(PacketBuffer& packet, const IpAddress& destination) const {
  Writer out(packet.data().first(kIpHeader));
  out.u16(0x4500);
  out.u16(static_cast<std::uint16_t>(packet.size()));
  out.u32(0x00004000);  // don't fragment
  out.u8(64);
  out.u8(kIcmp);
  out.u16(0);
  out.bytes(address_.bytes());
  out.bytes(destination.bytes());
  out.patch_u16(10, ip_checksum({out.written()}));
}

}  // namespace bamgate::inspect
