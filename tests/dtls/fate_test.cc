// What the network may do to each single datagram of a handshake, one after the other and all at random: the handshake
// completes on both sides, and what a side says as soon as it is complete arrives.
#include <gtest/gtest.h>

#include "dtls/pair.h"
#include "dtls/record.h"
#include "support/sanitized.h"

namespace bamgate::dtls::testing {
namespace {

enum class Fate : std::uint8_t { kArrives, kLost, kLostTwice, kTwice, kBehindTheNext };

/// The same for a datagram and its retransmission, which differ in record sequence numbers and ciphertext: who sent it,
/// and what its first record begins with (up to the fragment's offset).
Datagram name_of(bool from_client, const Datagram& datagram) {
  Datagram name{from_client ? std::byte{1} : std::byte{0}, datagram[0], datagram[4]};
  const bool plain_handshake = datagram[0] == std::byte{22} && datagram[4] == std::byte{0};
  if (plain_handshake) name.insert(name.end(), datagram.begin() + kRecordHeader, datagram.begin() + kRecordHeader + 9);
  return name;
}

/// A network with one victim; everything else arrives in order.
struct Network1 {
  Datagram victim;  // its name
  Fate fate = Fate::kArrives;
  int seen = 0;
  std::array<Datagrams, 2> held{};  // by direction
  std::vector<Datagram> names{};    // of all datagrams, in the order of their first appearance

  Datagrams carry(bool from_client, const Datagram& datagram) {
    const Datagram name = name_of(from_client, datagram);
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    Datagrams arriving = std::exchange(held[from_client ? 1 : 0], {});
    const int count = name == victim ? ++seen : 0;
    const bool lost = (fate == Fate::kLost && count == 1) || (fate == Fate::kLostTwice && (count == 1 || count == 2));
    if (fate == Fate::kBehindTheNext && count == 1) {
      held[from_client ? 1 : 0].push_back(datagram);
    } else if (!lost) {
      arriving.insert(arriving.begin(), datagram);
      if (fate == Fate::kTwice && count == 1) arriving.insert(arriving.begin(), datagram);
    }
    return arriving;
  }
};

/// A pair whose sides send one packet each as soon as they are connected.
struct EagerPair : Pair {
  std::size_t mtu;
  explicit EagerPair(std::size_t handshake_mtu, std::uint64_t seed = 1) : Pair(seed), mtu(handshake_mtu) {
    auto client_options = client.options(Role::kClient, server.certificate->fingerprint());
    auto server_options = server.options(Role::kServer, client.certificate->fingerprint());
    client_options.handshake_mtu = server_options.handshake_mtu = mtu;
    client_options.handshake_timeout = server_options.handshake_timeout = 1h;
    create(client_options, server_options);
  }

  std::array<bool, 2> said{};

  /// Data goes through the same network as the handshake.
  void greet() {
    for (const bool by_client : {true, false}) {
      bool& said_it = said[by_client ? 1 : 0];
      if (said_it || !side(by_client).session->connected()) continue;
      said_it = true;
      for (const Datagram& arriving : network(by_client, sealed(by_client, 100))) {
        (void)deliver(side(!by_client), now, arriving);
      }
    }
  }

  void shake_hands(std::optional<Duration> round_trip, int steps) {
    server.session->start(now, round_trip);
    client.session->start(now, round_trip);
    exchange();
    for (int step = 0; step < steps && advance(); ++step) {
      greet();
      exchange();
    }
    greet();
    exchange();
  }

