// The relay by commands: devices that allocate, permit, bind and send from several paths, requests with attributes of
// any kind, forged and damaged messages, time, a table that is saved and restored. Input: commands. Oracle: a model of
// who permitted whom. A packet goes to the client of the allocation that was addressed, whole and as it was, only while
// both sides permit it; no address is given twice; no owner and no table outgrows its limit; a path that never
// authenticated is sent no more bytes than came from it.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "os/native_crypto.h"
#include "stun/long_term_client.h"
#include "support/decoder.h"
#include "support/require.h"
#include "support/seeded_random.h"
#include "turn/channel_data.h"
#include "turn/credentials.h"
#include "turn/indication.h"
#include "turn/server.h"

namespace bamgate::turn {
namespace {

using fuzz::require;
using stun::Attribute;
using stun::Method;

constexpr UnixTime kUnix{1'800'000'000};
constexpr std::array<std::string_view, 3> kDevices = {"a", "b", "c"};
constexpr std::size_t kPaths = 5;

class World final : public Accounts {
 public:
  explicit World(fuzz::Decoder& input) : input_(input) {
    for (std::size_t path = 0; path < kPaths; ++path) {
      for (const std::string_view device : kDevices) {
        const std::string name = hub_username({kUnix.seconds + 1000}, device);
        clients_.push_back(std::make_unique<stun::LongTermClient>(name, password(name).view()));
      }
    }
  }

  void run() {
    for (int steps = 0; !input_.at_end() && steps < 200; ++steps) {
      step();
      server_->handle_timeout(now_);
      check_table();
    }
  }

 private:
  struct Traffic {
    std::size_t sent = 0;
    std::size_t received = 0;
    bool authenticated = false;
  };

  static SecretText password(std::string_view username) {
    os::NativeCrypto crypto;
    return hub_password(crypto, "secret", username);
  }
  std::optional<Account> find_account(UnixTime /*unix_now*/, std::string_view username) override {
    const auto name = parse_hub_username(username);
    if (!name || std::ranges::find(kDevices, name->device) == kDevices.end()) return std::nullopt;
    return Account{.owner = std::string(name->device), .password = password(username)};
  }

  FiveTuple path(std::size_t index) const {
    if (index % 2 == 1) return {index, {IpAddress::v4(192, 0, 2, 1), 0}, {}};
    return {0, {IpAddress::v4(198, 51, 100, static_cast<std::uint8_t>(index)), 4000}, IpAddress::v4(203, 0, 113, 1)};
  }
  Endpoint peer() {
    const std::size_t which = input_.below(kPaths + 2);
    if (const Allocation* held = which < kPaths ? server_->allocations().find(path(which)) : nullptr) {
      return relay_endpoint(held->number);
    }
    return which == kPaths ? Endpoint{IpAddress::v4(input_.u32()), input_.u16()} : relay_endpoint(input_.u16());
  }

  void step() {
    const std::size_t from = input_.below(kPaths);
    switch (input_.below(10)) {
      case 0:
        return request(from, Method::kAllocate, [](auto& b) { b.requested_transport(kTransportUdp); });
      case 1: {
        const Endpoint to = peer();
        return request(from, Method::kCreatePermission,
                       [&](auto& b) { b.xor_address(Attribute::kXorPeerAddress, to); });
      }
      case 2: {
        const Endpoint to = peer();
        const auto channel = static_cast<std::uint16_t>(kFirstChannel + input_.below(4));
        return request(from, Method::kChannelBind,
                       [&](auto& b) { b.channel_number(channel).xor_address(Attribute::kXorPeerAddress, to); });
      }
      case 3: {
        const std::chrono::seconds lifetime(input_.u16());
        return request(from, Method::kRefresh, [&](auto& b) { b.lifetime(lifetime); });
      }
      case 4:
        return odd_request(from);
      case 5:
        return raw(from, input_.copy());
      case 6:
        return send_channel(from);
      case 7:
        return send_indication(from);
      case 8:
        now_ += std::chrono::seconds(input_.u16() % 700);
        return;
      default:
        return upheaval(from);
    }
  }

  void upheaval(std::size_t from) {
    switch (input_.below(3)) {
      case 0:
        return server_->end_owner(kDevices[input_.below(kDevices.size())]);
      case 1:
        return server_->handle_closed(path(from));
      default: {
        const auto saved = server_->allocations().save(now_);
        auto next = std::make_unique<Server>(options(), *this, crypto_, random_);
        require(next->allocations().restore(now_, saved), "what was saved is restored");
        require(next->allocations().size() == server_->allocations().size(), "all of it");
        Server garbage(options(), *this, crypto_, random_);
        if (!garbage.allocations().restore(now_, input_.bytes())) {
          require(garbage.allocations().size() == 0, "nothing is kept of what is refused");
        }
        server_ = std::move(next);
      }
    }
  }

  template <typename Fill>
  void request(std::size_t from, Method method, Fill fill) {
    stun::LongTermClient& client = *clients_[from * kDevices.size() + input_.below(kDevices.size())];
    stun::LongTermClient::Attempt attempt;
    for (int tries = 0; tries < 4; ++tries) {
      std::vector<std::byte> room(1000);
      stun::Builder builder(room, stun::Class::kRequest, method, stun::make_transaction_id(random_));
      fill(builder);
      client.sign(builder, crypto_, attempt);
      room.resize(builder.finish().value());
      const auto answer = deliver(from, room);
      if (!answer) continue;
      const auto message = stun::Message::parse(*answer);
      require(message.has_value(), "an answer is well formed");
      const auto verdict = client.handle_response(*message, crypto_, attempt);
      if (verdict == stun::Verdict::kAccept) traffic_[from].authenticated = true;
      if (verdict != stun::Verdict::kRetry) return;
    }
  }

  void odd_request(std::size_t from) {
    constexpr std::array kMethods = {Method::kAllocate, Method::kRefresh, Method::kCreatePermission,
                                     Method::kChannelBind, Method::kConnect};
    const Method method = kMethods[input_.below(kMethods.size())];
    request(from, method, [&](stun::Builder& b) {
      for (std::size_t count = input_.below(4); count > 0; --count) {
        const auto type = static_cast<Attribute>(input_.u16());
        const Bytes value = input_.bytes();
        b.bytes(type, value.first(std::min<std::size_t>(value.size(), 40)));
        if (input_.flag()) b.even_port(input_.flag());
        if (input_.flag()) b.family(Attribute::kRequestedAddressFamily, input_.flag() ? Family::kV4 : Family::kV6);
        if (input_.flag()) b.family(Attribute::kAdditionalAddressFamily, Family::kV6);
      }
    });
  }

  void send_channel(std::size_t from) {
    const auto channel = static_cast<std::uint16_t>(kFirstChannel + input_.below(4));
    const Bytes data = input_.bytes();
    std::vector<std::byte> message(kChannelHeader + data.size());
    message[0] = static_cast<std::byte>(channel >> 8);
    message[1] = static_cast<std::byte>(channel);
    message[2] = static_cast<std::byte>(data.size() >> 8);
    message[3] = static_cast<std::byte>(data.size());
    copy_bytes(data, MutableBytes(message).subspan(kChannelHeader));
    raw(from, std::move(message));
  }

  void send_indication(std::size_t from) {
    const Endpoint to = peer();
    const Bytes data = input_.bytes();
    std::vector<std::byte> room(data.size() + 100);
    stun::Builder builder(room, stun::Class::kIndication, Method::kSend, {});
    builder.xor_address(Attribute::kXorPeerAddress, to).bytes(Attribute::kData, data);
    room.resize(builder.finish().value());
    raw(from, std::move(room));
  }

  void raw(std::size_t from, std::vector<std::byte> message) { deliver(from, std::move(message)); }

  /// The answer to the sender itself; a packet for another is checked.
  std::optional<std::vector<std::byte>> deliver(std::size_t from, std::vector<std::byte> message) {
    const std::vector<std::byte> original = message;
    traffic_[from].sent += message.size();
    const auto output = server_->handle(now_, kUnix, {path(from), {}, message}, out_);
    if (!output) return std::nullopt;
    const auto reply = stun::Message::parse(output->message);
    const bool is_data =
        is_channel_data(output->message) || (reply && reply->is(stun::Class::kIndication, Method::kData));
    if (is_data) {
      check_packet(from, original, *output);
      return std::nullopt;
    }
    require(output->to == path(from), "an answer goes to who asked");
    Traffic& traffic = traffic_[from];
    traffic.received += output->message.size();
    const bool binding = reply && reply->method() == Method::kBinding;
    if (binding) traffic.sent += 32;  // answered to everybody, with at most so much more
    if (!traffic.authenticated && !output->to.is_stream() && reply->message_class() == stun::Class::kError) {
      require(traffic.received <= traffic.sent, "no more than came from there");
    }
    return std::vector<std::byte>(output->message.begin(), output->message.end());
  }

  void check_packet(std::size_t from, Bytes original, const Server::Output& output) {
    const Allocation* sender = server_->allocations().find(path(from));
    const Allocation* receiver = server_->allocations().find(output.to);
    require(sender != nullptr && receiver != nullptr, "both have an allocation");
    require(sender->permits(now_, receiver->number), "the sender permits it");
    require(receiver->permits(now_, sender->number), "the receiver permits it");
    require(data_of(original).has_value() && std::ranges::equal(*data_of(original), data_of(output.message).value()),
            "the packet is as it was");
  }

  static std::optional<Bytes> data_of(Bytes message) {
    if (is_channel_data(message)) {
      const auto data = parse_channel_data(message);
      return data ? std::optional(data->data) : std::nullopt;
    }
    const auto parsed = stun::Message::parse(message);
    return parsed ? parsed->bytes(Attribute::kData) : std::nullopt;
  }

  void check_table() {
    std::map<RelayNumber, std::size_t> numbers;
    std::size_t count = 0;
    for (std::size_t index = 0; index < kPaths; ++index) {
      const Allocation* held = server_->allocations().find(path(index));
      if (held == nullptr) continue;
      ++count;
      require(numbers.emplace(held->number, index).second, "each address is one's own");
      require(server_->allocations().find(held->number) == held, "and leads to it");
      require(held->expires > now_, "what has expired is gone");
      require(held->peers().size() <= options().limits.peers_of_allocation, "few peers");
    }
    require(count == server_->allocations().size(), "nobody else has one");
    for (const auto& [name, owner] : server_->allocations().owners()) {
      require(owner.allocations <= options().limits.allocations_of_owner, "few of one owner");
    }
  }

  static Server::Options options() {
    return {.realm = "bamgate",
            .limits = {.allocations = 4, .allocations_of_owner = 2, .peers_of_allocation = 3, .rate = {10'000, 5000}}};
  }

  fuzz::Decoder& input_;
  os::NativeCrypto crypto_;
  testing::SeededRandom random_{1};
  std::unique_ptr<Server> server_ = std::make_unique<Server>(options(), *this, crypto_, random_);
  std::vector<std::unique_ptr<stun::LongTermClient>> clients_;
  std::array<Traffic, kPaths> traffic_{};
  Instant now_ = Instant{} + std::chrono::hours(1);
  std::vector<std::byte> out_ = std::vector<std::byte>(66'000);
};

}  // namespace
}  // namespace bamgate::turn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bamgate::fuzz::Decoder input(bamgate::fuzz::input_of(data, size));
  bamgate::turn::World(input).run();
  return 0;
}
