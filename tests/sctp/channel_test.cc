// The channel logic of an association above a played engine: what a peer or an engine seldom does.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "sctp/association.h"
#include "sctp/dcep.h"

namespace bamgate::sctp {
namespace {

struct Sent {
  SendOptions options;
  std::vector<std::byte> message;
};

// Everything that a test wants to see or to decide.
struct Play {
  std::vector<Sent> sent;
  std::vector<StreamId> resets;
  std::deque<EngineEvent> events;
  std::expected<void, Error> send_result;
  std::expected<void, Error> reset_result;
  bool aborted = false;
};

class PlayedEngine final : public Engine {
 public:
  explicit PlayedEngine(Play& play) : play_(play) {}
  std::expected<void, Error> start(Instant) override { return {}; }
  std::expected<void, Error> handle_input(Instant, Bytes) override { return {}; }
  void handle_timeout(Instant) override {}
  std::optional<PacketBuffer> poll_packet() override { return std::nullopt; }
  std::optional<EngineEvent> poll_event() override {
    if (play_.events.empty()) return std::nullopt;
    EngineEvent event = std::move(play_.events.front());
    play_.events.pop_front();
    return event;
  }
  Instant next_timeout() const override { return kNever; }
  std::expected<void, Error> send(Instant, const SendOptions& options, Bytes message) override {
    if (play_.send_result) play_.sent.push_back({options, {message.begin(), message.end()}});
    return play_.send_result;
  }
  std::expected<void, Error> reset_stream(Instant, StreamId stream) override {
    play_.resets.push_back(stream);
    return play_.reset_result;
  }
  void shutdown(Instant) override {}
  void abort(Instant) override { play_.aborted = true; }
  std::size_t unsent_bytes() const override { return 0; }
  const EngineCounters& counters() const override { return counters_; }

 private:
  Play& play_;
  EngineCounters counters_;
};

class PlayedFactory final : public EngineFactory {
 public:
  explicit PlayedFactory(Play& play) : play_(play) {}
  std::expected<std::unique_ptr<Engine>, Error> make_engine(const EngineOptions&, BufferPool&) override {
    return std::make_unique<PlayedEngine>(play_);
  }

 private:
  Play& play_;
};

// A DTLS client's association that is up.
class SctpChannels : public ::testing::Test {
 protected:
  SctpChannels() {
    association.start(now);
    say(EngineUp{256, 256});
    EXPECT_TRUE(std::holds_alternative<Connected>(association.poll_event().value()));
  }
  void say(EngineEvent event) {
    play.events.push_back(std::move(event));
    association.handle_timeout(now);
  }
  void message(std::uint16_t stream, Ppid ppid, Bytes bytes) {
    say(EngineMessage{static_cast<StreamId>(stream), static_cast<std::uint32_t>(ppid), pool.copy(bytes)});
  }
  void dcep(std::uint16_t stream, const DcepMessage& what) {
    std::array<std::byte, kMaxDcepSize> buffer;
    message(stream, Ppid::kDcep, write_dcep(what, buffer));
  }
  void reset(std::uint16_t stream, EngineReset::What what) { say(EngineReset{static_cast<StreamId>(stream), what}); }
  template <typename T>
  bool next_is() {
    const auto event = association.poll_event();
    return event && std::holds_alternative<T>(*event);
  }

