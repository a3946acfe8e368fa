// STUN and ICE messages in words: see describe.h. Attributes of other usages are shown by number and size.
#include <algorithm>
#include <array>
#include <string>

#include "core/encoding.h"
#include "core/writer.h"
#include "inspect/describe.h"
#include "stun/message.h"

namespace bamgate::inspect {
namespace {

enum class Form : std::uint8_t { kAddress, kXorAddress, kText, kU32, kHex, kError };

struct AttributeName {
  std::uint16_t type;
  const char* name;
  Form form;
};

// RFC 8489 §18.3, RFC 8445 §16.1, RFC 5780 §7.
constexpr std::array kNames = {
    AttributeName{0x0001, "MAPPED-ADDRESS", Form::kAddress},
    AttributeName{0x0006, "USERNAME", Form::kText},
    AttributeName{0x0008, "MESSAGE-INTEGRITY", Form::kHex},
    AttributeName{0x0009, "ERROR-CODE", Form::kError},
    AttributeName{0x000a, "UNKNOWN-ATTRIBUTES", Form::kHex},
    AttributeName{0x0014, "REALM", Form::kText},
    AttributeName{0x0015, "NONCE", Form::kText},
    AttributeName{0x001c, "MESSAGE-INTEGRITY-SHA256", Form::kHex},
    AttributeName{0x0020, "XOR-MAPPED-ADDRESS", Form::kXorAddress},
    AttributeName{0x0024, "PRIORITY", Form::kU32},
    AttributeName{0x0025, "USE-CANDIDATE", Form::kHex},
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

Description heading(const stun::Message& message) {
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
