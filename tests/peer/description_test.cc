// Offers and answers: ours, those of other implementations, and broken ones.
#include "peer/description.h"

#include <gtest/gtest.h>

#include <string>

#include "peer/captures.h"
#include "peer/link.h"

namespace bamgate::peer {
namespace {

using testing::replaced;

Description sample() {
  ::bamgate::testing::SeededRandom random(7);
  Description description;
  description.session_id = 4611686018427387904U;
  description.ice = ice::Credentials::generate(random);
  dtls::Fingerprint fingerprint;
  random.fill(fingerprint.sha256);
  description.fingerprints = fingerprint;
  description.max_message_size = kMaxMessageSize;
  return description;
}

ice::Candidate host_candidate(std::string_view endpoint) {
  return {.type = ice::CandidateType::kHost,
          .foundation = "1",
          .priority = 2113937151,
          .endpoint = *Endpoint::parse(endpoint),
          .related = {}};
}

/// A good offer with `from` replaced by `to`.
std::expected<Description, Error> parse_changed(std::string_view from, std::string_view to) {
  const std::string good = write_description(sample());
  EXPECT_NE(good.find(from), std::string::npos) << from;
  return parse_description(replaced(good, from, to));
}

TEST(PeerDescription, WhatIsWrittenIsReadBackTheSame) {
  for (const peer::Setup setup : {peer::Setup::kActpass, peer::Setup::kActive, peer::Setup::kPassive}) {
    for (const bool old_form : {false, true}) {
      Description description = sample();
      description.mid = "data";
      description.setup = setup;
      description.sctp_port = 5001;
      description.old_form = old_form;
      description.candidates = {host_candidate("192.168.1.2:41000"), host_candidate("[2001:db8::2]:41001")};
      description.end_of_candidates = true;
      const auto read = parse_description(write_description(description));
      ASSERT_TRUE(read) << to_string(read.error());
      EXPECT_EQ(read->session_id, description.session_id);
      EXPECT_EQ(read->mid, "data");
      EXPECT_EQ(read->ice, description.ice);
      EXPECT_EQ(read->fingerprints, description.fingerprints);
      EXPECT_EQ(read->setup, setup);
      EXPECT_EQ(read->sctp_port, 5001);
      EXPECT_EQ(read->old_form, old_form);
      EXPECT_EQ(read->max_message_size, 262144U);
      EXPECT_EQ(read->candidates, description.candidates);
      EXPECT_TRUE(read->end_of_candidates);
    }
  }
}

TEST(PeerDescription, OursHasTheLinesOfTheProtocolDocumentAndNoOther) {
  const Description description = sample();
  EXPECT_EQ(
      write_description(description),
      "v=0\r\no=- 4611686018427387904 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
      "a=msid-semantic: WMS\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"
      "a=ice-ufrag:" +
          description.ice.ufrag + "\r\na=ice-pwd:" + description.ice.pwd +
          "\r\na=ice-options:trickle\r\na=fingerprint:sha-256 " + description.fingerprints.all()[0].to_string() +
          "\r\na=setup:actpass\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n");
}

// ---- What others write ----

TEST(PeerDescription, ChromiumsOfferAndAnswerAreRead) {
  const auto offer = parse_description(testing::kChromiumOffer);
  ASSERT_TRUE(offer) << to_string(offer.error());
  EXPECT_EQ(offer->session_id, 2918085132886082735U);
  EXPECT_EQ(offer->ice.ufrag, "tNid");
  EXPECT_EQ(offer->ice.pwd, "nvI8pgZd/9rvJt0ztAPu6vcn");
  EXPECT_EQ(offer->fingerprints.all()[0].to_string(),
            "02:8A:7E:EB:29:A0:A1:44:C0:46:FF:20:3D:38:0A:F8:9B:B6:D9:0E:77:87:42:5E:07:6F:E6:DD:88:38:66:01");
  EXPECT_EQ(offer->setup, peer::Setup::kActpass);
  EXPECT_EQ(offer->max_message_size, 262144U);
  EXPECT_FALSE(offer->old_form);
  EXPECT_TRUE(offer->candidates.empty()) << "names of mDNS are no addresses";
  EXPECT_FALSE(offer->end_of_candidates);
  const auto answer = parse_description(testing::kChromiumAnswer);
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->setup, peer::Setup::kActive);
  EXPECT_EQ(answer->ice.pwd, "d09eEt1J+FCTmPxxxtoOMCMj");
}

TEST(PeerDescription, FirefoxesOfferAndAnswerAreRead) {
  const auto offer = parse_description(testing::kFirefoxOffer);
  ASSERT_TRUE(offer) << to_string(offer.error());
  EXPECT_EQ(offer->session_id, 1938150730144393488U);
  EXPECT_EQ(offer->ice.ufrag, "dbd176b9");
  EXPECT_TRUE(offer->fingerprints.all()[0].to_string().starts_with("65:8A:00:37")) << "it stands at session level";
  EXPECT_EQ(offer->max_message_size, 1073741823U);
  EXPECT_TRUE(offer->candidates.empty()) << "mDNS and TCP";
  EXPECT_TRUE(offer->end_of_candidates);
  const auto answer = parse_description(testing::kFirefoxAnswer);
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->setup, peer::Setup::kActive);
}

