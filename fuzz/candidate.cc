// Candidate lines of SDP and trickle: what was understood is written and read again without a change.
#include "ice/candidate.h"

#include "support/decoder.h"
#include "support/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bamgate;
  const auto parsed = ice::parse_candidate(as_text(fuzz::input_of(data, size)));
  if (!parsed) return 0;
  fuzz::require(ice::is_ice_chars(parsed->candidate.foundation), "a foundation holds ice-chars only");
  fuzz::require(ice::is_ice_chars(parsed->ufrag), "a ufrag holds ice-chars only");
  fuzz::require(parsed->candidate.endpoint.port != 0, "a candidate can be reached");
  const std::string line = parsed->candidate.to_string(parsed->ufrag);
  fuzz::require(line.find_first_of("\r\n") == std::string::npos, "a line is one line");
  const auto again = ice::parse_candidate(line);
  fuzz::require(again.has_value(), "a line that was written can be read");
  fuzz::require(again->candidate == parsed->candidate && again->ufrag == parsed->ufrag, "a round trip changes nothing");
  (void)parsed->candidate.describe();
  return 0;
}
