// Who is told what, and how fast: the room alone, with readers of every pace.
#include "hub/room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support/seeded_random.h"

namespace bamgate::hub {
namespace {

using namespace std::chrono_literals;
using signaling::PeerInfo;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// The largest entry that a list message carries, or nearly.
constexpr std::size_t kLargeNote = 24'000;

/// What one device knows of the others, by what it was told; as signaling/client does it.
struct Reader {
  std::vector<signaling::Message> told;
  std::size_t bytes = 0;  // since the last on_sent()
  std::map<std::string, std::string> known;
  std::map<std::string, std::string> parts;
  std::vector<std::string> left_amid;
  bool complete = false;

  void hear(const std::string& text) {
    bytes += text.size();
    EXPECT_LE(text.size(), signaling::kMaxListBytes);
    auto message = signaling::parse(text);
    ASSERT_TRUE(message);
    if (const auto* list = std::get_if<signaling::Peers>(&*message)) hear(*list);
    if (const auto* left = std::get_if<signaling::PeerLeft>(&*message)) {
      if (complete) known.erase(left->peer_id);
      if (!complete) left_amid.push_back(left->peer_id);
    }
    told.push_back(std::move(*message));
  }
  void hear(const signaling::Peers& list) {
    for (const PeerInfo& peer : list.peers) parts[peer.peer_id] = peer.metadata.at("note");
    if (list.more) return;
    if (!complete) known.clear();
    complete = true;
    for (auto& [name, note] : std::exchange(parts, {})) known[name] = std::move(note);
    for (const std::string& name : std::exchange(left_amid, {})) known.erase(name);
  }
};

class RoomTest : public ::testing::Test {
 protected:
  static std::string entry(const std::string& name, const std::string& note) {
    PeerInfo info;
    info.peer_id = name;
    info.public_key = "S0VZ";
    info.metadata["note"] = note;
    return signaling::write_entry(info);
  }
  ConnectionId join(const std::string& name, const std::string& note = {}, std::optional<ConnectionId> again = {}) {
    const ConnectionId id = again.value_or(static_cast<ConnectionId>(last_connection + 1));
    if (!again) ++last_connection;
    const auto replaced = room.join(now, id, name, entry(name, note), revoked);
    if (replaced) unsent.erase(*replaced);
    if (replaced) readers.erase(*replaced);
    names[id] = name;
    notes[name] = note;
    readers[id];
    drain();
    return id;
  }
  void leave(ConnectionId id) {
    readers.erase(id);
    unsent.erase(id);
    room.leave(now, names.at(id), id);
    drain();
  }
  void drain() {
    while (!effects.empty()) {
      const Effect effect = std::move(effects.front());
      effects.pop_front();
      if (const auto* text = std::get_if<SendText>(&effect)) {
        if (readers.contains(text->connection) && !deaf) readers[text->connection].hear(text->text);
      } else if (const auto* broadcast = std::get_if<Broadcast>(&effect)) {
        ++broadcasts;
        for (const ConnectionId id : broadcast->connections) {
          if (readers.contains(id) && !deaf) readers[id].hear(broadcast->text);
        }
      } else if (const auto* asked = std::get_if<WhenSent>(&effect)) {
        EXPECT_TRUE(unsent.insert(asked->connection).second) << "asked twice";
        if (!slow) sent(asked->connection);
      }
    }
  }
  bool sent(ConnectionId id) {
    if (unsent.erase(id) == 0) return true;
    readers[id].bytes = 0;
    const bool stays = room.on_sent(names.at(id), id);
    drain();
    return stays;
  }
  void advance(Duration by) {
    const Instant end = now + by;
    while (room.next_timeout() <= end) {
      now = std::max(now, room.next_timeout());
      room.handle_timeout(now, revoked);
      drain();
    }
    now = end;
  }
  std::vector<std::string> take_types(ConnectionId id) {
    std::vector<std::string> types;
    for (const auto& message : std::exchange(readers[id].told, {})) {
      types.push_back(*signaling::to_json(message).get_string("type"));
    }
    return types;
  }
  const std::map<std::string, std::string>& known(ConnectionId id) { return readers.at(id).known; }

