// The file of pins: what is accepted is written and read again without a change.
#include "config/pins.h"
#include "support/decoder.h"
#include "support/require.h"

using namespace bamgate;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto pins = config::parse_pins(as_text(fuzz::input_of(data, size)));
  if (!pins) {
    require(!pins.error().what.empty(), "an error says what is wrong");
    return 0;
  }
  require(pins->pins.size() <= config::kMaxPins, "no more are kept than their bound");
  const auto again = config::parse_pins(config::write_pins(*pins));
  require(again.has_value(), "pins that were written can be read");
  require(*again == *pins, "a round trip changes nothing");
  return 0;
}
