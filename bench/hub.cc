// The hub core on a database in memory: an offer that it forwards in a room of two, a refresh of an access token, and
// one more device that joins a room of 1,000.
#include <memory>
#include <string>

#include "hub/hub_fixture.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

class World : public hub::HubTest {
 public:
  World() { SetUp(); }
  void TestBody() override {}

 protected:
  /// How many texts are to be sent, to whomever; all are sent at once.
  std::size_t take_effects() {
    std::size_t texts = 0;
    while (const auto effect = hub->poll_effect()) {
      if (std::holds_alternative<bamgate::hub::SendText>(*effect)) ++texts;
      if (const auto* broadcast = std::get_if<bamgate::hub::Broadcast>(&*effect)) {
        texts += broadcast->connections.size();
      }
      if (const auto* asked = std::get_if<bamgate::hub::WhenSent>(&*effect)) {
        hub->on_sent(now, unix_now, asked->connection);
      }
    }
    return texts;
  }
};

class Pair : public World {
 public:
  Pair() {
    alpha_ = enroll("alpha");
    beta_ = enroll("beta");
    from_ = connect(alpha_);
    connect(beta_);
    offer_ = json::write(json::Object{{"type", "offer"}, {"to", "beta"}, {"sdp", std::string(800, 's')}});
  }

  void forward() {
    advance(std::chrono::milliseconds(10));  // slower than the hub's limit for one device
    hub->on_text(now, unix_now, from_, offer_);
    require(take_effects() == 1, "an offer is forwarded");
  }
  void refresh() {
    advance(std::chrono::seconds(10));
    const auto reply =
        on_http({"POST",
                 "/auth/refresh",
                 {},
                 R"({"device_id":")" + alpha_.id + R"(","refresh_token":")" + alpha_.refresh_token + "\"}",
                 client});
    require(reply.status == 200, "a token is refreshed");
    take_effects();
    const auto body = json::parse(reply.body);
    alpha_.refresh_token = *body->get_string("refresh_token");
  }
  std::size_t offer_size() const { return offer_.size(); }

 private:
  bamgate::hub::Member alpha_;
  bamgate::hub::Member beta_;
  bamgate::hub::ConnectionId from_{};
  std::string offer_;
};

class Room : public World {
 public:
  static constexpr std::size_t kOthers = 1000;

  Room() {
    deaf = true;
    for (std::size_t i = 0; i < kOthers; ++i) {
      now += std::chrono::milliseconds(20);
      connect(enroll("device-" + std::to_string(i)));
    }
    newcomer_ = enroll("newcomer");
    join_ = json::write(join_of(newcomer_));
  }

  /// On a new connection each time, which takes the last one's place.
  void join() {
    now += std::chrono::seconds(3);  // slower than the pace of one device
    const ConnectionId id = static_cast<ConnectionId>(++last_connection);
    require(!try_open(id, newcomer_.access_token), "the newcomer is let in");
    hub->on_text(now, unix_now, id, join_);
    require(take_effects() > kOthers, "all others are told of it, and it of them");
  }

 private:
  using ConnectionId = bamgate::hub::ConnectionId;
  bamgate::hub::Member newcomer_;
  std::string join_;
};

}  // namespace

void add_hub(Workloads& all) {
  all.push_back(
      {"hub/offer", 0, [] { return Instance{.run = [network = std::make_shared<Pair>()] { network->forward(); }}; }});
  all.push_back(
      {"hub/refresh", 0, [] { return Instance{.run = [network = std::make_shared<Pair>()] { network->refresh(); }}; }});
  all.push_back(
      {"hub/join/1000", 0, [] { return Instance{.run = [room = std::make_shared<Room>()] { room->join(); }}; }});
}

}  // namespace bamgate::bench
