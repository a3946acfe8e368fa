// A STUN client and a server with long-term credentials, by commands: requests with attributes of any kind, datagrams
// that come late, twice, damaged or never, wrong passwords, time. Input: options of both, then commands. Oracle: what
// the server takes for authentic is what the client signed, and what the client accepts is what the server signed;
// attributes are read as they were written; every request comes to an end; over a calm network the right password is
// accepted and a wrong one is not.
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <utility>

#include "os/native_crypto.h"
#include "stun/client.h"
#include "stun/long_term_client.h"
#include "stun/long_term_server.h"
#include "stun/response.h"
#include "stun/short_term.h"
#include "support/decoder.h"
#include "support/require.h"
#include "support/seeded_random.h"

namespace bamgate::stun {
namespace {

using fuzz::require;

constexpr Endpoint kFrom{IpAddress::v4(192, 0, 2, 9), 4000};
constexpr Account kAccount{"user", "correct horse"};
constexpr std::string_view kRealm = "bamgate";
constexpr std::size_t kMostWaiting = 16;

/// Whether `bytes` begins with all of `original`, but for the length in the header: behind the integrity anybody may
/// add.
bool is_extended(Bytes bytes, Bytes original) {
  return bytes.size() >= original.size() && std::ranges::equal(bytes.first(2), original.first(2)) &&
         std::ranges::equal(bytes.subspan(4, original.size() - 4), original.subspan(4));
}

class World {
 public:
  explicit World(fuzz::Decoder& input) : input_(input) {}

  void run() {
    for (int steps = 0; !input_.at_end() && steps < 100; ++steps) step();
    calm();
  }

 private:
  using Datagram = std::vector<std::byte>;
  struct Ask {
    LongTermClient::Attempt attempt;
    int rounds = 0;
  };

  static LongTermServerOptions options(unsigned bits) {
    return {.realm = std::string(kRealm),
            .nonce_lifetime = std::chrono::seconds(60),
            .password_algorithms = (bits & 2) != 0,
            .username_anonymity = (bits & 4) != 0};
  }

  void step() {
    switch (input_.below(10)) {
      case 0:
      case 1:
        return ask({});
      case 2:
      case 3:
        return serve();
      case 4:
      case 5:
        return hear();
      case 6:
        return spoil(input_.flag() ? requests_ : responses_);
      case 7:
        return pass(std::chrono::milliseconds(200 * input_.u8()));
      case 8:
        return forge();
      case 9:
        return check_short_terms();
    }
  }

  // ---- The client ----

  void ask(Ask next) {
    if (++next.rounds > 6) return;
    std::array<std::byte, 2000> out{};
    Builder request(out, Class::kRequest, Method::kAllocate, make_transaction_id(random_));
    const auto expectations = write_attributes(request);
    credentials_.sign(request, crypto_, next.attempt);
    const auto size = request.finish();
    if (!size) return;  // a value that its attribute cannot carry, or too many of them
    const Bytes bytes = Bytes(out).first(*size);
    const auto message = Message::parse(bytes);
    require(message.has_value(), "what is built can be parsed");
    for (const auto& expect : expectations) expect(*message);
    if (!client_.send(now_, bytes)) return;
    signed_[message->id()] = {bytes.begin(), bytes.end()};
    asks_[message->id()] = std::move(next);
    drain();
  }

  using Expectation = std::function<void(const Message&)>;

  /// Up to four attributes that a request may carry; what comes back says how they are to be read.
  std::vector<Expectation> write_attributes(Builder& request) {
    std::vector<Expectation> all;
    std::array<bool, 12> used{};
    for (std::size_t count = calm_ ? 0 : input_.below(5); count > 0; --count) {
      const std::size_t kind = input_.below(used.size());
      if (std::exchange(used[kind], true)) continue;  // of two alike the first counts
      all.push_back(write_attribute(request, kind));
    }
    return all;
  }

