// What a message is, and who may ask.
#include "turn/server.h"

#include <utility>

#include "core/writer.h"
#include "stun/binding.h"
#include "turn/channel_data.h"
#include "turn/server_request.h"

namespace bamgate::turn {
namespace {

// What a nonce is good for. A stream has one remote end for all its life, which the host may not know.
Endpoint nonce_client(const FiveTuple& client) {
  if (!client.is_stream()) return client.remote;
  std::array<std::byte, 16> number{};
  copy_bytes(big_endian(client.stream), number);
  return {IpAddress::from_bytes(number), 0};
}

}  // namespace

// RFC 8656 §5: clients authenticate by MD5 and SHA-1 or by what RFC 8489 has beside them. The password is a digest that
// nobody can guess, so the older pair takes nothing away, and makes a challenge that is 36 bytes shorter.
Server::Server(Options options, Accounts& accounts, Crypto& crypto, Random& random)
    : options_(std::move(options)),
      accounts_(accounts),
      crypto_(crypto),
      nonce_key_(random_secret<32>(random)),
      nonces_(nonce_key_, stun::LongTermServerOptions{}.nonce_lifetime),
      credentials_({.realm = options_.realm, .password_algorithms = false}, nonce_key_),
      allocations_(options_.limits, random),
      credit_(random) {}

std::optional<Server::Output> Server::handle(Instant now, UnixTime unix_now, const Input& input, MutableBytes out) {
  if (is_channel_data(input.message)) return relay_channel(now, input, out);
  const auto message = stun::Message::parse(input.message);
  if (!message) {
    ++counters_.malformed;
    return std::nullopt;
  }
  if (message->is(stun::Class::kIndication, stun::Method::kSend)) return relay_send(now, input, *message, out);
  if (message->is(stun::Class::kRequest, stun::Method::kBinding)) {
    const auto size = stun::answer_binding(input.from.remote, input.message, out);
    if (!size) return std::nullopt;
    return Output{input.from, Bytes(out).first(*size)};
  }
  if (message->message_class() == stun::Class::kRequest) return answer(now, unix_now, input, *message, out);
  ++counters_.malformed;
  return std::nullopt;
}

void Server::handle_closed(const FiveTuple& client) {
  if (Allocation* allocation = allocations_.find(client)) allocations_.remove(*allocation);
}

std::optional<Server::Output> Server::answer(Instant now, UnixTime unix_now, const Input& input,
                                             const stun::Message& message, MutableBytes out) {
  const Endpoint client = nonce_client(input.from);
  const auto claim = stun::LongTermServer::claim(message);
  const auto nonce = message.text(stun::Attribute::kNonce);
  std::optional<Accounts::Account> account;
  if (claim && claim->username && nonce) {
    // Whoever cannot receive here has no nonce, and costs no look into the accounts.
    if (!nonces_.valid(crypto_, now, client, *nonce))
      return challenge(now, input, message, stun::kErrorStaleNonce, out);
    account = accounts_.find_account(unix_now, *claim->username);
    if (account && !input.bearer.empty() && account->owner != input.bearer) account.reset();
  }
  std::optional<stun::Account> known;
  if (account) known = stun::Account{.username = *claim->username, .password = account->password.view()};
  const auto checked = credentials_.check(now, client, message, known, crypto_);
  if (!checked) return challenge(now, input, message, checked.error(), out);
  ++counters_.requests;
  return serve({now, input.from, message, account->owner, *checked, crypto_, out});
}

std::optional<Server::Output> Server::challenge(Instant now, const Input& input, const stun::Message& message,
                                                std::uint16_t code, MutableBytes out) {
  ++counters_.unauthenticated;
  const auto size = credentials_.refuse(now, nonce_client(input.from), message, code, crypto_, out);
  if (!size) return std::nullopt;
  if (!input.from.is_stream() && !credit_.pay(now, input.from.remote, input.message.size(), *size)) {
    ++counters_.unanswered;
    return std::nullopt;
  }
  return Output{input.from, Bytes(out).first(*size)};
}

}  // namespace bamgate::turn
