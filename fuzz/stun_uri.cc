// stun:, stuns:, turn: and turns: URIs: what was understood is written and read again without a change.
#include "stun/uri.h"

#include "support/decoder.h"
#include "support/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bamgate;
  const auto uri = stun::Uri::parse(as_text(fuzz::input_of(data, size)));
  if (!uri) return 0;
  fuzz::require(uri->port != 0 && !uri->host.empty(), "a URI names a server");
  const auto again = stun::Uri::parse(uri->to_string());
  fuzz::require(again.has_value(), "a URI that was written can be read");
  fuzz::require(*again == *uri, "a round trip changes nothing");
  return 0;
}