  Expectation write_attribute(Builder& request, std::size_t kind) {
    const std::uint32_t number = input_.u32();
    const Endpoint endpoint{(number & 1) != 0 ? IpAddress::from_bytes(std::array<std::byte, 16>{std::byte{0x20}})
                                              : IpAddress::v4(198, 51, 100, static_cast<std::uint8_t>(number)),
                            static_cast<std::uint16_t>(number >> 8)};
    switch (kind) {
      case 0: {
        const std::string text(input_.text());
        request.text(Attribute::kSoftware, text);
        return [text](const Message& read) { require(read.text(Attribute::kSoftware) == text, "a text is kept"); };
      }
      case 1:
        request.lifetime(std::chrono::seconds(number));
        return [number](const Message& read) {
          require(read.lifetime() == std::chrono::seconds(number), "a lifetime is kept");
        };
      case 2:
        request.xor_address(Attribute::kXorPeerAddress, endpoint);
        return [endpoint](const Message& read) {
          require(read.xor_address(Attribute::kXorPeerAddress) == endpoint, "an address is kept");
        };
      case 3:
        request.address(Attribute::kMappedAddress, endpoint);
        return [endpoint](const Message& read) {
          require(read.address(Attribute::kMappedAddress) == endpoint, "an address is kept");
        };
      case 4:
        request.channel_number(static_cast<std::uint16_t>(number));
        return [number](const Message& read) {
          require(read.channel_number() == static_cast<std::uint16_t>(number), "a channel is kept");
        };
      case 5:
        request.even_port((number & 1) != 0);
        return [number](const Message& read) { require(read.even_port() == ((number & 1) != 0), "a flag is kept"); };
      case 6:
        request.requested_transport(static_cast<std::uint8_t>(number));
        return [number](const Message& read) {
          require(read.requested_transport() == static_cast<std::uint8_t>(number), "a protocol is kept");
        };
      case 7:
        request.family(Attribute::kRequestedAddressFamily, (number & 1) != 0 ? Family::kV6 : Family::kV4);
        return [number](const Message& read) {
          require(read.family(Attribute::kRequestedAddressFamily) == ((number & 1) != 0 ? Family::kV6 : Family::kV4),
                  "a family is kept");
        };
      case 8: {
        const std::string data(input_.text());
        request.bytes(Attribute::kData, as_bytes(data));
        return [data](const Message& read) {
          require(as_text(read.bytes(Attribute::kData).value_or(Bytes{})) == data, "data is kept");
        };
      }
      case 9:
        request.u64(Attribute::kIceControlling, std::uint64_t{number} << 20);
        return [number](const Message& read) {
          require(read.u64(Attribute::kIceControlling) == std::uint64_t{number} << 20, "a number is kept");
        };
      case 10:
        request.error_code(static_cast<std::uint16_t>(number), "why");
        return [number](const Message& read) {
          require(read.error_code()->code == static_cast<std::uint16_t>(number), "an error is kept");
        };
      default:
        request.flag(Attribute::kDontFragment);
        return [](const Message& read) { require(read.has(Attribute::kDontFragment), "a flag is kept"); };
    }
  }

  void drain() {
    while (const auto request = client_.poll_transmit()) {
      if (requests_.size() < kMostWaiting) requests_.emplace_back(request->begin(), request->end());
    }
    while (const auto failure = client_.poll_failure()) asks_.erase(failure->id);
    require(client_.waiting() == asks_.size(), "a request waits until it is answered or has failed");
  }

  void hear() {
    if (responses_.empty()) return;
    const Datagram datagram = take(responses_);
    const auto message = Message::parse(datagram);
    if (!message || !client_.awaits(message->id())) {
      if (message) (void)client_.handle_response(now_, *message, true, kKnown);
      return drain();
    }
    Ask& of = asks_.at(message->id());
    const bool with_credentials = of.attempt.signature.has_value();
    const Verdict verdict = credentials_.handle_response(*message, crypto_, of.attempt);
    if (verdict == Verdict::kAccept && with_credentials) {
      require(is_extended(datagram, answered_[message->id()]), "what is accepted is what the server signed");
      accepted_ = true;
    }
    Ask next = of;
    const TransactionId id = message->id();
    if (verdict == Verdict::kRefused) refused_ = true;
    if (verdict == Verdict::kRetry || verdict == Verdict::kRefused || verdict == Verdict::kBidDown) {
      client_.cancel(id);
      asks_.erase(id);
      if (verdict == Verdict::kRetry) ask(std::move(next));
    } else {
      const bool authentic = verdict == Verdict::kAccept;
      const auto answer = client_.handle_response(now_, *message, authentic, kKnown);
      if (answer || !client_.awaits(id)) asks_.erase(id);
    }
    drain();
  }

  // ---- The server ----

  void serve() {
    if (requests_.empty()) return;
    const Datagram datagram = take(requests_);
    const auto message = Message::parse(datagram);
    if (!message || message->message_class() != Class::kRequest) return;
    const auto claim = LongTermServer::claim(*message);
    const bool known = claim && (claim->username == kAccount.username ||
                                 (claim->user_hash && std::ranges::equal(*claim->user_hash, hash_)));
    std::array<std::byte, 2000> out{};
    const auto account = known ? std::optional(kAccount) : std::nullopt;
    const auto checked = server_.check(now_, kFrom, *message, account, crypto_);
    std::expected<std::size_t, Error> size;
    if (checked) {
      require(right_password_, "a wrong password is never authentic");
      require(is_extended(datagram, signed_[message->id()]), "what is authentic is what the client signed");
      Builder response = success_response(out, *message);
      response.xor_address(Attribute::kXorMappedAddress, kFrom);
      checked->sign(response, crypto_);
      size = finish_response(response, *message);
    } else {
      size = server_.refuse(now_, kFrom, *message, checked.error(), crypto_, out);
    }
    if (!size) return;
    Datagram response(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*size));
    if (checked) answered_[message->id()] = response;
    if (responses_.size() < kMostWaiting) responses_.push_back(std::move(response));
  }

  // ---- The network ----

