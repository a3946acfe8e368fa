// A peer connection of ours on a real UDP socket, steered by lines of JSON: for tests against other implementations.
// usage: peer_driver offer|answer ADDRESS
//   in    {"do":"description","type":"offer" or "answer","sdp":…}  {"do":"candidate","candidate":…}
//         {"do":"end_of_candidates"}  {"do":"restart"}: ask for an ICE restart
//         {"do":"open","label":…,"ordered":…,"max_retransmits":N or null}  {"do":"close_channel","label":…}
//         {"do":"close"}
//         {"do":"exchange","label":…,"first":N,"count":N,"huge":…,"expect":N}  {"do":"tally","label":…}   (exchange.h)
//   out   {"event":"description","type":…,"sdp":…}  {"event":"candidate","candidate":…}  {"event":"end_of_candidates"}
//         {"event":"refused","reason":…}: a later description  {"event":"state","state":…}
//         {"event":"path","local":…,"remote":…,"ufrag":…}: ours in this ICE session
//         {"event":"ufrags","count":N}: of so many ICE sessions
//         {"event":"open","label":…,"ordered":…,"max_retransmits":…}
//         {"event":"arrived","label":…,"hashes":[…]}  {"event":"channel_closed","label":…}
//         {"event":"closed","reason":…,"hidden_candidates":N,"hello_fragments":N}  {"event":"error","text":…}
// It ends after `closed` and at the end of its input.
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/reader.h"
#include "interop/exchange.h"
#include "json/parse.h"
#include "json/write.h"
#include "net/clock.h"
#include "net/loop.h"
#include "net/udp_socket.h"
#include "os/native_crypto.h"
#include "os/random.h"
#include "peer/peer_connection.h"
#include "sctp/engine.h"

namespace {

using namespace bamgate;

constexpr SocketId kSocket{1};

/// Whether a datagram begins with a part of a ClientHello only (RFC 6347 §4.2.2): mbedTLS alone could not read it.
bool is_hello_fragment(Bytes datagram) {
  Reader reader(datagram);
  const bool handshake = reader.u8() == 22;
  reader.skip(12);  // version, epoch, sequence number, length
  const bool hello = reader.u8() == 1;
  const std::uint32_t length = reader.u24();
  reader.skip(5);  // message_seq, fragment_offset
  return handshake && hello && reader.u24() < length && reader.ok();
}

class Driver {
 public:
  Driver(bool offerer, net::UdpSocket socket)
      : offerer_(offerer),
        socket_(std::move(socket)),
        runtime_(sctp::make_engine_factory(random_).value()),
        connection_(options(), random_, crypto_, pool_, *runtime_),
        slots_(net::UdpSocket::kBatch),
        timer_(loop_),
        input_watcher_(loop_, STDIN_FILENO),
        socket_watcher_(loop_, socket_.fd()) {}

  void run() {
    input_watcher_.on_readable([this] { read_commands(); });
    socket_watcher_.on_readable([this] { read_socket(); });
    connection_.add_local_address(net::now(), kSocket, socket_.local_endpoint());
    connection_.set_local_candidates_complete(net::now());
    if (offerer_) describe("offer", connection_.create_offer(net::now()));
    flush();
    loop_.run();
  }

 private:
  peer::PeerConnection::Options options() {
    peer::PeerConnection::Options made;
    made.offerer = offerer_;
    made.unix_time = net::unix_now();
    made.certificate = dtls::Certificate::generate(random_, made.unix_time).value();
    made.channels = {{.label = "bamgate", .protocol = "", .ordered = false, .max_retransmits = 0}};
    return made;
  }

  // ---- Commands and events ----

  static void emit(json::Object event) {
    const std::string line = json::write(json::Value(std::move(event))) + "\n";
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
  }

  void fail(std::string_view text) { emit({{"event", "error"}, {"text", text}}); }

  void describe(std::string_view type, const std::expected<std::string, peer::Error>& sdp) {
    if (sdp) return emit({{"event", "description"}, {"type", type}, {"sdp", *sdp}});
    const bool later = connection_.state() >= peer::State::kConnected;
    later ? refuse(sdp.error()) : fail(peer::to_string(sdp.error()));
  }

  static void refuse(peer::Error reason) { emit({{"event", "refused"}, {"reason", peer::to_string(reason)}}); }

