// What the runner adds to the agent: order, lateness, and who is closed when. Two of them on one wire, with ports that
// write down what they are asked.
#include "agent/runner.h"

#include <gmock/gmock.h>

#include <deque>
#include <functional>
#include <utility>

#include "os/native_crypto.h"
#include "sctp/engine.h"
#include "sim/inner_packet.h"
#include "support/seeded_random.h"

namespace bamgate::agent {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

const Endpoint kStunServer{IpAddress::v4(198, 51, 100, 1), 3478};

/// All ports of one runner.
class Machine : public Sockets, public HubLink, public TunPort, public TokenStore, public PinStore, public Owner {
 public:
  struct Sent {
    Endpoint from;
    Endpoint to;
    std::vector<std::byte> data;
  };

  Machine(std::string its_name, std::uint8_t number, sctp::EngineFactory& sctp)
      : name(std::move(its_name)), number_(number), random_(number), sctp_(sctp) {
    bamgate::testing::SeededRandom key_random(number_ + 100U);
    key_ = wg::PrivateKey::generate(key_random);
    info.peer_id = name;
    info.public_key = key_->public_key().to_string();
    info.address = network().to_string();
  }

  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() override { runner.end(); }

  IpPrefix network() const { return {IpAddress::v4(10, 100, 0, number_), 16}; }
  IpAddress address() const { return IpAddress::v4(192, 0, 2, number_); }

