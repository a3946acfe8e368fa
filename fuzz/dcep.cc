// Messages that open data channels: what was understood is valid, is written and read again without a change, also with
// a byte behind it.
#include "sctp/dcep.h"

#include <array>

#include "support/decoder.h"
#include "support/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bamgate;
  const auto message = sctp::parse_dcep(fuzz::input_of(data, size));
  if (!message) return 0;
  if (const auto* open = std::get_if<sctp::DcepOpen>(&*message)) {
    fuzz::require(sctp::valid(open->options), "options that were read are valid");
  }
  std::array<std::byte, sctp::kMaxDcepSize + 1> output{};
  const std::size_t length = sctp::write_dcep(*message, output).size();
  const auto again = sctp::parse_dcep(Bytes(output).first(length));
  fuzz::require(again.has_value(), "a message that was written can be read");
  fuzz::require(*again == *message, "a round trip changes nothing");
  const auto padded = sctp::parse_dcep(Bytes(output).first(length + 1));
  fuzz::require(padded == *message, "what stands behind a message is ignored");
  return 0;
}