  Datagram take(std::vector<Datagram>& from) {
    const auto at = from.begin() + static_cast<std::ptrdiff_t>(input_.below(from.size()));
    Datagram taken = std::move(*at);
    from.erase(at);
    return taken;
  }
  void spoil(std::vector<Datagram>& queue) {
    if (queue.empty()) return;
    const std::size_t place = input_.below(queue.size());
    const unsigned what = input_.u8();
    Datagram& one = queue[place];
    tampered_ = tampered_ || &queue == &responses_;
    if (what < 40) return (void)queue.push_back(Datagram(one));
    if (what < 80) return (void)queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(place));
    if (what < 100) one.resize(one.size() / 8 * 4);
    if (!one.empty()) one[input_.u16() % one.size()] ^= static_cast<std::byte>(what);
  }
  /// An answer of someone who sees the request and knows no password: a challenge of his own, or a success.
  void forge() {
    if (asks_.empty()) return;
    std::array<std::byte, 2000> out{};
    const bool success = input_.below(4) == 0;
    Builder response(out, success ? Class::kSuccess : Class::kError, Method::kAllocate, asks_.begin()->first);
    constexpr std::array<std::uint16_t, 4> kCodes = {401, 438, 420, 500};
    if (!success) response.error_code(kCodes[input_.below(4)], "forged");
    if (input_.flag()) response.text(Attribute::kRealm, input_.text()).text(Attribute::kNonce, input_.text());
    if (input_.flag()) response.bytes(Attribute::kPasswordAlgorithms, input_.bytes());
    if (input_.flag()) response.integrity(crypto_, input_.bytes());
    const auto size = response.finish();
    if (!size || responses_.size() >= kMostWaiting) return;
    tampered_ = true;
    responses_.emplace_back(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*size));
  }
  void pass(Duration time) {
    const Instant end = now_ + time;
    for (int wakes = 0; client_.next_timeout() <= end; ++wakes) {
      require(wakes < 1000, "timers move on");
      now_ = std::max(now_, client_.next_timeout());
      client_.handle_timeout(now_);
      drain();
    }
    now_ = end;
  }

  void check_short_terms() {
    std::array<std::byte, 600> out{};
    const auto kind = static_cast<Integrity>(input_.below(3));
    Builder request(out, Class::kRequest, Method::kBinding, make_transaction_id(random_));
    sign_short_term(request, crypto_, "a:b", "secret", kind);
    const std::size_t covered = request.finish().value();
    if (input_.flag()) request.fingerprint();
    const std::size_t size = request.finish().value();
    const std::size_t at = input_.u16() % size;
    const auto change = static_cast<std::byte>(input_.u8());
    out[at] ^= change;
    const auto message = Message::parse(Bytes(out).first(size));
    if (!message) return require(change != std::byte{}, "what is built can be parsed");
    const bool authentic = check_short_term(*message, crypto_, "a:b", "secret").has_value();
    if (change == std::byte{}) return require(authentic, "what is signed is authentic");
    // Of both kinds the second may turn into something that nobody knows; the first still counts.
    if (at < covered && kind != Integrity::kBoth) require(!authentic, "what was changed is not authentic");
  }

  void calm() {
    pass(std::chrono::hours(2));  // 79 times the longest RTO (RFC 8489 §6.2.1)
    require(asks_.empty(), "every request comes to an end");
    requests_.clear();
    responses_.clear();
    accepted_ = refused_ = false;
    calm_ = true;
    LongTermClient::Attempt fresh;
    ask({.attempt = fresh});
    for (int round = 0; round < 20; ++round) {
      while (!requests_.empty()) serve();
      while (!responses_.empty()) hear();
    }
    // Who was challenged by a forger may be led astray, but never to a wrong end.
    require(!accepted_ || right_password_, "a wrong password is not accepted");
    if (!tampered_) require(right_password_ ? accepted_ : refused_, "a calm network decides by the password");
  }
  static constexpr std::array kKnown = {Attribute::kXorMappedAddress};

  fuzz::Decoder& input_;
  testing::SeededRandom random_{1};
  os::NativeCrypto crypto_;
  Instant now_{std::chrono::hours(1)};
  const unsigned bits_ = input_.u8();
  const bool right_password_ = (bits_ & 1) != 0;
  const Sha256Digest hash_ = user_hash(crypto_, kAccount.username, kRealm);
  LongTermServer server_{options(bits_), Secret<32>{}};
  LongTermClient credentials_{kAccount.username, right_password_ ? kAccount.password : "guess"};
  Client client_{(bits_ & 8) != 0 ? Transport::kReliable : Transport::kUnreliable};
  std::map<TransactionId, Ask> asks_;
  std::map<TransactionId, Datagram> signed_;
  std::map<TransactionId, Datagram> answered_;
  std::vector<Datagram> requests_;
  std::vector<Datagram> responses_;
  bool accepted_ = false;
  bool refused_ = false;
  bool calm_ = false;
  bool tampered_ = false;  // a response: so the client may have learnt a wrong challenge
};

}  // namespace
}  // namespace bamgate::stun

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bamgate;
  fuzz::Decoder input(fuzz::input_of(data, size));
  stun::World(input).run();
  return 0;
}
