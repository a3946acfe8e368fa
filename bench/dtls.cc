// DTLS: a whole handshake of both sides, and records of three sizes: what seal() and open() cost, and handle_input(),
// which the connection uses.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "dtls/pair.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

using dtls::testing::Pair;

constexpr std::size_t kBatch = 256;

struct Records {
  explicit Records(std::size_t bytes) : plain(bytes, std::byte{0x5a}) {
    pair.connect();
    require(pair.both_connected(), "both sessions connect");
  }

  PacketBuffer seal() {
    PacketBuffer packet = pair.client.pool.copy(plain);
    require(pair.client.session->seal(pair.now, packet).has_value(), "a record is sealed");
    return packet;
  }
  void seal_batch() {
    sealed.clear();
    next = 0;
    for (std::size_t i = 0; i < kBatch; ++i) sealed.push_back(seal());
  }
  void open_next() {
    const auto opened = pair.server.session->open(pair.now, sealed[next++]);
    require(opened && opened->size == plain.size(), "a record is opened");
  }
  void receive_next() {
    const Received received{.path = {}, .data = sealed[next++].data()};
    require(pair.server.session->handle_input(pair.now, received).has_value(), "a record is taken");
    const auto event = pair.server.session->poll_event();
    require(event && std::holds_alternative<dtls::ApplicationData>(*event), "its content comes out");
  }

  std::vector<std::byte> plain;
  std::vector<PacketBuffer> sealed;  // before the pool's owner goes
  std::size_t next = 0;
  Pair pair;

  ~Records() { sealed.clear(); }
};

Workload opening(const std::string& name, std::size_t bytes, void (Records::*take)()) {
  return {name, bytes, [bytes, take] {
            const auto records = std::make_shared<Records>(bytes);
            return Instance{.run = [records, take] { (*records.*take)(); },
                            .prepare = [records] { records->seal_batch(); },
                            .batch = kBatch};
          }};
}

}  // namespace

void add_dtls(Workloads& all) {
  all.push_back({"dtls/handshake", 0, [] {
                   return Instance{.run = [pair = std::make_shared<Pair>()] {
                     pair->create(pair->client.options(dtls::Role::kClient, pair->server.certificate->fingerprint()),
                                  pair->server.options(dtls::Role::kServer, pair->client.certificate->fingerprint()));
                     pair->connect();
                     require(pair->both_connected(), "both sessions connect");
                     pair->transcript.clear();
                   }};
                 }});
  for (const std::size_t bytes : {64U, 512U, 1340U}) {
    const std::string size = std::to_string(bytes);
    all.push_back({"dtls/seal/" + size, bytes, [bytes] {
                     return Instance{.run = [records = std::make_shared<Records>(bytes)] { (void)records->seal(); }};
                   }});
    all.push_back(opening("dtls/open/" + size, bytes, &Records::open_next));
  }
  all.push_back(opening("dtls/receive/1340", 1340, &Records::receive_next));
}

}  // namespace bamgate::bench
