// What a person reads who gives a lab tool something that it cannot use: the tools themselves, up to where a peer would
// have to answer.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "lab/lab.h"
#include "lab/turn_carrier.h"
#include "os/random.h"
#include "wg/keys.h"

namespace bamgate::lab {
namespace {

class LabTools : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "bamgate-lab-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// A file with this content; readable by its owner only, unless `mode` says otherwise.
  std::string file(const std::string& name, const std::string& content, mode_t mode = 0600) const {
    const std::string path = folder_ / name;
    std::ofstream(path) << content;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  std::string key_file() const {
    os::SystemRandom random;
    return file("key", wg::PrivateKey::generate(random).to_base64() + "\n");
  }
  static std::string public_key() {
    os::SystemRandom random;
    return wg::PrivateKey::generate(random).public_key().to_string();
  }

  /// Fails unless the tool ends with `code` and what it says holds all of `words`.
  template <typename Tool, typename Arguments>
  static void expect_end(Tool tool, const Arguments& arguments, ExitCode code,
                         std::initializer_list<const char*> words) {
    ::testing::internal::CaptureStderr();
    const ExitCode ended = tool(arguments);
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(ended, code) << said;
    for (const char* word : words)
      EXPECT_NE(said.find(word), std::string::npos) << "'" << word << "' is not in: " << said;
  }

  std::filesystem::path folder_;
};

TEST_F(LabTools, AStunServerThatIsNoNameIsRefused) {
  for (const char* server : {"", "a b", "host:port", "host:70000", "[::1"}) {
    expect_end(run_stun, StunArguments{.lab = {}, .servers = {server}, .listen = {}}, ExitCode::kUsage,
               {("'" + std::string(server) + "' is no HOST[:PORT]").c_str()});
  }
}

TEST_F(LabTools, StunServersOfTwoFamiliesCannotBeAskedByOneSocket) {
  expect_end(run_stun, StunArguments{.lab = {}, .servers = {"192.0.2.1", "[2001:db8::1]:3478"}, .listen = {}},
             ExitCode::kUsage, {"the servers must be of one family"});
}

TEST_F(LabTools, AListenAddressNeedsItsPort) {
  expect_end(run_stun, StunArguments{.lab = {}, .servers = {"127.0.0.1"}, .listen = "localhost"}, ExitCode::kUsage,
             {"'localhost' is no HOST:PORT"});
}

TEST_F(LabTools, AnAddressOfAnotherMachineCannotBeListenedOn) {
  expect_end(run_stun, StunArguments{.lab = {}, .servers = {"127.0.0.1"}, .listen = "192.0.2.1:3478"},
             ExitCode::kFailed, {"192.0.2.1"});
  PeerArguments peer;
  peer.addresses = {IpAddress::v4(192, 0, 2, 1)};
  for (auto* tool : {run_ice, run_datachannel}) expect_end(tool, peer, ExitCode::kFailed, {"192.0.2.1"});
}

TEST_F(LabTools, WireGuardNeedsKeysThatAreKeys) {
  WgArguments arguments;
  arguments.address = *IpPrefix::parse("10.9.0.1/24");
  arguments.private_key_file = folder_ / "nowhere";
  arguments.peer = public_key();
  expect_end(run_wg, arguments, ExitCode::kFailed, {"nowhere"});
  arguments.private_key_file = file("words", "no key\n");
  expect_end(run_wg, arguments, ExitCode::kUsage, {"words holds no key", "bamgate genkey"});
  arguments.private_key_file = key_file();
  arguments.peer = "no key";
  expect_end(run_wg, arguments, ExitCode::kUsage, {"--peer is no public key", "bamgate pubkey"});
  arguments.peer = public_key();
  arguments.preshared_key_file = file("psk", "short");
  expect_end(run_wg, arguments, ExitCode::kUsage, {"psk holds no key"});
}

TEST_F(LabTools, AKeyThatOthersMayReadIsRefused) {
  WgArguments arguments;
  arguments.address = *IpPrefix::parse("10.9.0.1/24");
  arguments.private_key_file = key_file();
  ASSERT_EQ(chmod(arguments.private_key_file.c_str(), 0644), 0);
  arguments.peer = public_key();
  expect_end(run_wg, arguments, ExitCode::kFailed, {"key", "chmod"});
}

TEST_F(LabTools, AWireGuardEndpointNeedsItsPort) {
  WgArguments arguments;
  arguments.address = *IpPrefix::parse("10.9.0.1/24");
  arguments.private_key_file = key_file();
  arguments.peer = public_key();
  arguments.endpoint = "192.0.2.1";
  expect_end(run_wg, arguments, ExitCode::kUsage, {"'192.0.2.1' is no HOST:PORT"});
  arguments.endpoint.clear();
  arguments.listen = "192.0.2.1:1";
  expect_end(run_wg, arguments, ExitCode::kFailed, {"192.0.2.1"});
}

TEST_F(LabTools, DtlsTakesAnEndpointWithPortAndASha256) {
  DtlsArguments arguments;
  arguments.endpoint = "127.0.0.1";
  expect_end(run_dtls, arguments, ExitCode::kUsage, {"'127.0.0.1' is no HOST:PORT"});
  arguments.endpoint = "127.0.0.1:4433";
  arguments.fingerprint = "AB:CD";
  expect_end(run_dtls, arguments, ExitCode::kUsage, {"--fingerprint takes the SHA-256 of a certificate"});
}

TEST_F(LabTools, ATurnServerIsNamedByItsUri) {
  const auto udp = parse_turn_server("turn:relay.example");
  ASSERT_TRUE(udp);
  EXPECT_EQ(udp->transport, turn::Transport::kUdp);
  EXPECT_EQ(udp->url.port, 3478);
  const auto tcp = parse_turn_server("turn:[2001:db8::1]:99?transport=tcp");
  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->transport, turn::Transport::kStream);
  EXPECT_FALSE(tcp->url.tls);
  EXPECT_EQ(tcp->url.host, "2001:db8::1");
  EXPECT_EQ(tcp->url.port, 99);
  const auto tls = parse_turn_server("turns:relay.example");
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->transport, turn::Transport::kStream);
  EXPECT_TRUE(tls->url.tls);
  EXPECT_EQ(tls->url.port, 5349);
  const auto web = parse_turn_server("wss://hub.example:8443/turn?batch=1");
  ASSERT_TRUE(web);
  EXPECT_EQ(web->transport, turn::Transport::kWebSocket);
  EXPECT_TRUE(web->batch);
  EXPECT_FALSE(parse_turn_server("ws://hub.example/turn")->batch);
}

