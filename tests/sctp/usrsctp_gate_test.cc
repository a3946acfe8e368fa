#include "sctp/usrsctp_gate.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "core/writer.h"
#include "sctp/crafted.h"

namespace bamgate::sctp {
namespace {

using testing::crafted_chunk;
using testing::crafted_packet;

constexpr std::uint32_t kTag = 7;
constexpr std::uint32_t kAcknowledged = 100;

std::vector<std::byte> numbers(std::initializer_list<std::uint32_t> values) {
  std::vector<std::byte> bytes(4 * values.size());
  Writer writer(bytes);
  for (const std::uint32_t value : values) writer.u32(value);
  return bytes;
}

// A gate whose side has sent an INIT and acknowledged some data.
UsrsctpGate open_gate() {
  UsrsctpGate gate;
  gate.note_output(crafted_packet(0, crafted_chunk(1, 0, numbers({kTag, 0, 0, 0}))));
  gate.note_output(crafted_packet(9, crafted_chunk(3, 0, numbers({kAcknowledged, 0, 0}))));
  return gate;
}

// RFC 6525 §4.1: Outgoing SSN Reset Requests of all streams, each with the last TSN that was given out before it.
std::vector<std::byte> requests(std::initializer_list<std::uint32_t> last_tsns) {
  constexpr std::uint32_t kHeader = (13U << 16) | 16;
  std::vector<std::byte> all;
  for (const std::uint32_t tsn : last_tsns) {
    const auto request = numbers({kHeader, 1, 1, tsn});
    all.insert(all.end(), request.begin(), request.end());
  }
  return crafted_packet(kTag, crafted_chunk(130, 0, all));
}

TEST(UsrsctpGate, OfSeveralResetRequestsTheLatestDecidesWhetherTheyWait) {
  const std::uint32_t next = kAcknowledged + 1;
  for (const auto& packet : {requests({next}), requests({kAcknowledged, next}), requests({next, kAcknowledged})}) {
    UsrsctpGate gate = open_gate();
    EXPECT_EQ(gate.examine(packet, 0), UsrsctpGate::Verdict::kChanged);
    EXPECT_TRUE(gate.changed().empty());
    EXPECT_FALSE(gate.take_released());
    gate.note_output(crafted_packet(9, crafted_chunk(3, 0, numbers({next, 0, 0}))));
    EXPECT_TRUE(gate.take_released());
  }
  UsrsctpGate gate = open_gate();
  EXPECT_EQ(gate.examine(requests({kAcknowledged - 1, kAcknowledged}), 0), UsrsctpGate::Verdict::kPass);
}

}  // namespace
}  // namespace bamgate::sctp