  void read_commands() {
    std::array<char, 4096> chunk;
    const ssize_t count = read(STDIN_FILENO, chunk.data(), chunk.size());
    if (count <= 0) return loop_.stop();
    input_.append(chunk.data(), static_cast<std::size_t>(count));
    for (std::size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
      const auto command = json::parse(std::string_view(input_).substr(0, end));
      input_.erase(0, end + 1);
      if (!command) {
        fail(json::to_string(command.error()));
        continue;
      }
      run_command(*command);
    }
    flush();
  }

  void run_command(const json::Value& command) {
    const std::string* what = command.get_string("do");
    if (what == nullptr) return fail("a command without \"do\"");
    if (*what == "close") return connection_.close(net::now());
    if (*what == "end_of_candidates") return connection_.set_remote_candidates_complete(net::now());
    if (*what == "restart") return describe("offer", connection_.restart(net::now()));
    if (const std::string* candidate = command.get_string("candidate")) return add_candidate(*candidate);
    const std::string* type = command.get_string("type");
    const std::string* sdp = command.get_string("sdp");
    if (type != nullptr && sdp != nullptr) return take_description(*type, *sdp);
    const std::string* label = command.get_string("label");
    if (label == nullptr) return fail("an unknown command");
    if (*what == "open") return open_channel(*label, command);
    Channel* channel = find(*label);
    if (channel == nullptr) return fail("there is no channel " + *label);
    if (*what == "exchange") begin_exchange(*channel, command);
    if (*what == "tally") report(*channel);
    if (*what == "close_channel") connection_.close_channel(net::now(), channel->id);
  }

  void add_candidate(std::string_view line) {
    // Names and TCP are refused as they should be: the other side is then found by its checks.
    const auto added = connection_.add_remote_candidate(net::now(), line);
    if (added) return;
    if (added.error() != peer::Error::kUnsupportedCandidate) return fail(peer::to_string(added.error()));
    if (line.contains(".local ")) ++hidden_candidates_;
  }

  void take_description(std::string_view type, std::string_view sdp) {
    if (type == "offer") return describe("answer", connection_.accept_offer(net::now(), sdp));
    const bool later = connection_.awaits_restart_answer();
    const auto done = connection_.accept_answer(net::now(), sdp);
    if (!done) later ? refuse(done.error()) : fail(peer::to_string(done.error()));
  }

  // ---- Channels ----

  struct Channel {
    sctp::ChannelId id{};
    sctp::ChannelOptions options;
    interop::Exchange exchange;
  };

  Channel* find(std::string_view label) {
    for (auto& [id, channel] : channels_) {
      if (channel.options.label == label) return &channel;
    }
    return nullptr;
  }

  void open_channel(std::string_view label, const json::Value& command) {
    sctp::ChannelOptions options{.label = std::string(label), .ordered = command.get_bool("ordered").value_or(true)};
    if (const auto limit = command.get_int("max_retransmits")) {
      options.max_retransmits = static_cast<std::uint16_t>(*limit);
    }
    if (const auto id = connection_.open_channel(net::now(), options); !id) fail(peer::to_string(id.error()));
  }

  void note_open(peer::ChannelOpened opened) {
    const auto limit = opened.options.max_retransmits;
    emit({{"event", "open"},
          {"label", opened.options.label},
          {"ordered", opened.options.ordered},
          {"max_retransmits", limit ? json::Value(*limit) : json::Value()}});
    channels_.emplace(opened.channel, Channel{opened.channel, std::move(opened.options), interop::Exchange(crypto_)});
  }

  static void begin_exchange(Channel& channel, const json::Value& command) {
    const auto number = [&](const char* key) { return static_cast<std::uint32_t>(command.get_int(key).value_or(0)); };
    channel.exchange.begin(number("first"), number("count"), command.get_bool("huge").value_or(false),
                           number("expect"));
    if (channel.exchange.complete()) report(channel);
  }

  static void report(Channel& channel) {
    emit({{"event", "arrived"}, {"label", channel.options.label}, {"hashes", channel.exchange.report()}});
  }

  void take_message(const peer::Message& message) {
    const auto found = channels_.find(message.channel);
    if (found == channels_.end()) return fail("a message on a channel that is not open");
    found->second.exchange.take(message.data.data());
    if (found->second.exchange.complete()) report(found->second);
  }