  void start(Instant now) {
    const UnixTime clock{1'800'000'000};
    Agent::Options options{.name = name,
                           .private_key = *key_,
                           .address = network(),
                           .address6 = std::nullopt,
                           .routes = {},
                           .accepted_routes = {},
                           .stun_servers = {},
                           .certificate = dtls::Certificate::generate(random_, clock).value(),
                           .clock = {.unix = clock, .at = now}};
    runner.start(now, std::make_unique<Agent>(std::move(options), random_, crypto_, pool_, sctp_), {{address(), 24}});
  }
  /// Until it has asked for its connection to the hub.
  void get_token(Instant now) { runner.on_access_token(now, runner.run(), "token", 3600s); }
  void list(Instant now, std::vector<signaling::PeerInfo> peers) {
    say(now, signaling::Peers{.peers = std::move(peers), .more = false, .revoked = {}});
  }
  void say(Instant now, const signaling::Message& message) {
    runner.on_hub_text(now, generation, signaling::write(message));
  }
  std::string state_of(const std::string& peer, Instant now) const {
    for (const PeerStatus& status : runner.status(now).peers) {
      if (status.id == peer) return status.state;
    }
    return "unknown";
  }
  std::ptrdiff_t count(const std::string& line) const { return std::ranges::count(log, line); }

  std::string name;
  signaling::PeerInfo info;
  std::vector<std::string> log;
  std::deque<signaling::Message> said;
  std::deque<Sent> sent;
  std::map<Endpoint, SocketId> bound;
  HubGeneration generation{};  // the last that was asked for
  RunId asked_for{};           // the last that a token was asked for
  std::function<void()> on_notice;
  bool refuses = false;  // sockets, TUN and hub take nothing
  Runner runner{{.sockets = *this, .hub = *this, .tun = *this, .tokens = *this, .pins = *this, .owner = *this}};

 private:
  class LoggedSocket : public Socket {
   public:
    LoggedSocket(Machine& machine, const Endpoint& base) : machine_(machine), base_(base) {}
    LoggedSocket(const LoggedSocket&) = delete;
    LoggedSocket& operator=(const LoggedSocket&) = delete;
    ~LoggedSocket() override {
      machine_.log.emplace_back("close");
      machine_.bound.erase(base_);
    }
    const Endpoint& base() const override { return base_; }
    bool send(const Endpoint& remote, Bytes datagram, Ecn /*ecn*/) override {
      machine_.log.emplace_back("send");
      if (machine_.refuses) return false;
      machine_.sent.push_back({base_, remote, {datagram.begin(), datagram.end()}});
      return true;
    }

   private:
    Machine& machine_;
    Endpoint base_;
  };

  std::unique_ptr<Socket> open_socket(SocketId socket, const IpAddress& local) override {
    log.emplace_back("open");
    const Endpoint base{local, next_port_++};
    bound[base] = socket;
    return std::make_unique<LoggedSocket>(*this, base);
  }
  void connect_hub(HubGeneration asked, std::string /*access_token*/) override {
    log.emplace_back("connect");
    generation = asked;
  }
  bool send_to_hub(std::string text) override {
    if (refuses) return false;
    static const char* const kNames[] = {"join", "peers", "offer", "answer", "candidate", "left", "revoked"};
    said.push_back(signaling::parse(text).value());
    log.emplace_back(kNames[said.back().index()]);
    return true;
  }
  void ping_hub() override { log.emplace_back("ping"); }
  void disconnect_hub(std::uint16_t /*code*/) override { log.emplace_back("disconnect"); }
  bool write_tun(Bytes /*packet*/) override {
    log.emplace_back("tun");
    return !refuses;
  }
  void set_routes(std::vector<IpPrefix> /*routes*/) override { log.emplace_back("routes"); }
  void refresh_access_token(RunId run) override {
    log.emplace_back("refresh");
    asked_for = run;
  }
  void notice(Notice notice) override {
    if (notice.level == NoticeLevel::kDebug) return;
    log.emplace_back("notice");
    if (auto act = std::exchange(on_notice, {})) act();
    log.emplace_back("noticed");
  }
  void store_pins(std::vector<config::Pin> pins) override { log.push_back("pins " + std::to_string(pins.size())); }
  void gave_up(StopReason /*reason*/) override { log.emplace_back("gave up"); }

  std::uint8_t number_;
  std::optional<wg::PrivateKey> key_;
  bamgate::testing::SeededRandom random_;
  os::NativeCrypto crypto_;
  BufferPool pool_;
  sctp::EngineFactory& sctp_;
  std::uint16_t next_port_ = 5000;
};

class RunnerTest : public ::testing::Test {
 protected:
  /// Its connection to the hub is open.
  void bring_online(Machine& machine) {
    machine.start(now);
    machine.get_token(now);
    machine.runner.on_hub_open(now, machine.generation);
    machine.info.metadata = std::get<signaling::Join>(machine.said.back()).self.metadata;
    machine.said.clear();
  }
  void connect() {
    bring_online(anna);
    bring_online(bert);
    bert.list(now, {anna.info});
    anna.list(now, {bert.info});
    run_for(3s);
    ASSERT_EQ(anna.state_of("bert", now), "connected");
    ASSERT_EQ(bert.state_of("anna", now), "connected");
  }
  bool carry(Machine& from, Machine& to) {
    if (!from.said.empty()) {
      const signaling::Message message = std::exchange(from.said.front(), {});
      from.said.pop_front();
      to.say(now, message);
      return true;
    }
    if (from.sent.empty()) return false;
    Machine::Sent datagram = std::move(from.sent.front());
    from.sent.pop_front();
    if (const auto socket = to.bound.find(datagram.to); socket != to.bound.end()) {
      to.runner.on_datagram(now, {.path = {.local = socket->second, .remote = datagram.from}, .data = datagram.data});
      to.runner.flush(now);
    }
    return true;
  }
  void run_for(Duration duration) {
    const Instant end = now + duration;
    for (int step = 0; step < 10'000; ++step) {
      if (carry(anna, bert) || carry(bert, anna)) continue;
      const Instant next = std::min(anna.runner.next_timeout(), bert.runner.next_timeout());
      if (next > end) {
        now = end;
        return;
      }
      now = std::max(now, next);
      for (Machine* machine : {&anna, &bert}) {
        if (machine->runner.next_timeout() <= now) machine->runner.handle_timeout(now);
      }
    }
    FAIL() << "the agents do not come to rest";
  }

