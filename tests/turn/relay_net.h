// A relay with clients that write their own requests, so that a test may send what it wants.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/encoding.h"
#include "os/native_crypto.h"
#include "stun/long_term_client.h"
#include "support/seeded_random.h"
#include "turn/channel_data.h"
#include "turn/credentials.h"
#include "turn/server.h"

namespace bamgate::turn {

/// Each device's secret is "secret of NAME".
class TestAccounts final : public Accounts {
 public:
  explicit TestAccounts(Crypto& crypto) : crypto_(crypto) {}
  std::optional<Account> find_account(UnixTime unix_now, std::string_view username) override {
    ++asked;
    const auto name = parse_hub_username(username);
    if (!name || name->expires <= unix_now || gone.contains(std::string(name->device))) return std::nullopt;
    const std::string device(name->device);
    return Account{.owner = device, .password = hub_password(crypto_, "secret of " + device, username)};
  }

  std::map<std::string, bool> gone;
  int asked = 0;

 private:
  Crypto& crypto_;
};

class RelayTest : public ::testing::Test {
 protected:
  using Fill = std::function<void(stun::Builder&)>;

  /// A client on a path of its own.
  struct Caller {
    FiveTuple path;
    std::string username;
    stun::LongTermClient credentials;
    std::string bearer;
  };

  explicit RelayTest(const RelayLimits& limits = {})
      : server_({.realm = "bamgate", .limits = limits}, accounts_, crypto_, random_) {}

  std::unique_ptr<Caller> caller(std::string_view device, FiveTuple path, std::string_view secret_of = {}) {
    const std::string name = hub_username({kUnix.seconds + 86'400}, device);
    const std::string secret = "secret of " + std::string(secret_of.empty() ? device : secret_of);
    const SecretText password = hub_password(crypto_, secret, name);
    return std::unique_ptr<Caller>(new Caller{path, name, {name, password.view()}, {}});
  }
  static FiveTuple udp(int host) {
    return {0, {IpAddress::v4(198, 51, 100, static_cast<std::uint8_t>(host)), 40'000}, IpAddress::v4(203, 0, 113, 10)};
  }
  static FiveTuple stream(std::uint64_t number) { return {number, {IpAddress::v4(198, 51, 100, 200), 0}, {}}; }

  /// Sends bytes; what came of it.
  std::optional<Server::Output> send(const Caller& from, std::string_view bytes) {
    buffer_.assign(reinterpret_cast<const std::byte*>(bytes.data()),
                   reinterpret_cast<const std::byte*>(bytes.data()) + bytes.size());
    return server_.handle(now_, kUnix, {from.path, from.bearer, buffer_}, out_);
  }
  std::optional<Server::Output> send(const Caller& from, const std::vector<std::byte>& bytes) {
    return send(from, as_text(bytes));
  }

  std::vector<std::byte> write(stun::Class message_class, stun::Method method, const Fill& fill,
                               const std::function<void(stun::Builder&)>& sign = {}) {
    std::vector<std::byte> room(66'000);
    stun::Builder builder(room, message_class, method, stun::make_transaction_id(random_));
    if (fill) fill(builder);
    if (sign) sign(builder);
    const std::size_t size = builder.finish().value();
    return {room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size)};
  }

  /// A request with all that authentication takes; the code of its answer, 0: success; -1: none came.
  int ask(Caller& from, stun::Method method, const Fill& fill) {
    stun::LongTermClient::Attempt attempt;
    for (int tries = 0; tries < 8; ++tries) {
      const auto request = write(stun::Class::kRequest, method, fill,
                                 [&](stun::Builder& builder) { from.credentials.sign(builder, crypto_, attempt); });
      const auto output = send(from, request);
      if (!output) continue;  // as a client that repeats its request
      EXPECT_EQ(output->to, from.path);
      answer_.assign(output->message.begin(), output->message.end());
      const auto message = stun::Message::parse(answer_);
      EXPECT_TRUE(message);
      if (!message) return -1;
      const stun::Verdict verdict = from.credentials.handle_response(*message, crypto_, attempt);
      if (verdict == stun::Verdict::kRetry) continue;
      if (verdict == stun::Verdict::kRefused) return message->error_code()->code;
      EXPECT_EQ(verdict, stun::Verdict::kAccept);
      return message->message_class() == stun::Class::kSuccess ? 0 : message->error_code()->code;
    }
    return -1;
  }
  stun::Message answer() const { return stun::Message::parse(answer_).value(); }

  int allocate(Caller& from) {
    return ask(from, stun::Method::kAllocate, [](stun::Builder& b) { b.requested_transport(kTransportUdp); });
  }
  /// Allocates; its relayed address.
  Endpoint allocated(Caller& from) {
    EXPECT_EQ(allocate(from), 0);
    return answer().xor_address(stun::Attribute::kXorRelayedAddress).value_or(Endpoint{});
  }
  int permit(Caller& from, const Endpoint& peer) {
    return ask(from, stun::Method::kCreatePermission,
               [&](stun::Builder& b) { b.xor_address(stun::Attribute::kXorPeerAddress, peer); });
  }
  int bind(Caller& from, std::uint16_t channel, const Endpoint& peer) {
    return ask(from, stun::Method::kChannelBind, [&](stun::Builder& b) {
      b.channel_number(channel).xor_address(stun::Attribute::kXorPeerAddress, peer);
    });
  }
  int refresh(Caller& from, std::chrono::seconds lifetime) {
    return ask(from, stun::Method::kRefresh, [&](stun::Builder& b) { b.lifetime(lifetime); });
  }

  std::optional<Server::Output> indicate(const Caller& from, const Endpoint& peer, std::string_view data) {
    return send(from, write(stun::Class::kIndication, stun::Method::kSend, [&](stun::Builder& b) {
                  b.xor_address(stun::Attribute::kXorPeerAddress, peer).bytes(stun::Attribute::kData, as_bytes(data));
                }));
  }
  std::optional<Server::Output> channel(const Caller& from, std::uint16_t number, std::string_view data) {
    std::string message = {static_cast<char>(number >> 8), static_cast<char>(number),
                           static_cast<char>(data.size() >> 8), static_cast<char>(data.size())};
    return send(from, message.append(data));
  }

  static constexpr UnixTime kUnix{1'800'000'000};

  os::NativeCrypto crypto_;
  testing::SeededRandom random_{1};
  TestAccounts accounts_{crypto_};
  Server server_;
  Instant now_ = Instant{} + std::chrono::hours(5);
  std::vector<std::byte> buffer_;
  std::vector<std::byte> out_ = std::vector<std::byte>(66'000);
  std::vector<std::byte> answer_;
};

}  // namespace bamgate::turn
