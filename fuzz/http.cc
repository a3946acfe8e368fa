// HTTP/1.1 messages. Input: request, reply, reply to HEAD; where the stream is cut; then the bytes.
// Oracle: cuts change nothing, limits hold, and what a request says about proxies and upgrades is read without harm.
#include "net/http_reader.h"

#include <algorithm>

#include "net/forwarded.h"
#include "net/websocket_handshake.h"
#include "support/decoder.h"
#include "support/require.h"

namespace {

using namespace bamgate;
using fuzz::require;
using net::HttpReader;

constexpr net::HttpReaderLimits kLimits{.header = 512, .body = 512};

struct Outcome {
  HttpReader::State state;
  std::size_t taken;
};

/// Feeds `bytes` in pieces of `piece` bytes (0: at once) and ends the stream.
Outcome read(HttpReader& reader, Bytes bytes, std::size_t piece) {
  std::size_t taken = 0;
  while (taken < bytes.size() && reader.state() == HttpReader::State::kIncomplete) {
    const std::size_t count = piece == 0 ? bytes.size() - taken : std::min(piece, bytes.size() - taken);
    taken += reader.feed(bytes.subspan(taken, count));
  }
  reader.finish();
  return {reader.state(), taken};
}

bool same(const std::vector<net::HttpHeader>& left, const std::vector<net::HttpHeader>& right) {
  return std::ranges::equal(left, right, [](const net::HttpHeader& one, const net::HttpHeader& other) {
    return one.name == other.name && one.value == other.value;
  });
}

bool is_whole(HttpReader::State state) {
  return state == HttpReader::State::kComplete || state == HttpReader::State::kUpgrade;
}

void use_request(HttpReader& reader) {
  const net::HttpRequest& request = reader.request();
  require(request.body.size() <= kLimits.body, "a body is not larger than its limit");
  (void)request.path();
  (void)request.query();
  (void)request.bearer();
  if (const auto client = net::forwarded_client(request)) {
    require(!client->is_v4_mapped(), "an address is told in its own family");
    (void)net::is_local_network(*client);
  }
  if (net::wants_websocket(request) && !net::refuse_upgrade(request, reader.is_http_1_1())) {
    HttpReader back(HttpReader::Kind::kReply, {});
    const std::string upgrade = net::write_upgrade(request);
    (void)back.feed(as_bytes(upgrade));
    require(back.state() == HttpReader::State::kUpgrade, "an upgrade is a reply that a client can read");
    require(net::is_upgrade_reply(back.reply(), request.header("Sec-WebSocket-Key")), "an upgrade answers its key");
  }
  (void)reader.keep_alive();
  const std::string text = net::write_reply({.status = 200, .headers = {}, .body = request.body}, true, false);
  HttpReader back(HttpReader::Kind::kReply, {});
  require(back.feed(as_bytes(text)) == text.size() && back.reply().body == request.body, "a reply carries its body");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  const auto kind = static_cast<HttpReader::Kind>(input.below(3));
  const std::size_t piece = 1 + input.below(16);
  const Bytes bytes = input.rest();
  HttpReader whole(kind, kLimits);
  HttpReader pieces(kind, kLimits);
  const Outcome one = read(whole, bytes, 0);
  const Outcome other = read(pieces, bytes, piece);
  // Two limits may be broken at once; which one is met first depends on the cuts.
  require(one.state == other.state || (!is_whole(one.state) && !is_whole(other.state)),
          "cuts do not change what becomes of a message");
  require(one.state != HttpReader::State::kIncomplete, "the end of the stream ends the message");
  if (!is_whole(one.state)) return 0;
  require(one.taken == other.taken, "cuts do not change where a message ends");
  if (kind == HttpReader::Kind::kRequest) {
    require(whole.request().method == pieces.request().method && whole.request().target == pieces.request().target &&
                whole.request().body == pieces.request().body &&
                same(whole.request().headers, pieces.request().headers),
            "cuts do not change a request");
    use_request(whole);
  } else {
    require(whole.reply().status == pieces.reply().status && whole.reply().body == pieces.reply().body &&
                same(whole.reply().headers, pieces.reply().headers),
            "cuts do not change a reply");
    require(whole.reply().body.size() <= kLimits.body, "a body is not larger than its limit");
  }
  return 0;
}
