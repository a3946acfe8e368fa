// JSON: an offer as devices send it, read and written as a document, and as a message of the signaling protocol.
#include <memory>
#include <string>

#include "json/parse.h"
#include "json/write.h"
#include "signaling/message.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

struct Text {
  std::string text;
  json::Value value;
  signaling::Message message;

  Text() {
    std::string sdp = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n";
    sdp +=
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcdefgh\r\n";
    sdp += "a=ice-pwd:0123456789abcdefghijklmn\r\na=ice-options:trickle\r\na=fingerprint:sha-256 ";
    for (int i = 0; i < 32; ++i) sdp += i == 0 ? "A0" : ":A0";
    sdp += "\r\na=setup:actpass\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n";
    signaling::Offer offer;
    offer.from = "alpha";
    offer.to = "beta";
    offer.sdp = sdp;
    offer.public_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    message = offer;
    text = signaling::write(message);
    value = signaling::to_json(message);
  }
};

template <typename Run>
Workload with_text(std::string name, Run run) {
  return {std::move(name), Text().text.size(),
          [run] { return Instance{.run = [run, text = std::make_shared<Text>()] { run(*text); }}; }};
}

}  // namespace

void add_json(Workloads& all) {
  all.push_back(with_text(
      "json/read", [](const Text& text) { require(json::parse(text.text).has_value(), "the document can be read"); }));
  all.push_back(with_text("json/write", [](const Text& text) {
    require(json::write(text.value).size() == text.text.size(), "the document is written");
  }));
  all.push_back(with_text("signaling/read", [](const Text& text) {
    require(signaling::parse(text.text).has_value(), "the message can be read");
  }));
  all.push_back(with_text("signaling/write", [](const Text& text) {
    require(signaling::write(text.message).size() == text.text.size(), "the message is written");
  }));
}

}  // namespace bamgate::bench
