// STUN, ICE and TURN messages in words: see describe.h. Attributes of other usages are shown by number and size.
#include <algorithm>
#include <array>
#include <string>

#include "core/encoding.h"
#include "core/writer.h"
#include "inspect/describe.h"
#include "stun/message.h"
#include "turn/channel_data.h"

namespace bamgate::inspect {
namespace {

enum class Form : std::uint8_t { kAddress, kXorAddress, kText, kU32, kHex, kError, kChannel, kSize };

struct AttributeName {
  std::uint16_t type;
  const char* name;
  Form form;
};

// RFC 8489 §18.3, RFC 8445 §16.1, RFC 8656 §18, RFC 5780 §7.
constexpr std::array kNames = {
    AttributeName{0x0001, "MAPPED-ADDRESS", Form::kAddress},
    AttributeName{0x0006, "USERNAME", Form::kText},
    AttributeName{0x0008, "MESSAGE-INTEGRITY", Form::kHex},
    AttributeName{0x0009, "ERROR-CODE", Form::kError},
    AttributeName{0x000a, "UNKNOWN-ATTRIBUTES", Form::kHex},
    AttributeName{0x000c, "CHANNEL-NUMBER", Form::kChannel},
    AttributeName{0x000d, "LIFETIME", Form::kU32},
    AttributeName{0x0012, "XOR-PEER-ADDRESS", Form::kXorAddress},
    AttributeName{0x0013, "DATA", Form::kSize},
    AttributeName{0x0014, "REALM", Form::kText},
    AttributeName{0x0015, "NONCE", Form::kText},
    AttributeName{0x0016, "XOR-RELAYED-ADDRESS", Form::kXorAddress},
    AttributeName{0x0017, "REQUESTED-ADDRESS-FAMILY", Form::kHex},
    AttributeName{0x0019, "REQUESTED-TRANSPORT", Form::kHex},
    AttributeName{0x001c, "MESSAGE-INTEGRITY-SHA256", Form::kHex},
    AttributeName{0x001d, "PASSWORD-ALGORITHM", Form::kHex},
    AttributeName{0x001e, "USERHASH", Form::kHex},
    AttributeName{0x0020, "XOR-MAPPED-ADDRESS", Form::kXorAddress},
    AttributeName{0x0024, "PRIORITY", Form::kU32},
    AttributeName{0x0025, "USE-CANDIDATE", Form::kHex},
    AttributeName{0x8000, "ADDITIONAL-ADDRESS-FAMILY", Form::kHex},
    AttributeName{0x8001, "ADDRESS-ERROR-CODE", Form::kHex},
    AttributeName{0x8002, "PASSWORD-ALGORITHMS", Form::kHex},
    AttributeName{0x8004, "ICMP", Form::kHex},
    AttributeName{0x8022, "SOFTWARE", Form::kText},
    AttributeName{0x8023, "ALTERNATE-SERVER", Form::kAddress},
    AttributeName{0x8028, "FINGERPRINT", Form::kHex},
    AttributeName{0x8029, "ICE-CONTROLLED", Form::kHex},
    AttributeName{0x802a, "ICE-CONTROLLING", Form::kHex},
    AttributeName{0x802b, "RESPONSE-ORIGIN", Form::kAddress},
    AttributeName{0x802c, "OTHER-ADDRESS", Form::kAddress},
};

/// Text of the peer on its way to a terminal: nothing but printable ASCII.
std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 128)) result += c >= ' ' && c <= '~' ? c : '?';
  return result;
}

