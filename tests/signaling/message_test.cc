#include "signaling/message.h"

#include <gtest/gtest.h>

#include "json/parse.h"
#include "json/write.h"
#include "support/seeded_random.h"

namespace bamgate::signaling {
namespace {

// The examples of protocol.md, filled in.
constexpr std::string_view kJoin =
    R"({"type":"join","peerId":"home","publicKey":"S0VZ","address":"10.100.0.1/16","address6":"fd12:3456:789a::1/64",)"
    R"("routes":["192.168.1.0/24"],"metadata":{"dns":"[\"192.168.1.1\"]","dns_search":"[\"lan\"]",)"
    R"("routes":"[\"192.168.1.0/24\"]"}})";
constexpr std::string_view kPeers =
    R"({"type":"peers","peers":[{"peerId":"home","publicKey":"S0VZ","address":"10.100.0.1/16","address6":"fd12::1/64",)"
    R"("routes":[],"metadata":{}}],"more":true,"revoked":[{"peerId":"old","publicKey":"T0xE"}]})";
constexpr std::string_view kOffer = R"({"type":"offer","from":"a","to":"b","sdp":"v=0\r\n","publicKey":"S0VZ"})";
constexpr std::string_view kAnswer = R"({"type":"answer","from":"b","to":"a","sdp":"v=0\r\n","publicKey":"S0VZ"})";
constexpr std::string_view kCandidate =
    R"({"type":"ice-candidate","from":"a","to":"b","candidate":"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host ufrag x"})";
constexpr std::string_view kLeft = R"({"type":"peer-left","peerId":"home"})";
constexpr std::string_view kRevoked = R"({"type":"peer-revoked","peerId":"home","publicKey":"S0VZ"})";
constexpr std::string_view kAll[] = {kJoin, kPeers, kOffer, kAnswer, kCandidate, kLeft, kRevoked};

void expect_error(std::string_view text, Error error) {
  const auto message = parse(text);
  ASSERT_FALSE(message.has_value()) << text;
  EXPECT_EQ(message.error(), error) << text;
}

PeerInfo peer(std::string name) {
  PeerInfo info;
  info.peer_id = std::move(name);
  info.public_key = "S0VZ";
  return info;
}

TEST(SignalingMessage, WritesEveryMessageOfTheProtocolAsItWasRead) {
  for (const std::string_view text : kAll) {
    const auto message = parse(text);
    ASSERT_TRUE(message.has_value()) << text;
    EXPECT_EQ(write(*message), text);
    EXPECT_EQ(*parse(write(*message)), *message);
  }
}

TEST(SignalingMessage, ReadsTheFieldsOfAJoin) {
  const auto message = parse(kJoin);
  ASSERT_TRUE(message.has_value());
  const PeerInfo& self = std::get<Join>(*message).self;
  EXPECT_EQ(self.peer_id, "home");
  EXPECT_EQ(self.public_key, "S0VZ");
  EXPECT_EQ(self.address, "10.100.0.1/16");
  EXPECT_EQ(self.address6, "fd12:3456:789a::1/64");
  EXPECT_EQ(self.routes, std::vector<std::string>{"192.168.1.0/24"});
  EXPECT_EQ(self.metadata.at("dns"), "[\"192.168.1.1\"]");
}

TEST(SignalingMessage, PassesUnknownFieldsThroughInOrder) {
  constexpr std::string_view kText =
      R"({"type":"offer","from":"a","to":"b","sdp":"s","zeta":[1,{"x":null}],"alpha":0.5})";
  auto message = parse(kText);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(write(*message), kText);
  std::get<Offer>(*message).from = "stamped";
  EXPECT_EQ(write(*message),
            R"({"type":"offer","from":"stamped","to":"b","sdp":"s","zeta":[1,{"x":null}],"alpha":0.5})");

  const auto join = parse(R"({"type":"join","peerId":"home","later":{"a":1}})");
  ASSERT_TRUE(join.has_value());
  Peers list;
  list.peers.push_back(std::get<Join>(*join).self);
  EXPECT_EQ(
      write(list),
      R"({"type":"peers","peers":[{"peerId":"home","publicKey":"","address":"","routes":[],"metadata":{},"later":{"a":1}}]})");
}

TEST(SignalingMessage, DoesNotLetAnUnknownFieldOverwriteAKnownOne) {
  Offer offer{"a", "b", "s", "", {{"to", "c"}, {"type", "answer"}}};
  EXPECT_EQ(write(offer), R"({"type":"offer","from":"a","to":"b","sdp":"s"})");
}

