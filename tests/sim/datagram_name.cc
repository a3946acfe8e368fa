#include "sim/datagram_name.h"

#include <cstdint>

#include "stun/message.h"

namespace bamgate::sim {
namespace {

std::string method_name(stun::Method method) {
  switch (method) {
    case stun::Method::kBinding:
      return "Binding";
    case stun::Method::kAllocate:
      return "Allocate";
    case stun::Method::kRefresh:
      return "Refresh";
    case stun::Method::kSend:
      return "Send";
    case stun::Method::kData:
      return "Data";
    case stun::Method::kCreatePermission:
      return "CreatePermission";
    case stun::Method::kChannelBind:
      return "ChannelBind";
    case stun::Method::kConnect:
      return "Connect";
    case stun::Method::kConnectionBind:
      return "ConnectionBind";
    case stun::Method::kConnectionAttempt:
      return "ConnectionAttempt";
  }
  return "method " + std::to_string(static_cast<unsigned>(method));  // any number may come from the network
}

std::string class_name(stun::Class message_class) {
  switch (message_class) {
    case stun::Class::kRequest:
      return "request";
    case stun::Class::kIndication:
      return "indication";
    case stun::Class::kSuccess:
      return "success";
    case stun::Class::kError:
      return "error";
  }
  return {};
}

std::string stun_name(Bytes datagram) {
  const auto message = stun::Message::parse(datagram);
  if (!message) return "STUN, damaged";
  std::string name = "STUN " + method_name(message->method()) + ' ' + class_name(message->message_class());
  if (message->has(stun::Attribute::kUseCandidate)) name += " use-candidate";
  if (const auto error = message->error_code()) name += ' ' + std::to_string(error->code);
  return name;
}

// RFC 5246 §7.4 and RFC 6347 §4.3.2; the type of an encrypted message cannot be read.
std::string handshake_name(Bytes datagram) {
  constexpr std::size_t kRecordHeader = 13;
  if (datagram.size() <= kRecordHeader || datagram[3] != std::byte{0} || datagram[4] != std::byte{0}) {
    return "DTLS handshake, encrypted";
  }
  const auto type = std::to_integer<unsigned>(datagram[kRecordHeader]);
  const auto named = [type]() -> std::string {
    switch (type) {
      case 1:
        return "ClientHello";
      case 2:
        return "ServerHello";
      case 3:
        return "HelloVerifyRequest";
      case 11:
        return "Certificate";
      case 12:
        return "ServerKeyExchange";
      case 13:
        return "CertificateRequest";
      case 14:
        return "ServerHelloDone";
      case 15:
        return "CertificateVerify";
      case 16:
        return "ClientKeyExchange";
      default:
        return "type " + std::to_string(type);
    }
  };
  return "DTLS handshake " + named();
}

}  // namespace

std::string datagram_name(Bytes datagram) {
  if (stun::is_stun(datagram)) return stun_name(datagram);
  const auto first = datagram.empty() ? 0U : std::to_integer<unsigned>(datagram[0]);
  if (first == 20) return "DTLS change cipher spec";
  if (first == 21) return "DTLS alert";
  if (first == 22) return handshake_name(datagram);
  if (first == 23) return "DTLS data";
  if (first >= 64 && first <= 79) return "TURN channel data";
  return "other";
}

}  // namespace bamgate::sim