  void expect_one_session() {
    EXPECT_TRUE(both_connected());
    EXPECT_EQ(client.connected, 1);
    EXPECT_EQ(server.connected, 1);
    EXPECT_TRUE(client.closed.empty() && server.closed.empty());
    for (const auto& [from_client, datagram] : transcript) EXPECT_LE(datagram.size(), mtu);
    for (const bool by_client : {true, false}) {
      EXPECT_TRUE(deliver(side(!by_client), now, sealed(by_client, 1400)));
      EXPECT_EQ(side(by_client).order.front(), 0U) << "Connected is the first event";
    }
  }
};

std::vector<Datagram> names_of_a_handshake(std::size_t mtu) {
  EagerPair pair(mtu);
  Network1 network;
  pair.network = [&](bool from_client, const Datagram& datagram) { return network.carry(from_client, datagram); };
  pair.shake_hands(std::nullopt, 10);
  EXPECT_TRUE(pair.both_connected());
  return network.names;
}

void expect_that_it_does_no_harm(std::size_t mtu, const Datagram& victim, Fate fate) {
  EagerPair pair(mtu);
  Network1 network{.victim = victim, .fate = fate};
  pair.network = [&](bool from_client, const Datagram& datagram) { return network.carry(from_client, datagram); };
  pair.shake_hands(std::nullopt, 30);
  EXPECT_GE(network.seen, 1);
  pair.expect_one_session();
  // 1 s for a loss, 1 + 2 s for two in a row; the other side may wait for as long once more.
  EXPECT_LE(pair.now - Instant(std::chrono::hours(5)), fate == Fate::kLostTwice ? Duration(7s) : Duration(3s));
  if (victim[1] == std::byte{23}) return;                                                       // data may be lost
  const std::size_t greetings = pair.client.received.size() + pair.server.received.size() - 2;  // two came afterwards
  EXPECT_EQ(greetings, 2U) << "what was said right after the handshake waits for its end";
}

std::string name_of(Fate fate) {
  switch (fate) {
    case Fate::kArrives:
      return "Arrives";
    case Fate::kLost:
      return "Lost";
    case Fate::kLostTwice:
      return "LostTwice";
    case Fate::kTwice:
      return "Twice";
    case Fate::kBehindTheNext:
      return "BehindTheNext";
  }
  return "";
}

class DtlsFate : public ::testing::TestWithParam<Fate> {};

TEST_P(DtlsFate, OfAnySingleDatagramDoesNoHarm) {
  for (const std::size_t mtu : {1200U, 400U, 256U}) {
    const auto names = names_of_a_handshake(mtu);
    EXPECT_GE(names.size(), 6U);  // four flights, and data both ways
    for (std::size_t i = 0; i < names.size(); ++i) {
      SCOPED_TRACE("mtu " + std::to_string(mtu) + ", datagram " + std::to_string(i));
      expect_that_it_does_no_harm(mtu, names[i], GetParam());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Each, DtlsFate,
                         ::testing::Values(Fate::kLost, Fate::kLostTwice, Fate::kTwice, Fate::kBehindTheNext),
                         [](const auto& parameter) { return name_of(parameter.param); });

/// Loses `percent` of all datagrams, repeats and delays some others.
struct BadNetwork {
  SeededRandom dice;
  std::uint32_t percent;
  std::array<Datagrams, 2> late{};

  Datagrams carry(bool from_client, const Datagram& datagram) {
    Datagrams arriving;
    if (dice.below(100) >= percent) arriving.push_back(datagram);
    if (dice.below(100) < 5) arriving.push_back(datagram);
    Datagrams& waiting = late[from_client];
    if (dice.below(100) < 5)
      std::swap(arriving, waiting);
    else if (dice.below(2) == 0) {
      arriving.insert(arriving.end(), waiting.begin(), waiting.end());
      waiting.clear();
    }
    return arriving;
  }
};

TEST(DtlsLoss, OfUpTo30PercentDelaysTheHandshakeAndNeverBreaksIt) {
  for (const std::uint32_t percent : {5U, 10U, 20U, 30U}) {
    Duration longest{};
    Duration sum{};
    constexpr std::uint64_t kRuns = bamgate::testing::kSanitized ? 12 : 40;
    for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
      SCOPED_TRACE(std::to_string(percent) + " %, seed " + std::to_string(seed));
      EagerPair pair(seed % 3 == 0 ? 300 : 1200, seed);
      BadNetwork network{.dice = SeededRandom(1000 * percent + seed), .percent = percent};
      pair.network = [&](bool from_client, const Datagram& datagram) { return network.carry(from_client, datagram); };
      pair.shake_hands(Duration(40ms), 300);
      pair.expect_one_session();
      const Duration taken = pair.now - Instant(std::chrono::hours(5));
      longest = std::max(longest, taken);
      sum += taken;
    }
    const auto in_ms = [](Duration time) {
      return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    };
    RecordProperty("mean_ms_" + std::to_string(percent),
                   static_cast<int>(in_ms(sum) / static_cast<std::int64_t>(kRuns)));
    RecordProperty("longest_ms_" + std::to_string(percent), static_cast<int>(in_ms(longest)));
  }
}

}  // namespace
}  // namespace bamgate::dtls::testing
