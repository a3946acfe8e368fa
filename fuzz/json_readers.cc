// The two JSON readers against each other: they accept the same texts, build the same values, refuse for the same
// reason; and what is printed is read as the same value again.
#include "json/parse.h"
#include "json/write.h"
#include "support/decoder.h"
#include "support/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bamgate;
  using fuzz::require;
  fuzz::Decoder input(fuzz::input_of(data, size));
  const std::size_t depth = input.below(70);
  const std::string_view text = as_text(input.rest());
  const json::Limits limits{.max_bytes = 4096, .max_depth = depth};
  const auto one = json::parse_with_simdjson(text, limits);
  const auto other = json::parse_with_nlohmann(text, limits);
  require(one.has_value() == other.has_value(), "both readers accept the same texts");
  if (!one) {
    require(one.error() == other.error(), "both readers refuse for the same reason");
    return 0;
  }
  require(*one == *other, "both readers build the same value");
  const std::string written = json::write(*one);
  const auto again = json::parse(written, {.max_bytes = 1 << 20, .max_depth = json::kMaxDepth});
  require(again.has_value(), "what was printed can be read");
  require(*again == *one, "a round trip changes nothing");
  return 0;
}