  void fill() {
    for (auto& [id, channel] : channels_) {
      channel.exchange.fill([&](Bytes message) { return connection_.send(net::now(), id, message).has_value(); });
    }
  }

  void handle_event(peer::PeerConnection::Event event) {
    if (auto* candidate = std::get_if<peer::LocalCandidate>(&event)) {
      emit({{"event", "candidate"}, {"candidate", candidate->line}});
    } else if (std::holds_alternative<peer::GatheringComplete>(event)) {
      emit({{"event", "end_of_candidates"}});
    } else if (auto* changed = std::get_if<peer::StateChanged>(&event)) {
      emit({{"event", "state"}, {"state", peer::to_string(changed->state)}});
    } else if (auto* path = std::get_if<peer::PathSelected>(&event)) {
      emit({{"event", "path"},
            {"local", path->local.describe()},
            {"remote", path->remote.describe()},
            {"ufrag", connection_.ice().local_credentials().ufrag}});
    } else if (std::holds_alternative<peer::LocalUfragsChanged>(event)) {
      emit({{"event", "ufrags"}, {"count", connection_.local_ufrags().size()}});
    } else if (auto* opened = std::get_if<peer::ChannelOpened>(&event)) {
      note_open(std::move(*opened));
    } else if (auto* message = std::get_if<peer::Message>(&event)) {
      take_message(*message);
    } else if (auto* gone = std::get_if<peer::ChannelClosed>(&event)) {
      const auto channel = channels_.extract(gone->channel);
      if (!channel.empty()) emit({{"event", "channel_closed"}, {"label", channel.mapped().options.label}});
    } else if (auto* ended = std::get_if<peer::Closed>(&event)) {
      emit({{"event", "closed"},
            {"reason", peer::to_string(ended->reason)},
            {"hidden_candidates", hidden_candidates_},
            {"hello_fragments", hello_fragments_}});
      closed_ = true;
    }
  }

  // ---- Datagrams ----

  void read_socket() {
    const std::size_t count = socket_.receive_batch(pool_, slots_);
    for (net::UdpReceived& slot : std::span(slots_).first(count)) {
      if (is_hello_fragment(slot.packet.data())) ++hello_fragments_;
      (void)connection_.handle_input(
          net::now(),
          {.path = {kSocket, slot.from, {}}, .data = slot.packet.data(), .stride = slot.stride, .ecn = slot.ecn});
    }
    flush();
  }

  void flush() {
    while (auto event = connection_.poll_event()) handle_event(std::move(*event));
    fill();
    std::array<std::byte, kBlockSize> buffer;
    while (const auto transmit = connection_.poll_transmit(net::now(), buffer)) {
      (void)socket_.send(transmit->path.remote, Bytes(buffer).first(transmit->size), transmit->ecn);
    }
    if (closed_) return loop_.stop();
    timer_.expires_at(connection_.next_timeout(), [this] {
      connection_.handle_timeout(net::now());
      flush();
    });
  }

  bool offerer_;
  os::SystemRandom random_;
  os::NativeCrypto crypto_;
  BufferPool pool_;
  net::UdpSocket socket_;
  std::unique_ptr<sctp::EngineFactory> runtime_;
  peer::PeerConnection connection_;
  std::vector<net::UdpReceived> slots_;
  std::map<sctp::ChannelId, Channel> channels_;
  std::string input_;
  int hidden_candidates_ = 0;
  int hello_fragments_ = 0;
  bool closed_ = false;
  net::Loop loop_;
  net::Timer timer_;
  net::FdWatcher input_watcher_;
  net::FdWatcher socket_watcher_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view role = argc == 3 ? argv[1] : "";
  const auto address = IpAddress::parse(argc == 3 ? argv[2] : "");
  if ((role != "offer" && role != "answer") || !address) {
    std::fputs("usage: peer_driver offer|answer ADDRESS\n", stderr);
    return 2;
  }
  auto socket = net::UdpSocket::open({*address, 0});
  if (!socket) {
    std::fprintf(stderr, "peer_driver: no socket on %s: %s\n", argv[2], socket.error().detail.c_str());
    return 1;
  }
  Driver(role == "offer", std::move(*socket)).run();
  return 0;
}
