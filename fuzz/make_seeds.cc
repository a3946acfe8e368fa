// Writes seed inputs for the fuzz targets: what real conversations put on the wire, captured from simulated ones, in
// the form that each target reads. Usage: make_seeds FOLDER, which gets a folder for each target.
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "config/config.h"
#include "config/join_string.h"
#include "core/encoding.h"
#include "peer/demux.h"
#include "peer/link.h"
#include "sctp/dcep.h"
#include "sctp/packet.h"
#include "signaling/message.h"
#include "stun/uri.h"
#include "support/seeded_random.h"
#include "wg/tunnel.h"

namespace {

using namespace bamgate;
using namespace std::chrono_literals;
using Blob = std::vector<std::byte>;

std::filesystem::path folder;
std::map<std::string, int> written;
constexpr int kMostOfTarget = 40;

Blob blob(std::initializer_list<unsigned> head, Bytes tail = {}) {
  Blob all;
  for (const unsigned byte : head) all.push_back(static_cast<std::byte>(byte));
  all.insert(all.end(), tail.begin(), tail.end());
  return all;
}
/// The form that fuzz::Decoder::bytes() reads.
Blob counted(Bytes bytes) {
  const auto size = static_cast<unsigned>(bytes.size());
  return size < 255 ? blob({size}, bytes) : blob({255, size >> 8, size & 0xff}, bytes);
}
Blob joined(const Blob& left, const Blob& right) {
  Blob all = left;
  all.insert(all.end(), right.begin(), right.end());
  return all;
}

void seed(const std::string& target, Bytes bytes) {
  const int number = ++written[target];
  if (number > kMostOfTarget) return;
  std::filesystem::create_directories(folder / target);
  std::ofstream file(folder / target / ("seed" + std::to_string(number)), std::ios::binary);
  file.write(as_text(bytes).data(), static_cast<std::streamsize>(bytes.size()));
}
void seed(const std::string& target, std::string_view text) { seed(target, as_bytes(text)); }

void seed_text_of_hub(const signaling::Message& message) {
  const std::string text = signaling::write(message);
  // Connected (a token, an open connection), joined (a list), then this text.
  const std::string list = signaling::write(signaling::Message(signaling::Peers{}));
  Blob input = joined(blob({4, 3, 0}), counted(as_bytes(list)));
  input = joined(joined(input, blob({0})), counted(as_bytes(text)));
  seed("signaling_message", input);
  seed("json_readers", joined(blob({16}), blob({}, as_bytes(text))));
}

/// ICE, DTLS, descriptions and candidates of one connection.
void record_peers() {
  peer::testing::Link link({.channels = {peer::testing::tunnel_channel(), peer::testing::reliable_channel()}});
  link.filter = [](const peer::testing::Side&, Bytes datagram) {
    seed("demux", datagram);
    if (peer::classify(datagram) == peer::Protocol::kStun) seed("stun", blob({0}, datagram));
    if (peer::classify(datagram) == peer::Protocol::kDtls) {
      for (const unsigned role : {0U, 1U}) seed("dtls_input", joined(blob({role, 3, 0}), counted(datagram)));
    }
    return true;
  };
  const auto note = [](std::string sdp) {
    seed("sdp", sdp);
    seed_text_of_hub(signaling::Offer{.from = "a", .to = "b", .sdp = sdp, .public_key = "S0VZ", .extra = {}});
    return sdp;
  };
  link.offer = note;
  link.answer = note;
  if (!link.negotiate()) return;
  for (const std::string& line : link.a.candidates) {
    seed("candidate", line);
    seed_text_of_hub(signaling::IceCandidate{.from = "a", .to = "b", .candidate = line, .extra = {}});
  }
  (void)(link.trickle(link.a) && link.trickle(link.b));
  link.run(5s);
  // Commands: connected or from the start, then sends and time, with the network's choices between.
  seed("peer_pair", blob({1, 0, 0, 0, 100, 0, 4, 50, 1, 2, 1, 0, 0, 4, 50, 0, 3, 0}));
  seed("peer_pair", blob({0, 0, 4, 200, 0, 6, 200, 0, 0, 3, 200, 0, 6, 100, 8, 7, 9, 9, 0, 3, 0, 6, 255}));
}

/// Handshake, data and keepalive of two WireGuard tunnels.
void record_wireguard() {
  testing::SeededRandom random(1);
  const wg::PrivateKey one = wg::PrivateKey::generate(random);
  const wg::PrivateKey two = wg::PrivateKey::generate(random);
  const Instant now{1000s};
  const auto make = [&](const wg::PrivateKey& own, const wg::PrivateKey& other) {
    return wg::Tunnel::create({.local = own, .remote = other.public_key(), .clock = {UnixTime{1'700'000'000}, now}},
                              random)
        .value();
  };
  std::array tunnels = {make(one, two), make(two, one)};
  tunnels[0].initiate(now);
  for (std::size_t round = 0; round < 4; ++round) {
    std::array<std::byte, 256> buffer{};
    const auto transmit = tunnels[round % 2].poll_transmit(now, buffer);
    if (!transmit) break;
    const MutableBytes message = MutableBytes(buffer).first(transmit->size);
    for (unsigned state = 0; state < 5; ++state) {
      seed("wg_message", joined(blob({state, 1}), counted(message)));
    }
    if (wg::message_type(message) != wg::MessageType::kData) {
      (void)tunnels[1 - round % 2].handle_input(now, Received{.path = {}, .data = message});
    }
  }
  // Initiate, deliver, deliver, send, deliver; with a loss, a duplicate and two minutes between.
  seed("wg_pair", blob({0, 10, 1, 2, 0, 0, 2, 0, 0, 0, 9, 1, 5, 0, 1, 2, 0, 0, 9, 120, 0, 0, 8, 1, 3, 0}));
  seed("wg_pair", blob({1, 0, 4, 0, 2, 0, 1, 2, 0, 0, 6, 0, 1, 7, 0, 9, 1, 0, 9, 15, 0, 11, 0, 0, 0, 5}));
  seed("bridge_packet", blob({0, 0, 1, 0x12, 3, 1, 2, 3, 1, 2, 1, 0x21, 0, 2, 0, 1, 0x03, 0, 2, 7, 1}));
}

void record_sctp() {
  const std::array<sctp::DcepMessage, 3> messages = {
      sctp::DcepOpen{{.label = "bamgate", .protocol = "", .ordered = false, .max_retransmits = 0}},
      sctp::DcepOpen{{.label = "files", .protocol = "copy", .max_lifetime = 100ms}}, sctp::DcepAck{}};
  for (const sctp::DcepMessage& message : messages) {
    std::array<std::byte, sctp::kMaxDcepSize> buffer{};
    seed("dcep", sctp::write_dcep(message, buffer));
  }
  seed("dcep", blob({2, 0, 0, 0}));  // pion's ACK
  // One chunk of each type that an SCTP endpoint knows, of a size that fits most of them.
  const Blob value(28);
  for (const unsigned type :
       {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 10U, 11U, 14U, 15U, 64U, 128U, 129U, 130U, 192U, 193U}) {
    seed("sctp_input", joined(blob({3, 0, 1, 0, type, 3}), counted(value)));
  }
  for (unsigned which = 0; which < 8; ++which) seed("sctp_input", blob({3, 2, which, 1, 0, 20, 7, 0, 16, 1, 5, 50}));
}

void write_texts() {
  for (const char* uri : {"stun:hub.example", "stuns:[2001:db8::1]:5349", "turn:192.0.2.1:3478?transport=tcp",
                          "turns:hub%2eexample?transport=udp"}) {
    seed("stun_uri", uri);
  }
  seed("join_string", "bamgate://hub.example:8443/#token=0123456789abcdef0123456789abcdef");
  seed("join_string",
       "bamgate://[2001:db8::1]:8443/"
       "#token=0123456789abcdef0123456789abcdef,fp=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  seed("join_string", "https://hub.example:8443/base?x=1");
  seed("join_string", "ws://[::1]/");
  config::Config config;
  config.network.server_url = *config::parse_url("https://hub.example:8443");
  config.network.device_id = "7f";
  config.device.name = "laptop";
  config.device.address = *IpPrefix::parse("10.100.0.1/16");
  config.device.address6 = *IpPrefix::parse("fd00::1/64");
  config.device.routes = {*IpPrefix::parse("192.168.1.0/24")};
  config.peers["nas"].routes = {*IpPrefix::parse("192.168.2.0/24")};
  seed("config", config::write_config(config));
  config::Secrets secrets;
  secrets.turn_secret = config::SecretText("hush");
  secrets.refresh_token = config::SecretText("hush hush");
  secrets.private_key = config::PrivateKey(std::array<std::byte, 32>{std::byte{8}});
  seed("secrets", config::write_secrets(secrets).view());
  seed("http",
       blob({0, 3}, as_bytes("POST /auth/refresh?x=1 HTTP/1.1\r\nHost: hub\r\nContent-Length: 2\r\nAuthorization: "
                             "Bearer abc\r\nX-Forwarded-For: 192.0.2.1, [2001:db8::1]:80\r\n\r\n{}")));
  seed("http",
       blob({0, 1}, as_bytes("GET /connect HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")));
  seed("http", blob({1, 2}, as_bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")));
  seed("http", blob({2, 2}, as_bytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")));
  seed("websocket",
       blob({0, 5, 9, 0x81, 0x82, 1, 2, 3, 4, 0x69, 0x6b, 0x89, 0x80, 0, 0, 0, 0, 0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8}));
  seed("websocket", blob({1, 99, 1, 0x01, 2, 'h', 'i', 0x80, 1, '!', 0x82, 0x7e, 0, 3, 1, 2, 3, 0x8a, 0, 0x88, 0}));
  seed("token_jwt", joined(joined(blob({1}), counted(as_bytes(R"({"alg":"HS256","kid":"k1","typ":"JWT"})"))),
                           blob({}, as_bytes(R"({"sub":"7f","owner":"o","net":"n","gen":1,"iat":1799999999,)"
                                             R"("exp":1800003599})"))));
  seed("token_jwt", blob({2, 2, 1, 2, 1, 3, 0, 0, 5, 1, 1}));
  seed("token_jwt", joined(blob({0}), blob({}, as_bytes("eyJhbGciOiJub25lIn0.e30."))));
  seed("allowed_ips",
       blob({0, 1, 10, 0, 0, 1, 24, 1, 6, 1, 10, 0, 0, 9, 0, 0, 10, 1, 2, 3, 64, 2, 4, 1, 3, 1, 10, 0, 0, 1, 24}));
}

/// A join token, two devices that register, open, join, and talk; then one revokes the other. And the same by GitHub.
void write_hub_commands() {
  const std::array<Blob, 4> parts = {
      blob({0, 2, 5, 1, 0, 0, 1, 0, 1, 0, 1, 2, 0}), blob({4, 0, 4, 1, 6, 0, 0, 1, 0, 6, 1, 1, 1, 0}),
      blob({8, 0, 0, 2, 'h', 'i', 1, 1, 0, 8, 1, 0, 1, 'c', 0, 0}), blob({3, 0, 1, 10, 0, 1, 11, 0, 30, 15, 0, 4, 0})};
  Blob input;
  for (const Blob& part : parts) {
    input = joined(input, part);
    seed("hub_commands", input);
  }
  seed("hub_commands",
       blob({1, 1, 0, 1, 14, 0, 2, 0, 1, 1, 0, 2, 14, 0, 2, 0, 4, 0, 6, 0, 0, 1, 0, 12, 0, 3, 0, 0, 1}));
}

void write_hub_texts() {
  signaling::PeerInfo info;
  info.peer_id = "laptop";
  info.public_key = to_base64(std::array<std::byte, 32>{});
  info.address = "10.100.0.1/16";
  info.address6 = "fd00::1/64";
  info.routes = {"192.168.1.0/24"};
  info.metadata = {{"os", "linux"}};
  seed_text_of_hub(signaling::Join{info});
  seed_text_of_hub(signaling::Peers{.peers = {info, info}, .more = true, .revoked = {{"old", info.public_key}}});
  seed_text_of_hub(signaling::PeerLeft{"laptop"});
  seed_text_of_hub(signaling::PeerRevoked{"laptop", info.public_key});
  for (const char* text :
       {R"([1,-2.5e3,"\u00e9\ud83d\ude00",null,true,{"a":{}}])", R"({"a":1,"a":2})", "18446744073709551615"}) {
    seed("json_readers", joined(blob({16}), blob({}, as_bytes(text))));
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: make_seeds FOLDER\n", stderr);
    return 2;
  }
  folder = arguments[1];
  record_peers();
  record_wireguard();
  record_sctp();
  write_texts();
  write_hub_texts();
  write_hub_commands();
  for (const auto& [target, files] : written) std::printf("%s: %d\n", target.c_str(), std::min(files, kMostOfTarget));
  return 0;
}
