// DTLS records and handshake messages in words: see describe.h. What is encrypted is shown by type and size.
#include <array>
#include <string>

#include "dtls/record.h"
#include "inspect/describe.h"

namespace bamgate::inspect {
namespace {

struct MessageName {
  std::uint8_t type;
  const char* name;
  std::string_view section;
  char flight;  // RFC 6347 §4.2.4; 'c': 5 from a client, 4 from a server
};

constexpr std::array kMessages = {
    MessageName{0, "HelloRequest", "RFC 5246 §7.4.1.1", '4'},
    MessageName{1, "ClientHello", "RFC 5246 §7.4.1.2", '1'},
    MessageName{2, "ServerHello", "RFC 5246 §7.4.1.3", '4'},
    MessageName{3, "HelloVerifyRequest", "RFC 6347 §4.2.1", '2'},
    MessageName{4, "NewSessionTicket", "RFC 5077 §3.3", '6'},
    MessageName{11, "Certificate", "RFC 5246 §7.4.2", 'c'},
    MessageName{12, "ServerKeyExchange", "RFC 5246 §7.4.3", '4'},
    MessageName{13, "CertificateRequest", "RFC 5246 §7.4.4", '4'},
    MessageName{14, "ServerHelloDone", "RFC 5246 §7.4.5", '4'},
    MessageName{15, "CertificateVerify", "RFC 5246 §7.4.8", '5'},
    MessageName{16, "ClientKeyExchange", "RFC 5246 §7.4.7", '5'},
};

char flight_of(const MessageName& name, bool from_client) {
  if (name.flight != 'c') return name.flight;
  return from_client ? '5' : '4';
}

Description fragment_text(const dtls::HandshakeFragment& fragment, bool from_client) {
  const MessageName* known = nullptr;
  for (const MessageName& name : kMessages) {
    if (name.type == fragment.type) known = &name;
  }
  if (known == nullptr) return {"handshake message " + std::to_string(fragment.type), "RFC 6347 §4.2.2"};
  std::string text = std::string("flight ") + flight_of(*known, from_client) + ": " + known->name;
  if (fragment.body.size() == fragment.length)
    return {text + ", " + std::to_string(fragment.length) + " bytes", known->section};
  text += ", bytes " + std::to_string(fragment.offset) + " to " +
          std::to_string(fragment.offset + fragment.body.size()) + " of " + std::to_string(fragment.length);
  return {text, "RFC 6347 §4.2.3"};
}

Description encrypted_text(const dtls::Record& record, bool from_client) {
  const std::string rest = ", epoch " + std::to_string(record.epoch) + ", sequence number " +
                           std::to_string(record.sequence) + ", " + std::to_string(record.whole.size()) + " bytes";
  switch (record.type) {
    case dtls::RecordType::kHandshake:
      return {std::string("flight ") + (from_client ? '5' : '6') + ": Finished (encrypted)" + rest, "RFC 5246 §7.4.9"};
    case dtls::RecordType::kAlert:
      return {"alert (encrypted)" + rest, "RFC 5246 §7.2"};
    case dtls::RecordType::kApplicationData:
      return {"application data" + rest, "RFC 6347 §4.1"};
    case dtls::RecordType::kChangeCipherSpec:
      return {"ChangeCipherSpec under keys" + rest, "RFC 5246 §7.1"};
  }
  return {};
}

void plain_texts(const dtls::Record& record, bool from_client, std::vector<Description>& out) {
  switch (record.type) {
    case dtls::RecordType::kChangeCipherSpec:
      out.push_back({std::string("flight ") + (from_client ? '5' : '6') + ": ChangeCipherSpec", "RFC 5246 §7.1"});
      return;
    case dtls::RecordType::kAlert:
      if (record.payload.size() == 2) {
        out.push_back({"alert " + std::to_string(std::to_integer<unsigned>(record.payload[1])), "RFC 5246 §7.2"});
      }
      return;
    case dtls::RecordType::kApplicationData:
      out.push_back({"application data without encryption", "RFC 6347 §4.1"});
      return;
    case dtls::RecordType::kHandshake:
      break;
  }
  Bytes payload = record.payload;
  while (const auto fragment = dtls::take_fragment(payload)) out.push_back(fragment_text(*fragment, from_client));
}

}  // namespace

std::vector<Description> describe_dtls(Bytes datagram, bool from_client) {
  std::vector<Description> texts;
  Bytes rest = datagram;
  while (const auto record = dtls::take_record(rest)) {
    if (record->epoch == 0) {
      plain_texts(*record, from_client, texts);
    } else {
      texts.push_back(encrypted_text(*record, from_client));
    }
  }
  if (texts.empty())
    texts.push_back({"no DTLS record, " + std::to_string(datagram.size()) + " bytes", "RFC 6347 §4.1"});
  return texts;
}

}  // namespace bamgate::inspect