TEST(SignalingMessage, TakesWhatGoLeavesOutOrWritesAsNull) {
  const auto list = parse(R"({"type":"peers","peers":[{"peerId":"a","publicKey":"","routes":null,"metadata":null}]})");
  ASSERT_TRUE(list.has_value());
  EXPECT_EQ(std::get<Peers>(*list).peers.size(), 1U);
  EXPECT_TRUE(parse(R"({"type":"peers","peers":null})").has_value());
  EXPECT_TRUE(parse(R"({"type":"answer","from":"","to":"a","sdp":""})").has_value());
}

TEST(SignalingMessage, NamesAnUnknownTypeSoThatItCanBeIgnored) {
  expect_error(R"({"type":"peer-joined","peerId":"a"})", Error::kUnknownType);
  expect_error(R"({"type":"","x":[]})", Error::kUnknownType);
}

TEST(SignalingMessage, RefusesTextsWithoutAType) {
  expect_error("", Error::kNotJson);
  expect_error("{", Error::kNotJson);
  expect_error("{\"type\":\"peer-left\",\"peerId\":\"a\xff\"}", Error::kNotJson);
  expect_error(R"({"type":"peer-left","peerId":"a","peerId":"b"})", Error::kNotJson);
  for (const char* text :
       {"[]", "1", "null", "\"join\"", "{}", R"({"type":1})", R"({"type":null})", R"({"type":["join"]})"}) {
    expect_error(text, Error::kMalformed);
  }
  const std::string large(65'000, 'x');
  EXPECT_TRUE(parse(R"({"type":"offer","to":"b","sdp":")" + large + "\"}").has_value());
  expect_error(R"({"type":"offer","to":"b","sdp":")" + large + large + "\"}", Error::kNotJson);
}