  Instant now{};
  BufferPool pool;
  Play play;
  PlayedFactory factory{play};
  Association association = Association::create(factory, {.dtls_client = true}, pool).value();
  const std::array<std::byte, 3> content{};
};

TEST_F(SctpChannels, UntilTheAckHasComeMessagesOfAnUnorderedChannelAreSentInOrder) {
  const ChannelId id = association.open_channel(now, {.ordered = false, .max_retransmits = 0}).value();
  ASSERT_EQ(play.sent.size(), 1U);
  EXPECT_TRUE(play.sent[0].options.ordered);
  EXPECT_FALSE(play.sent[0].options.max_retransmits) << "an OPEN is reliable";
  ASSERT_TRUE(association.send(now, id, MessageKind::kBinary, content));
  EXPECT_TRUE(play.sent[1].options.ordered);
  EXPECT_EQ(play.sent[1].options.max_retransmits, 0);
  dcep(0, DcepAck{});
  EXPECT_TRUE(next_is<ChannelOpened>());
  ASSERT_TRUE(association.send(now, id, MessageKind::kBinary, content));
  EXPECT_FALSE(play.sent[2].options.ordered);
}

TEST_F(SctpChannels, AnAckIsKnownByItsFirstByte) {
  const ChannelId id = association.open_channel(now, {.ordered = false}).value();
  message(0, Ppid::kDcep, std::array{std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}});
  EXPECT_EQ(std::get<ChannelOpened>(association.poll_event().value()).channel, id);
  EXPECT_EQ(association.counters().dcep_refused, 0U);
}

TEST_F(SctpChannels, AnyMessageOfThePeerOpensAChannelThatIsOpening) {
  const ChannelId id = association.open_channel(now, {.ordered = false}).value();
  message(0, Ppid::kBinary, content);
  EXPECT_EQ(std::get<ChannelOpened>(association.poll_event().value()).channel, id);
  EXPECT_TRUE(next_is<Message>());
  EXPECT_EQ(association.counters().messages_before_ack, 1U);
  ASSERT_TRUE(association.send(now, id, MessageKind::kBinary, content));
  EXPECT_FALSE(play.sent.back().options.ordered) << "the channel's own order counts from here";
  message(0, Ppid::kBinary, content);
  dcep(0, DcepAck{});
  EXPECT_TRUE(next_is<Message>());
  EXPECT_FALSE(association.poll_event()) << "it opens once";
  EXPECT_EQ(association.counters().messages_before_ack, 1U);
  EXPECT_EQ(association.counters().dcep_refused, 0U) << "the ACK was only late";
}

TEST_F(SctpChannels, AMessageThatNobodyUnderstandsOpensAChannelTooAndIsCounted) {
  ASSERT_TRUE(association.open_channel(now, {}));
  ASSERT_TRUE(association.open_channel(now, {}));
  message(0, Ppid::kDcep, content);
  EXPECT_TRUE(next_is<ChannelOpened>());
  message(2, static_cast<Ppid>(99), content);
  EXPECT_TRUE(next_is<ChannelOpened>());
  EXPECT_FALSE(association.poll_event());
  EXPECT_EQ(association.counters().dcep_refused, 1U);
  EXPECT_EQ(association.counters().messages_dropped, 1U);
}

TEST_F(SctpChannels, AMessageOfThePeerOpensNoChannelThatWasNotAnnouncedAndNoneThatCloses) {
  play.send_result = std::unexpected(Error::kWouldBlock);
  ASSERT_TRUE(association.open_channel(now, {}));
  message(0, Ppid::kBinary, content);
  EXPECT_FALSE(association.poll_event());
  EXPECT_EQ(association.counters().messages_dropped, 1U);
  play.send_result = {};
  association.handle_timeout(now);
  association.close_channel(now, ChannelId{0});
  message(0, Ppid::kBinary, content);
  EXPECT_TRUE(next_is<Message>());
  EXPECT_FALSE(association.poll_event());
}

TEST_F(SctpChannels, EveryKindOfMessageHasItsPayloadProtocol) {
  const ChannelId id = association.open_channel(now, {}).value();
  ASSERT_TRUE(association.send(now, id, MessageKind::kText, content));
  ASSERT_TRUE(association.send(now, id, MessageKind::kBinary, content));
  ASSERT_TRUE(association.send(now, id, MessageKind::kText, {}));
  ASSERT_TRUE(association.send(now, id, MessageKind::kBinary, {}));
  const std::array<std::uint32_t, 5> expected{50, 51, 53, 56, 57};
  ASSERT_EQ(play.sent.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(play.sent[i].options.ppid, expected[i]);
  EXPECT_EQ(play.sent[4].message.size(), 1U) << "SCTP has no empty messages";
}

TEST_F(SctpChannels, AnOpenThatTheEngineCannotTakeIsRepeatedAndMessagesWaitBehindIt) {
  play.send_result = std::unexpected(Error::kWouldBlock);
  const ChannelId id = association.open_channel(now, {}).value();
  EXPECT_TRUE(association.send(now, id, MessageKind::kBinary, content));
  EXPECT_EQ(association.buffered_bytes(), content.size());
  play.send_result = {};
  association.handle_timeout(now);
  ASSERT_EQ(play.sent.size(), 2U);
  EXPECT_EQ(play.sent[0].options.ppid, 50U);
  EXPECT_EQ(play.sent[1].options.ppid, 53U);
  association.handle_timeout(now);
  EXPECT_EQ(play.sent.size(), 2U);
}

TEST_F(SctpChannels, AMessageOnAStreamWithoutChannelOrWithAnUnknownProtocolIsDropped) {
  message(1, Ppid::kBinary, content);
  dcep(1, DcepOpen{});
  EXPECT_TRUE(next_is<ChannelOpened>());
  message(1, static_cast<Ppid>(52), content);
  message(1, static_cast<Ppid>(0), content);
  EXPECT_FALSE(association.poll_event());
  EXPECT_EQ(association.counters().messages_dropped, 3U);
  message(1, Ppid::kBinary, content);
  EXPECT_TRUE(next_is<Message>());
}

TEST_F(SctpChannels, AnOpenIsAnsweredOnItsStreamWithAnAck) {
  dcep(7, DcepOpen{{.label = "seven"}});
  ASSERT_EQ(play.sent.size(), 1U);
  EXPECT_EQ(play.sent[0].options.stream, StreamId{7});
  EXPECT_EQ(play.sent[0].message, std::vector<std::byte>{std::byte{2}});
  EXPECT_TRUE(play.sent[0].options.ordered);
}

TEST_F(SctpChannels, ASecondOpenOrAnAckOutOfPlaceChangesNothing) {
  dcep(1, DcepOpen{{.label = "first"}});
  EXPECT_TRUE(next_is<ChannelOpened>());
  dcep(1, DcepOpen{{.label = "second"}});
  dcep(1, DcepAck{});
  dcep(0, DcepAck{});
  EXPECT_FALSE(association.poll_event());
  EXPECT_EQ(association.counters().dcep_refused, 3U);
  EXPECT_TRUE(play.resets.empty());
  EXPECT_TRUE(association.send(now, ChannelId{1}, MessageKind::kBinary, content));
}

TEST_F(SctpChannels, AnOpenThatCannotBeReadHasItsStreamReset) {
  message(3, Ppid::kDcep, content);
  ASSERT_EQ(play.resets.size(), 1U);
  EXPECT_EQ(play.resets[0], StreamId{3});
  dcep(257, DcepOpen{});
  EXPECT_EQ(association.counters().dcep_refused, 2U) << "no such stream was negotiated";
}

TEST_F(SctpChannels, AChannelIsGoneWhenBothDirectionsAreResetInEitherOrder) {
  for (const bool ours_first : {true, false}) {
    const ChannelId id = association.open_channel(now, {}).value();
    EXPECT_EQ(id, ChannelId{0});
    association.close_channel(now, id);
    reset(0, ours_first ? EngineReset::What::kOutgoing : EngineReset::What::kIncoming);
    EXPECT_FALSE(association.poll_event());
    reset(0, ours_first ? EngineReset::What::kIncoming : EngineReset::What::kOutgoing);
    EXPECT_TRUE(next_is<ChannelClosed>());
  }
  EXPECT_EQ(play.resets.size(), 2U);
}

TEST_F(SctpChannels, APeerThatKeepsRefusingResetsCannotKeepAChannelAlive) {
  const ChannelId id = association.open_channel(now, {}).value();
  association.close_channel(now, id);
  for (int i = 0; i < 20; ++i) reset(0, EngineReset::What::kFailed);
  EXPECT_TRUE(next_is<ChannelClosed>());
  EXPECT_FALSE(association.poll_event());
  EXPECT_EQ(play.resets.size(), 5U);
}

TEST_F(SctpChannels, WithoutStreamResetAClosedChannelIsForgottenAtOnce) {
  play.reset_result = std::unexpected(Error::kUnsupported);
  association.close_channel(now, association.open_channel(now, {}).value());
  EXPECT_TRUE(next_is<ChannelClosed>());
}

TEST_F(SctpChannels, AResetThatMustWaitIsAskedForAgain) {
  const ChannelId id = association.open_channel(now, {}).value();
  play.reset_result = std::unexpected(Error::kWouldBlock);
  association.close_channel(now, id);
  play.reset_result = {};
  association.handle_timeout(now);
  association.handle_timeout(now);
  EXPECT_EQ(play.resets.size(), 2U);
}

TEST_F(SctpChannels, APeerThatUsesANumberAgainAheadOfOurConfirmationGetsANewChannel) {
  dcep(1, DcepOpen{{.label = "old"}});
  reset(1, EngineReset::What::kIncoming);
  EXPECT_TRUE(next_is<ChannelOpened>());
  dcep(1, DcepOpen{{.label = "new"}});
  EXPECT_TRUE(next_is<ChannelClosed>());
  const auto event = association.poll_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<ChannelOpened>(*event).options.label, "new");
  reset(1, EngineReset::What::kOutgoing);
  EXPECT_TRUE(association.send(now, ChannelId{1}, MessageKind::kBinary, content))
      << "the late confirmation is the old's";
}

TEST_F(SctpChannels, AnOwnerWhoTakesNoEventsLosesTheAssociationAndNotTheMemory) {
  dcep(1, DcepOpen{});
  const std::vector<std::byte> large(100000);
  for (int i = 0; i < 200 && !play.aborted; ++i) message(1, Ppid::kBinary, large);
  EXPECT_TRUE(play.aborted);
  std::optional<Association::Event> last;
  while (auto event = association.poll_event()) last = std::move(event);
  EXPECT_EQ(std::get<Closed>(*last).reason, Error::kQueueOverflow);
}

}  // namespace
}  // namespace bamgate::sctp
