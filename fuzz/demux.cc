// The first look at a datagram: every layer's own test of "is it mine" must agree with it.
#include "peer/demux.h"

#include "dtls/record.h"
#include "stun/message.h"
#include "support/decoder.h"
#include "support/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bamgate;
  using peer::Protocol;
  const Bytes datagram = fuzz::input_of(data, size);
  const Protocol protocol = peer::classify(datagram);
  // RFC 7983 §7 leaves STUN the first bytes 0 to 3, and so fewer methods than RFC 8489 knows.
  if (stun::Message::parse(datagram) && datagram[0] <= std::byte{3}) {
    fuzz::require(stun::is_stun(datagram) && protocol == Protocol::kStun, "a STUN message goes to ICE");
  }
  Bytes rest = datagram;
  if (const auto record = dtls::take_record(rest)) {
    fuzz::require(protocol == Protocol::kDtls, "a DTLS record goes to DTLS");
    fuzz::require(record->whole.size() + rest.size() == datagram.size(), "a record is what was taken");
    (void)dtls::is_plausible(*record);
    Bytes payload = record->payload;
    for (std::size_t fragments = 0; dtls::take_fragment(payload);) {
      fuzz::require(++fragments <= record->payload.size() / dtls::kHandshakeHeader, "fragments come to an end");
    }
  }
  return 0;
}
