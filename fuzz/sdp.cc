// Session descriptions: what was understood is written and read again without a change, and nothing in it can smuggle a
// line into what we write.
#include <algorithm>

#include "peer/description.h"
#include "support/decoder.h"
#include "support/require.h"

namespace {

using namespace bamgate;
using fuzz::require;

void require_same(const peer::Description& left, const peer::Description& right) {
  require(left.session_id == right.session_id, "session id");
  require(left.mid == right.mid, "mid");
  require(left.ice.ufrag == right.ice.ufrag && left.ice.pwd == right.ice.pwd, "ICE credentials");
  require(std::ranges::equal(left.fingerprints.all(), right.fingerprints.all()), "fingerprints");
  require(left.setup == right.setup, "setup");
  require(left.sctp_port == right.sctp_port && left.old_form == right.old_form, "SCTP port");
  require(left.max_message_size == right.max_message_size, "largest message");
  require(left.candidates == right.candidates, "candidates");
  require(left.end_of_candidates == right.end_of_candidates, "end of candidates");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto description = peer::parse_description(as_text(fuzz::input_of(data, size)));
  if (!description) return 0;
  require(!description->fingerprints.empty(), "a description names a certificate");
  require(description->ice.valid(), "a description has credentials");
  const std::string text = peer::write_description(*description);
  require(std::ranges::count(text, '\n') == std::ranges::count(text, '\r'), "every line ends with CRLF");
  const auto again = peer::parse_description(text);
  require(again.has_value(), "a description that was written can be read");
  require_same(*description, *again);
  return 0;
}