TEST(SignalingMessage, RefusesEveryFieldOfAWrongType) {
  const json::Value wrong[] = {1, true, 0.5, "text", json::Array{1}, json::Object{{"k", 1}}};
  int refused = 0;
  for (const std::string_view text : kAll) {
    const auto original = json::parse(text);
    ASSERT_TRUE(original.has_value());
    for (const auto& [key, value] : *original->as_object()) {
      if (key == "type") continue;
      for (const json::Value& other : wrong) {
        json::Value changed = *original;
        changed.set(key, other);
        const auto message = from_json(changed);
        // A text is wrong only where none belongs; or no name, where a name belongs. "text" happens to be one.
        const bool text_for_text = value.as_string() != nullptr && other.as_string() != nullptr;
        const bool flag_for_flag = value.as_bool().has_value() && other.as_bool().has_value();
        // Entries of lists that are no objects are left out; the list itself stays.
        const bool list_for_list = (key == "peers" || key == "revoked") && other.as_array() != nullptr;
        EXPECT_EQ(message.has_value(), text_for_text || flag_for_flag || list_for_list) << json::write(changed);
        refused += message.has_value() ? 0 : 1;
      }
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(SignalingMessage, RefusesAMissingFieldThatIsNeeded) {
  for (const char* text :
       {R"({"type":"join"})", R"({"type":"peers"})", R"({"type":"offer","to":"b"})", R"({"type":"offer","sdp":"x"})",
        R"({"type":"answer","from":"a","sdp":"x"})", R"({"type":"ice-candidate","to":"b"})",
        R"({"type":"ice-candidate","candidate":"c"})", R"({"type":"peer-left"})",
        R"({"type":"peer-revoked","peerId":"a"})", R"({"type":"peer-revoked","publicKey":"a"})"}) {
    expect_error(text, Error::kMalformed);
  }
}

TEST(SignalingMessage, RefusesNamesThatNoDeviceHas) {
  for (const char* name : {"", "A", "a b", "-a", "a-", "../etc", "a.b", "\\u001b[2J", "ä"}) {
    expect_error(std::string(R"({"type":"peer-left","peerId":")") + name + "\"}", Error::kMalformed);
    expect_error(std::string(R"({"type":"offer","sdp":"","to":")") + name + "\"}", Error::kMalformed);
  }
  expect_error(R"({"type":"offer","from":"No","to":"b","sdp":""})", Error::kMalformed);
}

TEST(SignalingMessage, LeavesMalformedEntriesOutOfAListAndCountsThem) {
  const auto message = parse(
      R"({"type":"peers","peers":[{"peerId":"a"},{"peerId":"Not.A.Name"},7,{"publicKey":"x"},{"peerId":"b","routes":[1]},)"
      R"({"peerId":"c","metadata":{"dns":[]}},{"peerId":"d"}],"revoked":[{"peerId":"e"},{"peerId":"f","publicKey":"k"}]})");
  ASSERT_TRUE(message.has_value());
  const Peers& list = std::get<Peers>(*message);
  ASSERT_EQ(list.peers.size(), 2U);
  EXPECT_EQ(list.peers[0].peer_id, "a");
  EXPECT_EQ(list.peers[1].peer_id, "d");
  EXPECT_EQ(list.revoked, (std::vector<PeerRevoked>{{"f", "k"}}));
  EXPECT_EQ(list.malformed, 6U);
}

TEST(SignalingMessage, KnowsADeviceName) {
  for (const char* name : {"a", "0", "home", "a-b", "a--b", "x1", "1-2-3"}) EXPECT_TRUE(is_device_name(name)) << name;
  EXPECT_TRUE(is_device_name(std::string(63, 'a')));
  EXPECT_FALSE(is_device_name(std::string(64, 'a')));
  for (const char* name : {"", "-", "a-", "-a", "A", "a_b", "a.b", " a", "a\n"})
    EXPECT_FALSE(is_device_name(name)) << name;
}

/// What the parts of a list say together, and whether all but the last announce another.
Peers join_parts(const std::vector<std::string>& texts, std::size_t max_bytes) {
  Peers whole;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_LE(texts[i].size(), max_bytes);
    const auto message = parse(texts[i]);
    EXPECT_TRUE(message.has_value());
    const Peers part = std::get<Peers>(*message);
    EXPECT_EQ(part.more, i + 1 < texts.size());
    whole.peers.insert(whole.peers.end(), part.peers.begin(), part.peers.end());
    whole.revoked.insert(whole.revoked.end(), part.revoked.begin(), part.revoked.end());
  }
  return whole;
}

/// The parts of a list, as a hub makes them.
std::vector<std::string> write_list(const Peers& list, std::size_t max_bytes = kMaxListBytes) {
  std::vector<std::string> texts;
  ListPart part(max_bytes);
  for (const PeerRevoked& revoked : list.revoked) {
    if (part.add_revoked(revoked)) continue;
    texts.push_back(part.take(true));
    part.add_revoked(revoked);
  }
  for (const PeerInfo& peer : list.peers) {
    const std::string entry = write_entry(peer);
    if (!fits_in_list(entry, max_bytes) || part.add_peer(entry)) continue;
    texts.push_back(part.take(true));
    EXPECT_TRUE(part.add_peer(entry));
  }
  texts.push_back(part.take(list.more));
  return texts;
}

TEST(SignalingList, SplitsAFullRoomIntoPartsOfAtMost24KiB) {
  Peers list;
  for (int i = 0; i < 1024; ++i) {
    list.peers.push_back(peer("peer-" + std::to_string(i)));
    list.peers.back().metadata["dns"] = std::string(static_cast<std::size_t>(i % 300), '"');
    if (i % 2 == 0) list.revoked.push_back({"gone-" + std::to_string(i), "S0VZ"});
  }
  const auto texts = write_list(list);
  EXPECT_GT(texts.size(), 10U);
  EXPECT_EQ(join_parts(texts, kMaxListBytes), list);
  EXPECT_NE(texts.front().find("\"revoked\":["), std::string::npos) << "revocations come first";
  EXPECT_EQ(texts.back().find("revoked"), std::string::npos);
}

TEST(SignalingList, WritesAnEmptyListAsOneMessage) {
  EXPECT_EQ(write_list({}), std::vector<std::string>{R"({"type":"peers","peers":[]})"});
}

TEST(SignalingList, LeavesOutOnlyWhatFitsIntoNoMessage) {
  Peers list;
  list.peers = {peer("a"), peer("b"), peer("c")};
  std::size_t largest = 0;
  while (list.peers[1].metadata["x"].assign(largest + 1, 'x'), fits_in_list(write_entry(list.peers[1]), 1'000))
    ++largest;
  list.peers[1].metadata["x"].assign(largest, 'x');
  EXPECT_EQ(join_parts(write_list(list, 1'000), 1'000).peers.size(), 3U);
  list.peers[1].metadata["x"].assign(largest + 1, 'x');
  const Peers left = join_parts(write_list(list, 1'000), 1'000);
  ASSERT_EQ(left.peers.size(), 2U);
  EXPECT_EQ(left.peers[1].peer_id, "c");
}

TEST(SignalingMessage, SurvivesMutatedTexts) {
  testing::SeededRandom random(3);
  int accepted = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string text(kAll[random.below(7)]);
    for (std::uint32_t change = random.below(3); change < 3; ++change) {
      text[random.below(static_cast<std::uint32_t>(text.size()))] = static_cast<char>(random.number<std::uint8_t>());
    }
    const auto message = parse(text);
    if (!message) continue;
    ++accepted;
    auto again = parse(write(*message));
    ASSERT_TRUE(again.has_value()) << text;
    if (Peers* list = std::get_if<Peers>(&*again)) list->malformed = std::get<Peers>(*message).malformed;
    ASSERT_EQ(*again, *message) << text;
  }
  EXPECT_GT(accepted, 500);
}

}  // namespace
}  // namespace bamgate::signaling
