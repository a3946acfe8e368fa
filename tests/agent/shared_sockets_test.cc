// All connections of a device share its sockets: old sessions' packets, a new connection beside an old one, and peers
// that claim what is not theirs.
#include <gmock/gmock.h>

#include "agent/link.h"
#include "agent/scripted_hub.h"
#include "ice/check_message.h"

namespace bamgate::agent {
namespace {

// RFC 6347 §4.3.1: the epoch stands behind type and version; alerts are 21, handshakes 22, data 23.
bool is_a_record(Bytes datagram) {
  return datagram.size() >= 13 && datagram[0] >= std::byte{20} && datagram[0] <= std::byte{63};
}
bool is_encrypted_record(Bytes datagram) { return is_a_record(datagram) && datagram[4] == std::byte{1}; }

class SharedSockets : public ScriptedHub {
 protected:
  bool connected() { return anna->state_of("bert", now) == "connected" && bert->state_of("anna", now) == "connected"; }
  bool traffic_flows() {
    const std::size_t before = anna->tun.size() + bert->tun.size();
    send_packet(*anna, "10.100.0.2");
    send_packet(*bert, "10.100.0.1");
    settle();
    return anna->tun.size() + bert->tun.size() == before + 2;
  }
  bool is_of_bert(const Endpoint& from) const { return from == bert->sockets.begin()->second; }
  /// As if it came from bert.
  void give_anna(std::vector<std::byte> datagram) {
    const auto& [socket, base] = *anna->sockets.begin();
    anna->runner.on_datagram(now,
                             {.path = {.local = socket, .remote = bert->sockets.begin()->second}, .data = datagram});
    anna->runner.flush(now);
  }
  /// bert alone gives his connection up, and a while later offers a new one, on the sockets of the old.
  void renew() {
    carries = [](const Endpoint&, Bytes datagram) { return !is_a_record(datagram); };
    send_packet(*bert, "10.100.0.1");
    run_for(Attempt::kSilence + 1s);
    ASSERT_EQ(bert->state_of("anna", now), "reconnecting");
    ASSERT_EQ(anna->state_of("bert", now), "connected") << "she noticed nothing";
    carries = {};
  }
};

TEST_F(SharedSockets, AreAsManyAsAddressesHoweverManyPeersThereAre) {
  anna = &make("anna", "10.100.0.1/16", 1);
  std::vector<signaling::PeerInfo> others(1000);
  bamgate::testing::SeededRandom keys(5);
  for (std::size_t i = 0; i < others.size(); ++i) {
    others[i].peer_id = "peer" + std::to_string(i);
    others[i].public_key = wg::PrivateKey::generate(keys).public_key().to_string();
    others[i].address = "10.100." + std::to_string(1 + i / 250) + "." + std::to_string(1 + i % 250) + "/16";
  }
  forward = false;
  bring_online(*anna, {});
  for (std::size_t i = 0; i < others.size(); i += 50) {
    announce(*anna,
             {others.begin() + static_cast<std::ptrdiff_t>(i), others.begin() + static_cast<std::ptrdiff_t>(i + 50)});
  }
  EXPECT_EQ(anna->attempts(), 1000);
  EXPECT_EQ(anna->under_way(), 1000);
  EXPECT_EQ(anna->sockets.size(), 1U);
  run_for(2min);
  EXPECT_GT(anna->attempts(), 2000) << "all are tried again";
  EXPECT_EQ(anna->sockets.size(), 1U);
}

TEST_F(SharedSockets, BringOldSessionsPacketsToNobodyAndDisturbNoNewOne) {
  std::vector<std::vector<std::byte>> old;
  carries = [&](const Endpoint& from, Bytes datagram) {
    if (bert != nullptr && is_of_bert(from) && is_encrypted_record(datagram))
      old.emplace_back(datagram.begin(), datagram.end());
    return true;
  };
  connect_anna_and_bert();
  ASSERT_TRUE(traffic_flows());
  ASSERT_GE(old.size(), 4U);
  const auto sockets = anna->sockets;

  // Both sides fall silent, give up, and begin anew on the same sockets. Whatever bert says now comes after an old
  // packet.
  wire = false;
  send_packet(*anna, "10.100.0.2");
  send_packet(*bert, "10.100.0.1");
  run_for(Attempt::kSilence + 1s);
  ASSERT_EQ(anna->state_of("bert", now), "reconnecting");
  const auto discarded = anna->counter("dtls_records_discarded", now);
  std::size_t next = 0;
  carries = [&](const Endpoint& from, Bytes) {
    if (is_of_bert(from)) give_anna(old[next++ % old.size()]);
    return true;
  };
  wire = true;
  run_for(40s);
  EXPECT_TRUE(connected());
  EXPECT_EQ(anna->sockets, sockets);
  EXPECT_LE(anna->attempts(), 4) << "none of them failed for it";
  EXPECT_GT(next, 20U);
  EXPECT_GT(anna->counter("dtls_records_discarded", now), discarded);
  EXPECT_TRUE(traffic_flows());

  // And nothing at all is known of the first session's names.
  const int under_way = anna->under_way();
  carries = {};
  anna->runner.stop(now);
  const auto before = anna->counter("datagrams_no_connection", now);
  for (const auto& datagram : old) give_anna(datagram);
  EXPECT_EQ(anna->counter("datagrams_no_connection", now), before + old.size());
  EXPECT_EQ(under_way, 1);
}

TEST_F(SharedSockets, CarryANewConnectionBesideTheOldUntilItIsProven) {
  connect_anna_and_bert();
  renew();
  bool stayed = true;
  for (int i = 0; i < 300 && anna->attempts() == 1; ++i) run_for(50ms);
  ASSERT_EQ(anna->attempts(), 2) << "bert's offer has come";
  for (int i = 0; i < 40; ++i) {
    stayed = stayed && anna->state_of("bert", now) == "connected";
    run_for(50ms);
  }
  EXPECT_TRUE(stayed);
  EXPECT_TRUE(connected());
  EXPECT_EQ(anna->under_way(), 1) << "the old one is gone";
  EXPECT_TRUE(anna->noticed("goes on over its new connection"));
  EXPECT_TRUE(traffic_flows());
  run_for(1min);
  EXPECT_EQ(anna->attempts(), 2);
}

TEST_F(SharedSockets, KeepATunnelThatAnOfferOnTheHubsWordWouldReplace) {
  connect_anna_and_bert();
  forward = false;
  // The hub has seen bert's key, and makes up an offer.
  anna->said.clear();
  Actor& stranger = make("carl", "10.100.0.3/16", 3);
  Actor& liar = make("bert", "10.100.0.2/16", 2);
  (void)stranger;
  signaling::PeerInfo info = anna->info;
  info.peer_id = "zoe";  // so that this bert offers
  bring_online(liar, {info});
  auto offer = liar.take<signaling::Offer>();
  ASSERT_TRUE(offer);
  offer->to = "anna";
  kill(liar);
  peer::Description made_up = peer::parse_description(offer->sdp).value();
  for (int i = 0; i < 5; ++i) {
    ++made_up.session_id;  // each of another connection
    offer->sdp = peer::write_description(made_up);
    say(*anna, *offer);
    say(*anna, *offer);  // the same once more has the same answer
    EXPECT_LE(anna->under_way(), 2) << "one beside the other, and no more";
    run_for(1s);
    EXPECT_TRUE(connected());
    EXPECT_TRUE(traffic_flows());
  }
  EXPECT_EQ(anna->attempts(), 6);
  run_for(Link::kAttemptTime + 10s);
  EXPECT_EQ(anna->under_way(), 1) << "that came to nothing";
  EXPECT_TRUE(connected());
  EXPECT_TRUE(traffic_flows());
}

TEST_F(SharedSockets, LoseNoPathToAPeerThatClaimsItForItself) {
  connect_anna_and_bert();
  forward = false;
  anna->said.clear();
  Actor& carl = make("carl", "10.100.0.3/16", 3);
  announce(*anna, {carl.info});
  const auto offer = anna->take<signaling::Offer>();
  ASSERT_TRUE(offer);
  const auto description = peer::parse_description(offer->sdp).value();
  // carl knows anna's password for him, and sends his checks as if from bert's address.
  const ice::Credentials own{"carlcarl", std::string(24, 'c')};
  for (int i = 0; i < 20; ++i) {
    const ice::OutgoingCheck check{.id = stun::make_transaction_id(carl.random),
                                   .role = ice::Role::kControlled,
                                   .tie_breaker = 1,
                                   .priority = 2'000'000'000};
    give_anna(ice::write_check(carl.crypto, check, own, description.ice));
  }
  EXPECT_EQ(anna->counter("ice_checks_received", now) > 0, true);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(traffic_flows());
    run_for(10s);
  }
  EXPECT_TRUE(connected());
}

}  // namespace
}  // namespace bamgate::agent