TEST_F(LabTools, ATurnServerThatIsNoneIsRefused) {
  TurnArguments arguments;
  for (const char* server :
       {"", "relay.example", "stun:relay.example", "turn:", "https://relay.example/turn", "wss://"}) {
    arguments.server = server;
    expect_end(run_turn, arguments, ExitCode::kUsage,
               {("'" + std::string(server) + "' is no TURN server").c_str(), "turn:HOST"});
  }
  arguments.server = "turns:relay.example?transport=udp";
  expect_end(run_turn, arguments, ExitCode::kUsage, {"DTLS"});
}

TEST_F(LabTools, APasswordFileIsReadByItsOwnerAlone) {
  TurnArguments arguments;
  arguments.server = "turn:127.0.0.1";
  arguments.password_file = folder_ / "nothing";
  expect_end(run_turn, arguments, ExitCode::kFailed, {"nothing"});
  arguments.password_file = file("open", "secret\n", 0644);
  expect_end(run_turn, arguments, ExitCode::kFailed, {"open"});
  arguments.password_file = file("empty", "\n");
  expect_end(run_turn, arguments, ExitCode::kUsage, {"holds no password"});
  arguments.password_file = file("good", "secret\n");
  arguments.pin = "AAAA";
  expect_end(run_turn, arguments, ExitCode::kUsage, {"--pin takes the SHA-256"});
}

TEST_F(LabTools, AStunServerThatIsNoNameIsRefusedByThePeerToolsToo) {
  PeerArguments arguments;
  arguments.addresses = {IpAddress::v4(127, 0, 0, 1)};
  arguments.stun_servers = {"a b"};
  for (auto* tool : {run_ice, run_datachannel}) {
    expect_end(tool, arguments, ExitCode::kUsage, {"'a b' is no HOST[:PORT]"});
  }
}

TEST_F(LabTools, AnOfferOfAnotherToolSaysWhatItLacks) {
  PeerArguments arguments;
  arguments.addresses = {IpAddress::v4(127, 0, 0, 1)};
  arguments.answer_file = folder_ / "answer";
  arguments.offer_file = file("sdp", R"({"type":"offer","sdp":"v=0\r\n"})");
  expect_end(run_ice, arguments, ExitCode::kFailed, {"cannot be used: it lacks ufrag, pwd or candidates"});
  expect_end(run_datachannel, arguments, ExitCode::kFailed, {"cannot be used: "});
  arguments.offer_file = file("ice", R"({"type":"offer","ufrag":"abcd","pwd":"short","candidates":[]})");
  expect_end(run_ice, arguments, ExitCode::kFailed, {"cannot be used: "});
  expect_end(run_datachannel, arguments, ExitCode::kFailed, {"cannot be used: it has no \"sdp\""});
  EXPECT_FALSE(std::filesystem::exists(arguments.answer_file)) << "an answer to nothing";
}

TEST_F(LabTools, AnOfferThatCannotBeWrittenEndsTheTool) {
  PeerArguments arguments;
  arguments.offers = true;
  arguments.addresses = {IpAddress::v4(127, 0, 0, 1)};
  arguments.offer_file = folder_ / "no-such-folder" / "offer";
  arguments.answer_file = folder_ / "answer";
  for (auto* tool : {run_ice, run_datachannel}) expect_end(tool, arguments, ExitCode::kFailed, {"no-such-folder"});
}

TEST_F(LabTools, ACaptureThatCannotBeWrittenIsSaidAtOnce) {
  StunArguments arguments{.lab = {}, .servers = {"127.0.0.1"}, .listen = {}};
  arguments.lab.files.pcap = folder_ / "no-such-folder" / "pcap";
  expect_end(run_stun, arguments, ExitCode::kFailed, {"no-such-folder"});
}

}  // namespace
}  // namespace bamgate::lab