std::string value_text(const stun::Message& message, const stun::RawAttribute& raw, Form form) {
  const auto type = static_cast<stun::Attribute>(raw.type);
  switch (form) {
    case Form::kAddress:
      if (const auto address = message.address(type)) return address->to_string();
      break;
    case Form::kXorAddress:
      if (const auto address = message.xor_address(type)) return address->to_string();
      break;
    case Form::kU32:
      if (const auto number = message.u32(type)) return std::to_string(*number);
      break;
    case Form::kError:
      if (const auto error = message.error_code()) return std::to_string(error->code) + " " + printable(error->reason);
      break;
    case Form::kText:
      return "\"" + printable(as_text(raw.value)) + "\"";
    case Form::kChannel:
      if (const auto channel = message.channel_number()) return "0x" + to_hex(big_endian(*channel));
      break;
    case Form::kSize:
      return "of " + std::to_string(raw.value.size()) + " bytes";
    case Form::kHex:
      break;
  }
  return to_hex(raw.value.first(std::min<std::size_t>(raw.value.size(), 32)));
}

std::string attribute_text(const stun::Message& message, const stun::RawAttribute& raw) {
  const auto known = std::ranges::find(kNames, raw.type, &AttributeName::type);
  if (known == kNames.end()) {
    return "attribute 0x" + to_hex(big_endian(raw.type)) + " of " + std::to_string(raw.value.size()) + " bytes";
  }
  const std::string value = value_text(message, raw, known->form);
  return value.empty() ? known->name : std::string(known->name) + " " + value;
}

// A method of TURN, and where it is defined.
struct MethodName {
  stun::Method method;
  const char* name;
  std::string_view section;
};
constexpr std::array kTurnMethods = {
    MethodName{stun::Method::kAllocate, "Allocate", "RFC 8656 §7"},
    MethodName{stun::Method::kRefresh, "Refresh", "RFC 8656 §8"},
    MethodName{stun::Method::kCreatePermission, "CreatePermission", "RFC 8656 §10"},
    MethodName{stun::Method::kSend, "Send", "RFC 8656 §11.1"},
    MethodName{stun::Method::kData, "Data", "RFC 8656 §11.4"},
    MethodName{stun::Method::kChannelBind, "ChannelBind", "RFC 8656 §12.1"},
};

Description turn_heading(const stun::Message& message, const MethodName& method) {
  static constexpr std::array kClasses = {" request", " indication", " success response", " error response"};
  return {method.name + std::string(kClasses[static_cast<std::size_t>(message.message_class())]), method.section};
}

Description heading(const stun::Message& message) {
  const auto turn = std::ranges::find(kTurnMethods, message.method(), &MethodName::method);
  if (turn != kTurnMethods.end()) return turn_heading(message, *turn);
  const bool check = message.has(stun::Attribute::kUsername);
  switch (message.message_class()) {
    case stun::Class::kRequest:
      if (message.has(stun::Attribute::kUseCandidate)) return {"check that nominates", "RFC 8445 §8.1.1"};
      return check ? Description{"check", "RFC 8445 §7.2.4"} : Description{"Binding request", "RFC 8489 §6.2.1"};
    case stun::Class::kSuccess:
      return {"success response", "RFC 8489 §6.3.3"};
    case stun::Class::kError:
      return {"error response", "RFC 8489 §6.3.4"};
    case stun::Class::kIndication:
      return {"indication", "RFC 8489 §6.3.2"};
  }
  return {};
}

}  // namespace

Description describe_turn(Bytes message) {
  if (!turn::is_channel_data(message)) return describe_stun(message);
  const auto data = turn::parse_channel_data(message);
  if (!data) return {"no ChannelData: " + std::string(turn::to_string(data.error())), "RFC 8656 §12.6"};
  return {"ChannelData on channel 0x" + to_hex(big_endian(data->channel)) + " with " +
              std::to_string(data->data.size()) + " bytes",
          "RFC 8656 §12.4"};
}

Description describe_stun(Bytes datagram) {
  const auto message = stun::Message::parse(datagram);
  if (!message) return {"no STUN message: " + std::string(stun::to_string(message.error())), "RFC 8489 §6.3"};
  Description result = heading(*message);
  result.text += ", " + std::to_string(datagram.size()) + " bytes, transaction " + to_hex(message->id());
  auto attributes = message->attributes();
  while (const auto raw = attributes.next()) result.text += ", " + attribute_text(*message, *raw);
  return result;
}

}  // namespace bamgate::inspect