  Instant now{1h};
  bamgate::testing::SeededRandom random{42};
  std::unique_ptr<sctp::EngineFactory> sctp = std::move(*sctp::make_engine_factory(random));
  BufferPool pool;
  Machine anna{"anna", 1, *sctp};
  Machine bert{"bert", 2, *sctp};
};

TEST_F(RunnerTest, CarriesEffectsOutInTheOrderOfTheAgent) {
  bring_online(anna);
  EXPECT_THAT(anna.log, ElementsAre("open", "refresh", "connect", "join"));
  anna.log.clear();
  anna.list(now, {bert.info});
  EXPECT_THAT(anna.log, ElementsAre("notice", "noticed", "pins 1", "offer")) << "its candidates stand in the offer";
}

TEST_F(RunnerTest, SendsFarewellsBeforeItClosesTheirSocketsAndTheHub) {
  connect();
  anna.log.clear();
  anna.runner.stop(now);
  ASSERT_THAT(anna.log, Contains("send"));
  EXPECT_EQ(anna.log.front(), "send");
  EXPECT_EQ(anna.log.back(), "disconnect");
  EXPECT_EQ(anna.count("close"), 0) << "before all of it has left";
  run_for(1s);
  EXPECT_NE(bert.state_of("anna", now), "connected");
  EXPECT_EQ(anna.runner.counters().socket_gone, 0U);
}

TEST_F(RunnerTest, CountsDatagramsThatTheirSocketRefuses) {
  connect();
  EXPECT_EQ(anna.runner.counters().datagrams_unsent, 0U);
  anna.refuses = true;
  anna.log.clear();
  run_for(30s);  // keepalives, and checks of consent
  const auto sends = static_cast<std::uint64_t>(anna.count("send"));
  ASSERT_GT(sends, 0U);
  EXPECT_EQ(anna.runner.status(now).counters["datagrams_not_sent"], sends);
}

TEST_F(RunnerTest, CountsTextsThatTheHubsConnectionRefuses) {
  bring_online(anna);
  EXPECT_EQ(anna.runner.status(now).counters["hub_texts_not_sent"], 0U);
  anna.refuses = true;
  anna.list(now, {bert.info});
  EXPECT_EQ(anna.runner.status(now).counters["hub_texts_not_sent"], 1U) << "the offer";
}

TEST_F(RunnerTest, CountsPacketsThatTheTunRefuses) {
  connect();
  anna.refuses = true;
  const auto packet = sim::write_packet(
      {.source = {bert.network().address, 9}, .destination = {anna.network().address, 9}, .payload = {}});
  bert.runner.on_tun(now, pool.copy(packet));
  bert.runner.flush(now);
  run_for(1s);
  ASSERT_EQ(anna.count("tun"), 1);
  EXPECT_EQ(anna.runner.status(now).counters["packets_not_written"], 1U);
}

TEST_F(RunnerTest, HearsNothingMoreOfAHubConnectionThatIsOver) {
  bring_online(anna);
  const HubGeneration first = anna.generation;
  anna.runner.on_hub_closed(now, first, 1006);
  anna.log.clear();
  anna.runner.on_hub_closed(now, first, 1006);
  anna.runner.on_hub_open(now, first);
  anna.runner.on_hub_pong(now, first);
  anna.runner.on_hub_text(now, first, signaling::write(signaling::Peers{.peers = {bert.info}, .revoked = {}}));
  EXPECT_THAT(anna.log, IsEmpty());

  run_for(60s);
  ASSERT_NE(anna.generation, first);
  anna.log.clear();
  anna.runner.on_hub_open(now, first);
  anna.runner.on_hub_connect_failed(now, first, {});
  EXPECT_THAT(anna.log, IsEmpty());
  anna.runner.on_hub_open(now, anna.generation);
  EXPECT_THAT(anna.log, ElementsAre("join"));
}

TEST_F(RunnerTest, ReadsOnWhenTheConnectionOfABatchIsEndedByIt) {
  connect();
  bert.runner.stop(now);
  ASSERT_GE(bert.sent.size(), 1U);
  const std::vector<Machine::Sent> batch(bert.sent.size() + 1, bert.sent.front());
  bert.sent.clear();
  const SocketId socket = anna.bound.at(batch.front().to);
  anna.log.clear();
  for (Machine::Sent datagram : batch) {
    anna.runner.on_datagram(now, {.path = {.local = socket, .remote = datagram.from}, .data = datagram.data});
    anna.say(now, signaling::PeerRevoked{.peer_id = "bert", .public_key = bert.info.public_key});
  }
  anna.runner.flush(now);
  EXPECT_EQ(anna.runner.open_sockets(), 1U) << "it is the device's";
  EXPECT_EQ(anna.runner.status(now).counters["datagrams_no_connection"], batch.size() - 1);
}

TEST_F(RunnerTest, LeavesAPortThatCallsBackToTheFlushThatIsUnderWay) {
  bring_online(anna);
  anna.log.clear();
  anna.on_notice = [&] {
    anna.say(now + 1s, signaling::PeerRevoked{.peer_id = "bert", .public_key = bert.info.public_key});
    anna.runner.flush(now);  // earlier than what the agent has been told
  };
  anna.list(now, {bert.info});
  ASSERT_GE(anna.log.size(), 3U);
  EXPECT_EQ(anna.log[0], "notice");
  EXPECT_EQ(anna.log[1], "noticed") << "nothing is done within the call";
  EXPECT_EQ(anna.count("offer"), 1);
  EXPECT_EQ(anna.runner.agent().attempts_under_way(), 0U) << "what was said within the call was heard";
}

TEST_F(RunnerTest, TellsNoAgentWhatAnotherOneHasAskedFor) {
  anna.start(now);
  const RunId first = anna.asked_for;
  anna.runner.end();
  anna.runner.on_access_token(now, first, "token", 3600s);
  anna.start(now);
  ASSERT_NE(anna.asked_for, first);
  anna.runner.on_access_token(now, first, "token", 3600s);
  anna.runner.on_token_failed(now, first, {.verdict = signaling::Verdict::kGone});
  EXPECT_THAT(anna.log, ElementsAre("open", "refresh", "close", "open", "refresh"));
  anna.runner.on_access_token(now, anna.asked_for, "token", 3600s);
  EXPECT_EQ(anna.log.back(), "connect");
}

TEST_F(RunnerTest, ClosesAllThatIsOpenWithoutAWordAtTheEnd) {
  connect();
  anna.log.clear();
  anna.runner.end();
  EXPECT_THAT(anna.log, ElementsAre("close", "disconnect"));
  EXPECT_FALSE(anna.runner.is_running());
  EXPECT_EQ(anna.runner.next_timeout(), kNever);
  anna.say(now, signaling::PeerLeft{"bert"});
  anna.runner.handle_timeout(now);
  anna.runner.on_network_changed(now, {});
  anna.runner.stop(now);
  EXPECT_TRUE(anna.runner.status(now).peers.empty());
  EXPECT_THAT(anna.log, ElementsAre("close", "disconnect"));
}

TEST_F(RunnerTest, AsksAStunServerWhoseNameIsResolvedLate) {
  bring_online(anna);
  anna.list(now, {bert.info});
  EXPECT_EQ(anna.log.back(), "offer") << "it waits for no name";
  EXPECT_THAT(anna.log, Not(Contains("send")));
  anna.runner.add_stun_server(now, kStunServer);
  EXPECT_THAT(anna.log, Contains("send"));
}

}  // namespace
}  // namespace bamgate::agent