TEST(PeerDescription, AiortcsOldFormIsRead) {
  const auto offer = parse_description(testing::kAiortcOffer);
  ASSERT_TRUE(offer) << to_string(offer.error());
  EXPECT_TRUE(offer->old_form);
  EXPECT_EQ(offer->sctp_port, 5000);
  EXPECT_EQ(offer->max_message_size, 65536U);
  ASSERT_EQ(offer->candidates.size(), 2U);
  EXPECT_EQ(offer->candidates[0].endpoint, *Endpoint::parse("192.0.2.2:48319"));
  EXPECT_EQ(offer->candidates[1].endpoint, *Endpoint::parse("[fd00::2]:52811"));
  EXPECT_TRUE(offer->end_of_candidates);
  const auto answer = parse_description(testing::kAiortcAnswer);
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_FALSE(answer->old_form);
  EXPECT_EQ(answer->setup, peer::Setup::kActive);
  EXPECT_EQ(answer->candidates.size(), 2U);
}

TEST(PeerDescription, LinesMayEndWithoutCarriageReturnAndTheLastWithoutAnything) {
  std::string text = replaced(std::string(testing::kFirefoxOffer), "\r\n", "\n");
  EXPECT_TRUE(parse_description(text));
  text.pop_back();
  const auto read = parse_description(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->max_message_size, 1073741823U);
}

TEST(PeerDescription, UnknownLinesAreIgnored) {
  EXPECT_TRUE(parse_changed("a=mid:0", "b=AS:30\r\na=identity:xyz\r\na=\r\na=:\r\nzzz\r\n\r\na=mid:0"));
}

TEST(PeerDescription, WithoutAMaxMessageSize64KiBCount) {
  const auto read = parse_changed("a=max-message-size:262144\r\n", "");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->max_message_size, 65536U);
}

TEST(PeerDescription, TheSameSectionMayBeNamedAfterTcp) {
  EXPECT_TRUE(parse_changed("UDP/DTLS/SCTP", "TCP/DTLS/SCTP"));
}

TEST(PeerDescription, CandidatesOfUnknownKindsAreNoReasonToRefuseTheRest) {
  const auto read = parse_changed("a=setup:",
                                  "a=candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n"
                                  "a=candidate:2 1 udp 1 7f3a.local 4000 typ host\r\na=candidate:nonsense\r\n"
                                  "a=candidate:3 1 udp 2113937151 192.0.2.7 4000 typ host\r\na=setup:");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->candidates.size(), 1U);
  EXPECT_EQ(read->candidates[0].endpoint, *Endpoint::parse("192.0.2.7:4000"));
}

// ---- Fingerprints ----

