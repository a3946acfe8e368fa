// Texts of a hub at the signaling client in each state, and texts of devices as the hub reads them.
// Oracle: what is well-formed is written and read again without a change; lists keep their limit; the client never
// grows without bound and its timers come to rest.
#include <array>
#include <chrono>

#include "signaling/client.h"
#include "support/decoder.h"
#include "support/require.h"
#include "support/seeded_random.h"

namespace {

using namespace bamgate;
using fuzz::require;

void round_trip(std::string_view text) {
  const auto message = signaling::parse(text);
  if (!message) return;
  signaling::Message expected = *message;
  if (auto* list = std::get_if<signaling::Peers>(&expected)) {
    signaling::ListPart part(512);
    const auto finish = [&part](bool more) {
      const std::string text = part.take(more);
      require(text.size() <= 512 && signaling::parse(text).has_value(), "a part of a list is one, and short enough");
    };
    for (const signaling::PeerRevoked& revoked : list->revoked) {
      if (part.add_revoked(revoked)) continue;
      finish(true);
      part.add_revoked(revoked);
    }
    for (const signaling::PeerInfo& peer : list->peers) {
      const std::string entry = signaling::write_entry(peer);
      if (part.add_peer(entry)) continue;
      finish(true);
      require(part.add_peer(entry) == signaling::fits_in_list(entry, 512), "an empty part takes what fits at all");
    }
    finish(false);
    list->malformed = 0;
  }
  const auto again = signaling::parse(signaling::write(expected));
  require(again.has_value(), "a message that was written can be read");
  require(*again == expected, "a round trip changes nothing");
}

class World {
 public:
  explicit World(fuzz::Decoder& input) : input_(input) {
    signaling::PeerInfo self;
    self.peer_id = "me";
    self.public_key = "S0VZ";
    client_.emplace(self, random_);
    client_->start(now_);
  }

  void run() {
    drain();
    for (int steps = 0; !input_.at_end() && steps < 200; ++steps) {
      step();
      drain();
      require(client_->next_timeout() > now_ || (client_->handle_timeout(now_), client_->next_timeout() > now_),
              "no timer stays due");
      drain();
    }
  }

 private:
  void step() {
    switch (input_.below(10)) {
      case 0:
      case 1:
      case 2: {
        const std::string_view text = input_.text();
        round_trip(text);
        return client_->on_text(now_, text);
      }
      case 3:
        return client_->on_open(now_);
      case 4:
        return client_->on_access_token(now_, "token");
      case 5:
        return client_->on_closed(now_, input_.u16());
      case 6:
        now_ += std::chrono::milliseconds(100 * input_.u16());
        return client_->handle_timeout(now_);
      case 7:
        return fail();
      case 8:
        (void)client_->send(
            now_, signaling::Offer{
                      .from = {}, .to = "peer", .sdp = std::string(input_.text()), .public_key = {}, .extra = {}});
        return;
      case 9:
        return client_->network_changed(now_, static_cast<signaling::NetworkChange>(input_.below(3)));
    }
  }

  signaling::HubFault fault() { return {.verdict = static_cast<signaling::Verdict>(input_.below(7))}; }

  void fail() {
    switch (input_.below(4)) {
      case 0:
        return client_->on_token_failed(now_, fault());
      case 1:
        return client_->on_connect_failed(now_, fault());
      case 2:
        return client_->on_pong(now_);
      case 3:
        client_->stop(now_);
        return client_->start(now_);
    }
  }

  void drain() {
    for (int count = 0; const auto effect = client_->poll_effect();) {
      require(++count < 10'000, "effects come to an end");
      if (const auto* text = std::get_if<signaling::SendText>(&*effect)) {
        require(signaling::parse(text->text).has_value(), "the client sends messages");
      }
    }
    for (int count = 0; client_->poll_event();) require(++count < 10'000, "events come to an end");
  }

  fuzz::Decoder& input_;
  testing::SeededRandom random_{1};
  Instant now_{std::chrono::hours(1000)};
  std::optional<signaling::Client> client_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  World(input).run();
  return 0;
}
