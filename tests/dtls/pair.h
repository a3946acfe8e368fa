// Two sessions and the network between them, in virtual time. The network is a function that decides what becomes of
// each datagram.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "core/buffer_pool.h"
#include "dtls/session.h"
#include "support/seeded_random.h"

namespace bamgate::dtls::testing {

using bamgate::testing::SeededRandom;
using namespace std::chrono_literals;

using Datagram = std::vector<std::byte>;
using Datagrams = std::vector<Datagram>;

inline constexpr UnixTime kToday{1'750'000'000};

/// One side: a session with its own randomness, and everything that came out of it.
struct Side {
  SeededRandom random;
  BufferPool pool;
  std::shared_ptr<const Certificate> certificate;
  std::optional<Session> session;
  std::vector<Datagram> received;  // plaintext, from events
  std::vector<Error> closed;
  int connected = 0;
  std::string_view suite;
  std::vector<std::size_t> order;  // index of each event's type, in order

  explicit Side(std::uint64_t seed) : random(seed) { certificate = Certificate::generate(random, kToday).value(); }

  Session::Options options(Role role, const Fingerprint& remote) {
    return {.role = role,
            .certificate = certificate,
            .remote_fingerprints = remote,
            .unix_time = kToday,
            .random = &random,
            .pool = &pool};
  }

  void drain_events() {
    while (auto event = session->poll_event()) {
      order.push_back(event->index());
      if (const auto* ready = std::get_if<Connected>(&*event)) {
        ++connected;
        suite = ready->cipher_suite;
      } else if (const auto* data = std::get_if<ApplicationData>(&*event)) {
        const Bytes bytes = data->packet.data();
        received.emplace_back(bytes.begin(), bytes.end());
      } else {
        closed.push_back(std::get<Closed>(*event).reason);
      }
    }
  }
};

/// What the network does with one datagram: the datagrams that arrive instead of it.
using Network = std::function<Datagrams(bool from_client, const Datagram&)>;

struct Pair {
  Side client;
  Side server;
  Instant now{std::chrono::hours(5)};
  Network network = [](bool, const Datagram& datagram) { return Datagrams{datagram}; };
  std::vector<std::pair<bool, Datagram>> transcript;  // everything that was sent; true: by the client
  std::array<std::byte, 2048> scratch{};

  explicit Pair(std::uint64_t seed = 1) : client(2 * seed), server(2 * seed + 1) {
    create(client.options(Role::kClient, server.certificate->fingerprint()),
           server.options(Role::kServer, client.certificate->fingerprint()));
  }

  void create(const Session::Options& client_options, const Session::Options& server_options) {
    client.session.emplace(Session::create(client_options).value());
    server.session.emplace(Session::create(server_options).value());
  }

  void start() {
    server.session->start(now);
    client.session->start(now);
  }

  static std::expected<void, Error> deliver(Side& to, Instant at, Datagram datagram) {
    auto result = to.session->handle_input(at, Received{.path = {}, .data = datagram});
    to.drain_events();
    return result;
  }

  /// Everything that `from` wants to send, without delivering it.
  std::vector<Datagram> take_output(Side& from) {
    std::vector<Datagram> output;
    while (const auto transmit = from.session->poll_transmit(now, scratch)) {
      output.emplace_back(scratch.begin(), scratch.begin() + transmit->size);
    }
    from.drain_events();
    return output;
  }

  /// Carries datagrams until both sides are silent; true when anything was carried.
  bool exchange() {
    bool any = false;
    for (int round = 0; round < 50; ++round) {
      bool moved = false;
      for (const bool from_client : {true, false}) {
        Side& from = from_client ? client : server;
        Side& to = from_client ? server : client;
        for (const Datagram& datagram : take_output(from)) {
          moved = true;
          transcript.emplace_back(from_client, datagram);
          for (const Datagram& arriving : network(from_client, datagram)) (void)deliver(to, now, arriving);
        }
      }
      if (!moved) return any;
      any = true;
    }
    return any;
  }

  Instant next_timeout() const { return std::min(client.session->next_timeout(), server.session->next_timeout()); }

  /// Goes to the next deadline and handles it; false when there is none.
  bool advance() {
    const Instant next = next_timeout();
    if (next == kNever) return false;
    now = std::max(now, next);
    client.session->handle_timeout(now);
    server.session->handle_timeout(now);
    return true;
  }

  /// Exchanges and advances until both sides are connected or closed, at most `steps` times.
  void run(int steps = 40) {
    exchange();
    for (int step = 0; step < steps && advance(); ++step) exchange();
  }

  bool both_connected() const { return client.session->connected() && server.session->connected(); }

  void connect() {
    start();
    run();
  }

  Side& side(bool is_client) { return is_client ? client : server; }

  PacketBuffer packet(bool is_client, std::size_t size, std::uint8_t fill = 0x5a) {
    PacketBuffer made = side(is_client).pool.take();
    std::ranges::fill(made.append(size), std::byte{fill});
    return made;
  }

  /// One sealed record of `size` bytes of plaintext.
  Datagram sealed(bool by_client, std::size_t size, std::uint8_t fill = 0x5a) {
    PacketBuffer made = packet(by_client, size, fill);
    if (!side(by_client).session->seal(now, made)) return {};
    return {made.data().begin(), made.data().end()};
  }
};

}  // namespace bamgate::dtls::testing