  std::deque<Effect> effects;
  Room room{effects};
  Room::Revoked revoked;
  Instant now{1h};
  std::uint64_t last_connection = 0;
  std::map<ConnectionId, std::string> names;
  std::map<std::string, std::string> notes;  // the latest of each
  std::map<ConnectionId, Reader> readers;
  std::set<ConnectionId> unsent;
  std::size_t broadcasts = 0;
  bool slow = false;  // nothing is sent until sent()
  bool deaf = false;  // nobody hears
};

TEST_F(RoomTest, ANewcomerIsOneTextForAllOthers) {
  for (int i = 0; i < 100; ++i) join("peer-" + std::to_string(i));
  broadcasts = 0;
  const ConnectionId newcomer = join("zoe", "new");
  EXPECT_EQ(broadcasts, 1U);
  EXPECT_EQ(known(newcomer).size(), 100U);
  for (const auto& [id, reader] : readers) {
    EXPECT_TRUE(id == newcomer || reader.known.at("zoe") == "new");
  }
}

TEST_F(RoomTest, AnIdenticalJoinOnTheSameConnectionIsToldToNobody) {
  const ConnectionId a = join("a");
  const ConnectionId b = join("b", "same");
  take_types(a);
  take_types(b);
  join("b", "same", b);
  EXPECT_THAT(take_types(a), IsEmpty());
  EXPECT_THAT(take_types(b), ElementsAre("peers")) << "it is answered all the same";
  join("b", "other", b);
  EXPECT_THAT(take_types(a), ElementsAre("peers"));
  EXPECT_EQ(known(a).at("b"), "other");
}

TEST_F(RoomTest, AnIdenticalJoinOnANewConnectionIsTold) {
  const ConnectionId a = join("a");
  join("b", "same");
  take_types(a);
  join("b", "same");
  EXPECT_THAT(take_types(a), ElementsAre("peers")) << "the device may have started afresh";
}

TEST_F(RoomTest, JoinsAgainAreToldAtTheirPaceAndTheLatestIsNotLost) {
  const ConnectionId a = join("a");
  const ConnectionId b = join("b", "0");
  take_types(a);
  for (int i = 1; i <= 200; ++i) join("b", std::to_string(i), b);
  EXPECT_EQ(take_types(a).size(), static_cast<std::size_t>(kAnnouncePace.burst - 1));
  EXPECT_EQ(room.next_timeout(), now + kAnnouncePace.interval);
  advance(kAnnouncePace.interval);
  EXPECT_THAT(take_types(a), ElementsAre("peers"));
  EXPECT_EQ(known(a).at("b"), "200");
  EXPECT_EQ(room.next_timeout(), kNever);
  // An hour of it, 200 a second for a part of it, and the others hear one in each interval.
  for (int i = 0; i < 12'000; ++i) {
    advance(5ms);
    join("b", "later " + std::to_string(i), b);
  }
  EXPECT_LE(take_types(a).size(), 60s / kAnnouncePace.interval + 1);
  advance(kAnnouncePace.interval);
  EXPECT_EQ(known(a).at("b"), "later 11999");
}

TEST_F(RoomTest, AChangeThatIsTakenBackBeforeItsTurnIsToldAsItStandsThen) {
  const ConnectionId a = join("a");
  const ConnectionId b = join("b", "0");
  for (int i = 1; i <= 20; ++i) join("b", std::to_string(i), b);
  take_types(a);
  leave(b);
  EXPECT_THAT(take_types(a), IsEmpty());
  advance(kAnnouncePace.interval);
  EXPECT_THAT(take_types(a), ElementsAre("peer-left"));
}

TEST_F(RoomTest, ADeviceThatComesAndGoesAllTheTimeIsToldAtItsPace) {
  const ConnectionId a = join("a");
  take_types(a);
  for (int i = 0; i < 6'000; ++i) {  // a minute
    leave(join("b", std::to_string(i)));
    advance(10ms);
  }
  EXPECT_LE(take_types(a).size(), kAnnouncePace.burst + 60s / kAnnouncePace.interval);
  join("b", "stays");
  advance(kAnnouncePace.interval);
  EXPECT_EQ(known(a).at("b"), "stays");
}

TEST_F(RoomTest, AListOf24MiBFlowsAtTheReadersPace) {
  slow = true;
  deaf = true;
  for (int i = 0; i < 1'023; ++i) {
    join("peer-" + std::to_string(i), std::string(kLargeNote, 'n'));
    now += 10ms;
  }
  deaf = false;
  const ConnectionId newcomer = join("newcomer");
  int rounds = 0;
  while (unsent.contains(newcomer)) {
    EXPECT_LE(readers[newcomer].bytes, kMaxUnsent + signaling::kMaxListBytes);
    EXPECT_FALSE(readers[newcomer].complete);
    ASSERT_LT(++rounds, 1'000);
    sent(newcomer);
  }
  EXPECT_GT(rounds, 100);
  EXPECT_TRUE(readers[newcomer].complete);
  EXPECT_EQ(known(newcomer).size(), 1'023U);
}

class RoomList : public RoomTest {
 protected:
  /// A list under way to "m": some of "l00" to "l29" have been told, the others not.
  void begin() {
    for (int i = 0; i < 30; ++i) members.push_back(join(name(i), std::string(kLargeNote, 'n')));
    slow = true;
    m = join("m");
    told = static_cast<int>(readers[m].parts.size());
    ASSERT_TRUE(told > 2 && told < 28);
  }
  static std::string name(int i) { return std::string("l") + static_cast<char>('0' + i / 10) + std::to_string(i % 10); }
  void finish() {
    while (unsent.contains(m)) sent(m);
    ASSERT_TRUE(readers[m].complete);
  }

  std::vector<ConnectionId> members;
  ConnectionId m{};
  int told = 0;
};

TEST_F(RoomList, WhoLeavesWhileItIsUnderWayIsGone) {
  begin();
  leave(members[0]);
  leave(members[29]);
  finish();
  EXPECT_EQ(known(m).size(), 28U);
  EXPECT_FALSE(known(m).contains(name(0)));
  EXPECT_FALSE(known(m).contains(name(29)));
  EXPECT_EQ(std::ranges::count_if(readers[m].told,
                                  [](const auto& one) { return std::holds_alternative<signaling::PeerLeft>(one); }),
            1)
      << "nobody is told of the end of one that it never heard of";
}

TEST_F(RoomList, WhoComesOrChangesWhileItIsUnderWayIsInItOrToldAfterIt) {
  begin();
  join("a", "before what was told");
  join("z", "behind what was told");
  join(name(0), "changed", members[0]);
  join(name(29), "changed too", members[29]);
  finish();
  EXPECT_EQ(known(m).size(), 32U);
  EXPECT_EQ(known(m).at("a"), "before what was told");
  EXPECT_EQ(known(m).at("z"), "behind what was told");
  EXPECT_EQ(known(m).at(name(0)), "changed");
  EXPECT_EQ(known(m).at(name(29)), "changed too");
}

TEST_F(RoomList, ASenderIsToldBeforeWhatItSends) {
  begin();
  join("a", "before what was told");
  readers[m].told.clear();
  EXPECT_TRUE(room.forward("a", "m", R"({"type":"offer","from":"a","to":"m","sdp":"v=0"})"));
  drain();
  ASSERT_EQ(readers[m].told.size(), 2U);
  const auto& part = std::get<signaling::Peers>(readers[m].told[0]);
  EXPECT_TRUE(part.more) << "the list is not complete";
  ASSERT_EQ(part.peers.size(), 1U);
  EXPECT_EQ(part.peers[0].peer_id, "a");
  EXPECT_TRUE(std::holds_alternative<signaling::Offer>(readers[m].told[1]));
  finish();
  EXPECT_EQ(known(m).size(), 31U);
}

TEST_F(RoomList, ARevocationIsToldAtOnce) {
  begin();
  readers[m].told.clear();
  room.announce_revoked({name(0), "S0VZ"});
  drain();
  EXPECT_THAT(take_types(m), ElementsAre("peer-revoked"));
}

TEST_F(RoomList, AJoinAgainDoesNotBeginItAnew) {
  begin();
  std::size_t messages = 0;
  while (unsent.contains(m)) {
    join("m", "again " + std::to_string(++messages), m);
    sent(m);
    ASSERT_LT(messages, 30U);
  }
  EXPECT_EQ(known(m).size(), 30U);
}

TEST_F(RoomList, RevocationsStandBeforeThePeers) {
  for (int i = 0; i < 300; ++i) revoked.push_back({"gone-" + std::to_string(i), std::string(44, 'k')});
  begin();
  finish();
  EXPECT_EQ(known(m).size(), 30U);
  std::size_t count = 0;
  bool peers = false;
  for (const auto& message : readers[m].told) {
    const auto* list = std::get_if<signaling::Peers>(&message);
    if (list == nullptr) continue;
    EXPECT_TRUE(list->revoked.empty() || !peers);
    peers = peers || !list->peers.empty();
    count += list->revoked.size();
  }
  EXPECT_EQ(count, 300U);
}

TEST_F(RoomTest, OneThatDoesNotReadIsOwedNamesAndThenToldTheLatest) {
  const ConnectionId a = join("a");
  std::vector<ConnectionId> others;
  for (int i = 0; i < 20; ++i) others.push_back(join("b" + std::to_string(i)));
  slow = true;
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < others.size(); ++i) {
      const std::string note = std::to_string(round) + std::string(kLargeNote, 'x');
      join("b" + std::to_string(i), note, others[i]);
      for (const ConnectionId other : others) sent(other);
    }
    advance(kAnnouncePace.interval);
  }
  EXPECT_LE(readers[a].bytes, kMaxUnsent);
  std::size_t bytes = 0;
  while (unsent.contains(a)) {
    sent(a);
    bytes += readers[a].bytes;
  }
  EXPECT_LE(bytes, 21U * 24 * 1024);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(known(a).at("b" + std::to_string(i)).starts_with("19x"));
}

TEST_F(RoomTest, OneThatIsOwedTooMuchHasToComeAgain) {
  const ConnectionId a = join("a");
  join("b");
  slow = true;
  for (int i = 0; i < 6; ++i) join("large-" + std::to_string(i), std::string(kLargeNote, 'x'));
  ASSERT_TRUE(unsent.contains(a));
  for (std::size_t i = 0; i < kMaxOwed; ++i) {
    leave(join("passing-" + std::to_string(i)));
    now += 1s;
  }
  EXPECT_FALSE(sent(a));
}

TEST_F(RoomTest, WhateverHappensEverybodyKnowsInTheEndWhoIsThere) {
  testing::SeededRandom dice(11);
  const auto below = [&dice](std::size_t bound) { return dice.below(static_cast<std::uint32_t>(bound)); };
  slow = true;
  std::size_t asked = 0;
  for (int round = 0; round < 60; ++round) {
    for (int step = 0; step < 150; ++step) {
      const std::string name(1, static_cast<char>('a' + below(16)));
      const std::string note = std::to_string(step) + std::string(below(2) * kLargeNote, 'x');
      const auto at = std::ranges::find_if(readers, [&](const auto& one) { return names[one.first] == name; });
      asked += unsent.size();
      switch (below(6)) {
        case 0:
          join(name, note);
          break;
        case 1:
          if (at != readers.end()) join(name, note, at->first);
          break;
        case 2:
          if (at != readers.end()) leave(at->first);
          break;
        case 3:
          advance(std::chrono::milliseconds(below(2'000)));
          break;
        default:
          if (!unsent.empty()) sent(*std::next(unsent.begin(), static_cast<std::ptrdiff_t>(below(unsent.size()))));
          break;
      }
    }
    advance(1min);
    while (!unsent.empty()) sent(*unsent.begin());
    for (const auto& [id, reader] : readers) {
      ASSERT_TRUE(reader.complete);
      EXPECT_EQ(reader.known.size() + 1, room.size()) << names[id] << " in round " << round;
      for (const auto& [other, there] : readers) {
        if (other == id) continue;
        ASSERT_TRUE(reader.known.contains(names[other])) << names[other] << " in round " << round;
        EXPECT_EQ(reader.known.at(names[other]), notes[names[other]]) << "in round " << round;
      }
    }
  }
  EXPECT_GT(asked, 1'000U) << "readers were slow";
}

}  // namespace
}  // namespace bamgate::hub