TEST(PeerDescription, OfSeveralFingerprintsTheSha256OneCounts) {
  const std::string sha512 = "a=fingerprint:sha-512 00:01:02\r\n";
  const auto before = parse_changed("a=fingerprint:sha-256", sha512 + "a=fingerprint:sha-256");
  ASSERT_TRUE(before);
  EXPECT_EQ(before->fingerprints, sample().fingerprints);
  const auto after = parse_changed("a=setup:", sha512 + "a=setup:");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->fingerprints, sample().fingerprints);
}

TEST(PeerDescription, OfSeveralSha256FingerprintsAllCount) {
  dtls::Fingerprint other;
  other.sha256[5] = std::byte{1};
  const auto read = parse_changed("a=setup:", "a=fingerprint:sha-256 " + other.to_string() + "\r\na=setup:");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->fingerprints.all().size(), 2U);
  EXPECT_TRUE(read->fingerprints.contain(other));
  EXPECT_TRUE(read->fingerprints.contain(sample().fingerprints.all()[0]));
}

TEST(PeerDescription, TheFingerprintOfTheSectionCountsMoreThanThatOfTheSession) {
  dtls::Fingerprint other = sample().fingerprints.all()[0];
  other.sha256[0] ^= std::byte{1};
  const auto read = parse_changed("m=application", "a=fingerprint:sha-256 " + other.to_string() + "\r\nm=application");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->fingerprints, sample().fingerprints);
}

TEST(PeerDescription, TheNameOfTheHashMayBeWrittenInAnyCase) {
  EXPECT_TRUE(parse_changed("a=fingerprint:sha-256", "a=fingerprint:SHA-256"));
  EXPECT_TRUE(parse_changed("a=fingerprint:sha-256", "a=fingerprint:Sha-256"));
}

TEST(PeerDescription, WithoutASha256FingerprintThereIsNothingToTrust) {
  EXPECT_EQ(parse_changed("fingerprint:sha-256", "fingerprint:sha-1").error(), Error::kUnsupportedDescription);
  EXPECT_EQ(parse_changed("a=fingerprint", "a=finger").error(), Error::kUnsupportedDescription);
  const std::string hex = sample().fingerprints.all()[0].to_string();
  EXPECT_EQ(parse_changed(hex, hex.substr(3)).error(), Error::kMalformedDescription);
  EXPECT_EQ(parse_changed(hex, hex + ":00").error(), Error::kMalformedDescription);
  EXPECT_EQ(parse_changed(hex.substr(0, 3), "GG:").error(), Error::kMalformedDescription);
}

// ---- Refused ----

TEST(PeerDescription, AMissingOrMalformedFieldIsRefused) {
  EXPECT_EQ(parse_description("").error(), Error::kMalformedDescription);
  EXPECT_EQ(parse_description("hello").error(), Error::kMalformedDescription);
  EXPECT_EQ(parse_description("v=0\r\n").error(), Error::kUnsupportedDescription);
  const std::string ufrag = sample().ice.ufrag;
  const std::string pwd = sample().ice.pwd;
  for (const auto& [from, to] : std::initializer_list<std::pair<std::string, std::string>>{
           {"a=ice-ufrag:", "a=ice-frag:"},
           {"a=ice-ufrag:" + ufrag, "a=ice-ufrag:abc"},          // RFC 8839 §5.4: at least 4
           {"a=ice-ufrag:" + ufrag, "a=ice-ufrag:ab cd"},        // no ice-char
           {"a=ice-pwd:", "a=ice-word:"},                        //
           {"a=ice-pwd:" + pwd, "a=ice-pwd:" + pwd.substr(11)},  // at least 22
           {"a=setup:actpass", "a=setup:holdconn"},              // RFC 8842 §5.1 forbids it
           {"a=setup:", "a=set:"},
           {"a=sctp-port:5000", "a=sctp-port:"},
           {"a=sctp-port:5000", "a=sctp-port:65536"},
           {"a=sctp-port:5000", "a=sctp-port:5000x"},
           {"a=max-message-size:262144", "a=max-message-size:-1"},
           {"o=- 4611686018427387904", "o=- 99999999999999999999999"},
           {"o=- 4611686018427387904 2", "o=-"},
           {"v=0", "v=1"},
       }) {
    const auto read = parse_changed(from, to);
    ASSERT_FALSE(read) << to;
    EXPECT_EQ(read.error(), Error::kMalformedDescription) << to;
  }
}

