// The packet path of two agents with their runners, as a host has it but for the kernel: the ports are arrays in
// memory. What an agent alone takes for the same packet is agent/packet; the difference is the runner's: its socket
// table, the order of datagrams and effects, and the calls of the ports.
#include "agent/runner.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "os/native_crypto.h"
#include "sctp/engine.h"
#include "signaling/message.h"
#include "sim/inner_packet.h"
#include "support/seeded_random.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

using namespace std::chrono_literals;

/// One machine: a runner and all of its ports. A datagram is handed to the other machine within the call that sends it.
class Machine : public agent::Sockets,
                public agent::HubLink,
                public agent::TunPort,
                public agent::TokenStore,
                public agent::PinStore,
                public agent::Owner {
 public:
  Machine(std::string name, std::uint8_t number, sctp::EngineFactory& sctp)
      : name_(std::move(name)), number_(number), random_(number), sctp_(sctp) {}
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() override { runner.end(); }

  void start(Instant now, Machine& other) {
    other_ = &other;
    const UnixTime clock{1'800'000'000};
    const wg::PrivateKey key = wg::PrivateKey::generate(random_);
    info.peer_id = name_;
    info.public_key = key.public_key().to_string();
    info.address = IpPrefix{tunnel_address(), 16}.to_string();
    agent::Agent::Options options{.name = name_,
                                  .private_key = key,
                                  .address = {tunnel_address(), 16},
                                  .address6 = std::nullopt,
                                  .routes = {},
                                  .accepted_routes = {},
                                  .stun_servers = {},
                                  .certificate = dtls::Certificate::generate(random_, clock).value(),
                                  .clock = {.unix = clock, .at = now}};
    runner.start(now, std::make_unique<agent::Agent>(std::move(options), random_, crypto_, pool, sctp_),
                 {{outside(), 24}});
    runner.on_access_token(now, runner.run(), "token", 24h);
    runner.on_hub_open(now, connection_);
  }
  void list_other(Instant now) {
    const signaling::Peers peers{.peers = {other_->info}, .more = false, .revoked = {}};
    runner.on_hub_text(now, connection_, signaling::write(peers));
  }

  /// What it has said to the hub goes to the other; true when there was something.
  bool pass_texts_on(Instant now) {
    if (said_.empty()) return false;
    for (const std::string& text : std::exchange(said_, {})) other_->runner.on_hub_text(now, other_->connection_, text);
    return true;
  }
  bool is_connected(Instant now) const {
    const auto peers = runner.status(now).peers;
    return peers.size() == 1 && peers[0].state == "connected" && peers[0].since_handshake.has_value();
  }

  IpAddress tunnel_address() const { return IpAddress::v4(10, 100, 0, number_); }

  signaling::PeerInfo info;
  BufferPool pool;
  Instant time;          // of the flush that is under way
  bool has_got = false;  // a datagram, since it was last flushed
  std::size_t written = 0;
  agent::Runner runner{{.sockets = *this, .hub = *this, .tun = *this, .tokens = *this, .pins = *this, .owner = *this}};

 private:
  class MemorySocket : public agent::Socket {
   public:
    MemorySocket(Machine& machine, const Endpoint& base) : machine_(machine), base_(base) {}
    const Endpoint& base() const override { return base_; }
    bool send(const Endpoint& remote, Bytes datagram, Ecn ecn) override {
      return machine_.other_->receive(machine_.time, base_, remote, datagram, ecn);
    }

   private:
    Machine& machine_;
    Endpoint base_;
  };

  IpAddress outside() const { return IpAddress::v4(192, 0, 2, number_); }

  bool receive(Instant when, const Endpoint& from, const Endpoint& to, Bytes datagram, Ecn ecn) {
    const auto socket = bound_.find(to);
    if (socket == bound_.end()) return false;
    const auto copy = MutableBytes(arrived_).first(datagram.size());
    copy_bytes(datagram, copy);
    has_got = true;
    runner.on_datagram(when, {.path = {.local = socket->second, .remote = from}, .data = copy, .ecn = ecn});
    return true;
  }

  std::unique_ptr<agent::Socket> open_socket(SocketId socket, const IpAddress& address) override {
    const Endpoint base{address, next_port_++};
    bound_[base] = socket;
    return std::make_unique<MemorySocket>(*this, base);
  }
  void connect_hub(agent::HubGeneration generation, std::string) override { connection_ = generation; }
  bool send_to_hub(std::string text) override {
    const auto message = signaling::parse(text);
    if (message && std::holds_alternative<signaling::Join>(*message)) return true;
    said_.push_back(std::move(text));
    return true;
  }
  void ping_hub() override { runner.on_hub_pong(time, connection_); }
  void disconnect_hub(std::uint16_t) override {}
  bool write_tun(Bytes) override {
    ++written;
    return true;
  }
  void set_routes(std::vector<IpPrefix>) override {}
  void refresh_access_token(agent::RunId) override {}
  void store_pins(std::vector<config::Pin>) override {}
  void notice(agent::Notice) override {}
  void gave_up(agent::StopReason) override {}

  std::string name_;
  std::uint8_t number_;
  testing::SeededRandom random_;
  os::NativeCrypto crypto_;
  sctp::EngineFactory& sctp_;
  Machine* other_ = nullptr;
  agent::HubGeneration connection_{};
  std::vector<std::string> said_;
  std::map<Endpoint, SocketId> bound_;
  std::uint16_t next_port_ = 5000;
  std::array<std::byte, kBlockSize> arrived_{};
};

struct Machines {
  explicit Machines(std::size_t bytes) {
    a.start(now, b);
    b.start(now, a);
    a.list_other(now);
    b.list_other(now);
    const Instant end = now + 60s;
    while (now < end && !(a.is_connected(now) && b.is_connected(now))) {
      settle();
      now = std::max(now, std::min(a.runner.next_timeout(), b.runner.next_timeout()));
    }
    require(a.is_connected(now) && b.is_connected(now), "both are connected");
    constexpr std::size_t kHeaders = 28;
    packet = sim::write_packet({.kind = sim::InnerPacket::Kind::kUdp,
                                .source = {a.tunnel_address(), 5001},
                                .destination = {b.tunnel_address(), 5001},
                                .payload = sim::Datagram(bytes - kHeaders, std::byte{0x5a})});
  }

  /// Until nobody has anything to say at this time.
  void settle() {
    for (bool busy = true; busy;) {
      carry();
      busy = a.pass_texts_on(now);
      busy = b.pass_texts_on(now) || busy;
    }
  }
  void carry() {
    for (Machine* machine : {&a, &b}) {
      machine->time = now;
      if (machine->runner.next_timeout() <= now) machine->runner.handle_timeout(now);
    }
    a.runner.flush(now);
    b.runner.flush(now);
    while (a.has_got || b.has_got) {
      a.has_got = b.has_got = false;
      b.runner.flush(now);
      a.runner.flush(now);
    }
  }

  void send() {
    now += 10us;
    a.runner.on_tun(now, a.pool.copy(packet));
    carry();
    require(std::exchange(b.written, 0) == 1, "the packet comes out");
  }

  Instant now = Instant(1h);
  testing::SeededRandom random{1};
  std::unique_ptr<sctp::EngineFactory> sctp = std::move(*sctp::make_engine_factory(random));
  Machine a{"alpha", 1, *sctp};
  Machine b{"beta", 2, *sctp};
  sim::Datagram packet;
};

}  // namespace

void add_runner(Workloads& all) {
  for (const std::size_t bytes : {64, 1280}) {
    all.push_back({"runner/packet/" + std::to_string(bytes), bytes, [=] {
                     return Instance{.run = [machines = std::make_shared<Machines>(bytes)] { machines->send(); }};
                   }});
  }
}

}  // namespace bamgate::bench
