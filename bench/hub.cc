// The hub core on a database in memory: an offer that it forwards in a room of two, and a refresh of an access token.
#include <memory>
#include <string>

#include "hub/hub_fixture.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

class Network : public hub::HubTest {
 public:
  Network() {
    SetUp();
    alpha_ = enroll("alpha");
    beta_ = enroll("beta");
    from_ = connect(alpha_);
    connect(beta_);
    offer_ = json::write(json::Object{{"type", "offer"}, {"to", "beta"}, {"sdp", std::string(800, 's')}});
  }
  void TestBody() override {}

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
  std::size_t take_effects() {
    std::size_t texts = 0;
    while (const auto effect = hub->poll_effect()) {
      if (std::holds_alternative<bamgate::hub::SendText>(*effect)) ++texts;
      if (const auto* broadcast = std::get_if<bamgate::hub::Broadcast>(&*effect)) {
        texts += broadcast->connections.size();
      }
    }
    return texts;
  }

  bamgate::hub::Member alpha_;
  bamgate::hub::Member beta_;
  bamgate::hub::ConnectionId from_{};
  std::string offer_;
};

}  // namespace

void add_hub(Workloads& all) {
  all.push_back({"hub/offer", 0,
                 [] { return Instance{.run = [network = std::make_shared<Network>()] { network->forward(); }}; }});
  all.push_back({"hub/refresh", 0,
                 [] { return Instance{.run = [network = std::make_shared<Network>()] { network->refresh(); }}; }});
}

}  // namespace bamgate::bench
