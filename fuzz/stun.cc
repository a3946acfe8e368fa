// STUN messages: everything that reads one, and the servers and clients that answer.
// Input: one byte of options, then the message. Bit 0 puts the header's cookie and length right, bit 1 adds a valid
// FINGERPRINT, so that the fuzzer need not guess a checksum.
#include "stun/message.h"

#include "os/native_crypto.h"
#include "stun/binding.h"
#include "stun/client.h"
#include "stun/fingerprint.h"
#include "stun/long_term_client.h"
#include "stun/long_term_server.h"
#include "stun/redirect.h"
#include "stun/response.h"
#include "stun/short_term.h"
#include "support/decoder.h"
#include "support/require.h"

namespace bamgate::stun {
namespace {

using fuzz::require;

constexpr Endpoint kFrom{IpAddress::v4(192, 0, 2, 9), 4000};

void put(std::vector<std::byte>& bytes, std::size_t at, std::uint32_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * (count - 1 - i)));
}

std::vector<std::byte> mended(unsigned options, Bytes rest) {
  std::vector<std::byte> message(rest.begin(), rest.end());
  if (message.size() < kHeaderSize || message.size() > 4096 || (options & 1) == 0) return message;
  message.resize(message.size() & ~std::size_t{3});
  message[0] &= std::byte{0x3f};
  put(message, 4, kMagicCookie, 4);
  put(message, 2, static_cast<std::uint32_t>(message.size() - kHeaderSize), 2);
  if ((options & 2) == 0) return message;
  const std::size_t end = message.size();
  put(message, 2, static_cast<std::uint32_t>(end + 8 - kHeaderSize), 2);
  const std::uint32_t checksum = fingerprint(message);
  message.resize(end + 8);
  put(message, end, 0x80280004, 4);
  put(message, end + 4, checksum, 4);
  return message;
}

void require_within(const Message& message, Bytes part) {
  if (part.empty()) return;
  const Bytes whole = message.bytes();
  require(part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size(),
          "a value lies within its message");
}

void read_attribute(const Message& message, Attribute type) {
  require_within(message, message.bytes(type).value_or(Bytes{}));
  require_within(message, as_bytes(message.text(type).value_or(std::string_view{})));
  (void)message.u32(type);
  (void)message.u64(type);
  (void)message.address(type);
  (void)message.xor_address(type);
  (void)message.family(type);
  require(message.addresses(type, 3).size() <= 3, "a limit of addresses is kept");
  require(message.xor_addresses(type, 3).size() <= 3, "a limit of addresses is kept");
}

void read_everything(const Message& message) {
  Message::Attributes all = message.attributes();
  std::size_t count = 0;
  while (const auto attribute = all.next()) {
    require(++count <= message.bytes().size() / 4, "attributes come to an end");
    require_within(message, attribute->value);
    read_attribute(message, static_cast<Attribute>(attribute->type));
  }
  Message::Attributes covered = message.attributes();
  while (covered.next_covered()) require(count-- > 0, "no attribute is covered that is not there");
  if (const auto error = message.error_code()) {
    require(error->code >= 300 && error->code < 700, "an error code is one");
    require_within(message, as_bytes(error->reason));
  }
  if (const auto error = message.address_error_code()) require_within(message, as_bytes(error->error.reason));
  if (const auto unknown = message.unknown_attributes()) require(unknown->size() <= 8, "unknown attributes are few");
  if (const auto offered = message.password_algorithms()) require(offered->size() <= 8, "algorithms are few");
  require(message.unknown_required({}).size() <= 8, "unknown attributes are few");
  (void)message.mapped_address();
  (void)message.password_algorithm();
  (void)message.user_hash();
  (void)message.alternate_domain();
  (void)message.channel_number();
  (void)message.lifetime();
  (void)message.even_port();
  (void)message.requested_transport();
  (void)message.reservation_token();
  (void)message.icmp();
}

void answer(Bytes datagram) {
  std::array<std::byte, 4096> out{};
  const auto size = answer_binding(kFrom, datagram, out);
  if (!size) return;
  require(*size <= datagram.size() + 32, "an answer is at most 32 bytes longer than its request");
  const auto reply = Message::parse(Bytes(out).first(*size));
  require(reply.has_value(), "an answer is a STUN message");
  read_everything(*reply);
}

/// The request that a client waits with, as if this message answered it.
void ask(Client& client, const Message& message) {
  std::array<std::byte, 64> request{};
  if (const auto size = write_binding_request(request, message.id()))
    (void)client.send({}, Bytes(request).first(*size));
  while (client.poll_transmit()) {
  }
}

void judge(const Message& message) {
  os::NativeCrypto crypto;
  std::array<std::byte, 8192> out{};
  const LongTermServer server({.realm = "bamgate"}, Secret<32>{});
  (void)LongTermServer::claim(message);
  const auto checked = server.check({}, kFrom, message, Account{"user", "password"}, crypto);
  require(!checked, "no request is authentic whose nonce was never given out");
  if (const auto size = server.refuse({}, kFrom, message, checked.error(), crypto, out)) {
    require(Message::parse(Bytes(out).first(*size)).has_value(), "a refusal is a STUN message");
  }
  (void)check_short_term(message, crypto, "user", "password");
  (void)check_short_term_response(message, crypto, "password", Integrity::kBoth);
  LongTermClient credentials("user", "password");
  LongTermClient::Attempt attempt;
  for (int round = 0; round < 2; ++round) {
    (void)credentials.handle_response(message, crypto, attempt);
    Builder request(out, Class::kRequest, Method::kAllocate, message.id());
    credentials.sign(request, crypto, attempt);
    if (const auto size = request.finish()) {
      require(Message::parse(Bytes(out).first(*size)).has_value(), "a signed request is a STUN message");
    }
  }
  Redirects redirects;
  Endpoint asked = kFrom;
  for (int hops = 0; const auto next = redirects.follow({}, asked, message); asked = *next) {
    require(++hops < 10, "redirections come to an end");
  }
  Client client(Transport::kUnreliable);
  ask(client, message);
  (void)client.handle_response({}, message, false, {});
  (void)client.handle_response({}, message, true, {});
  require(client.waiting() <= 1, "one request waits at the most");
}

}  // namespace
}  // namespace bamgate::stun

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bamgate;
  fuzz::Decoder input(fuzz::input_of(data, size));
  const unsigned options = input.u8();
  const std::vector<std::byte> datagram = stun::mended(options, input.rest());
  (void)stun::is_stun(datagram);
  stun::answer(datagram);
  const auto message = stun::Message::parse(datagram);
  if (!message) return 0;
  fuzz::require(stun::is_stun(datagram), "what parses is taken for STUN");
  stun::read_everything(*message);
  stun::judge(*message);
  return 0;
}