TEST(PeerDescription, ASectionThatIsNoDataChannelIsRefused) {
  constexpr std::string_view kSection = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel";
  for (const char* other : {
           "m=audio 9 UDP/TLS/RTP/SAVPF 111",
           "m=video 9 UDP/TLS/RTP/SAVPF 96",
           "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",  // refused by the answerer
           "m=application 9 UDP/DTLS/SCTP bfcp",
           "m=application 9 UDP/BFCP webrtc-datachannel",
           "m=application nine UDP/DTLS/SCTP webrtc-datachannel",
           "m=application 9 DTLS/SCTP 5000",                                          // without sctpmap
           "m=application 9 DTLS/SCTP 5000\r\na=sctpmap:5001 webrtc-datachannel 16",  // of another port
           "m=application 9 DTLS/SCTP 5000\r\na=sctpmap:5000 clue 16",
           "m=application 9 DTLS/SCTP x\r\na=sctpmap:5000 webrtc-datachannel 16",
           "m=application",
           "m=",
       }) {
    const auto read = parse_changed(kSection, other);
    ASSERT_FALSE(read) << other;
    EXPECT_EQ(read.error(), Error::kUnsupportedDescription) << other;
  }
}

TEST(PeerDescription, AudioBesideTheDataChannelIsRefused) {
  const std::string good = write_description(sample());
  EXPECT_EQ(parse_description(good + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n").error(),
            Error::kUnsupportedDescription);
  EXPECT_EQ(parse_changed("m=application", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nm=application").error(),
            Error::kUnsupportedDescription);
}

TEST(PeerDescription, ATextOver64KibIsRefused) {
  std::string text = write_description(sample());
  text += "a=x:" + std::string(65536 - text.size() - 4, 'y');
  EXPECT_EQ(text.size(), 65536U);
  EXPECT_TRUE(parse_description(text));
  text += "y";
  EXPECT_EQ(parse_description(text).error(), Error::kMalformedDescription);
}

TEST(PeerDescription, CandidatesBeyondTheLimitAreLeftOut) {
  Description description = sample();
  description.candidates.assign(200, host_candidate("192.0.2.1:4000"));
  const auto read = parse_description(write_description(description));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->candidates.size(), 64U);
}

TEST(PeerDescription, TheMidThatTheAnswerMirrorsCanInjectNoLine) {
  EXPECT_EQ(parse_changed("a=mid:0", "a=mid:sdparta_0")->mid, "sdparta_0");
  for (const std::string& mid : {std::string("0 1"), std::string("0\r1"), std::string("0\ta=setup:passive"),
                                 std::string(""), std::string("0\0x", 3), std::string(65, 'm')}) {
    const auto read = parse_changed("a=mid:0", "a=mid:" + mid);
    ASSERT_FALSE(read) << mid;
    EXPECT_EQ(read.error(), Error::kMalformedDescription) << mid;
  }
}

TEST(PeerDescription, NoTruncationOrChangedByteDoesHarm) {
  const std::string good(testing::kAiortcOffer);
  int read = 0;
  for (std::size_t size = 0; size <= good.size(); ++size) {
    if (parse_description(std::string_view(good).substr(0, size))) ++read;
  }
  EXPECT_GE(read, 1);
  EXPECT_LE(read, 3) << "the last line is needed; only its end is not";
  ::bamgate::testing::SeededRandom random(11);
  for (int i = 0; i < 20000; ++i) {
    std::string text = good;
    for (int changes = 0; changes < 3; ++changes) {
      text[random.below(static_cast<std::uint32_t>(text.size()))] = static_cast<char>(random.below(256));
    }
    const auto changed = parse_description(text);
    if (!changed) continue;
    EXPECT_TRUE(changed->ice.valid());
    EXPECT_TRUE(parse_description(write_description(*changed))) << text;
  }
}

}  // namespace
}  // namespace bamgate::peer
