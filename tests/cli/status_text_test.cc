// The screen of `bamgate status`.
#include "cli/status_text.h"

#include <gtest/gtest.h>

#include <string>

#include "json/parse.h"

namespace bamgate::cli {
namespace {

std::string shown(std::string_view json, bool with_colour = false) {
  const auto status = json::parse(json);
  EXPECT_TRUE(status);
  return status ? status_text(*status, with_colour) : "";
}

constexpr std::string_view kHead =
    R"({"device":{"name":"laptop","address":"10.100.0.2/16","address6":"fd12::2/64","interface":"bamgate0"},)"
    R"("hub":{"url":"https://hub.example:8443","connected":true},"uptime_s":65.5,)";

TEST(StatusText, AConnectedPeerTakesARowAndItsWayANote) {
  const std::string text =
      shown(std::string(kHead) +
            R"("peers":[{"id":"home","address":"10.100.0.1/16","state":"connected","path":"direct","why_relayed":null,)"
            R"("ice":{"local":"host 192.168.1.2:41000 udp","remote":"srflx 203.0.113.2:5000 udp","rtt_ms":1.94},)"
            R"("wireguard":{"last_handshake_s":4.1,"rx_bytes":2048,"tx_bytes":100},"connected_s":9.0,)"
            R"("routes":["192.168.1.0/24"],"last_error":null}]})");
  EXPECT_EQ(text,
            "laptop  10.100.0.2  fd12::2  on bamgate0, up for 1 min 5 s\n"
            "hub  https://hub.example:8443  connected\n"
            "\n"
            "PEER  ADDRESS     STATE              PATH            RECEIVED  SENT\n"
            "home  10.100.0.1  connected for 9 s  direct, 1.9 ms  2.0 KiB   100 B\n"
            "  host 192.168.1.2:41000 udp -> srflx 203.0.113.2:5000 udp, handshake 4 s ago\n"
            "  leads to 192.168.1.0/24\n");
}

TEST(StatusText, AHubThatIsAwaySaysWhyAndWhenTheNextTryIs) {
  const std::string away =
      R"({"device":{"name":"laptop","address":"10.100.0.2/16","interface":"bamgate0"},"uptime_s":1,"peers":[],)"
      R"("hub":{"url":"https://hub.example:8443","connected":false,"error":"cannot reach the hub: refused","next_try_s":)";
  EXPECT_NE(shown(away + "11.2}}").find("not connected\n  cannot reach the hub: refused; next try in 12 s\n\n"),
            std::string::npos)
      << shown(away + "11.2}}");
  EXPECT_NE(shown(away + "null}}").find("\n  cannot reach the hub: refused; trying now\n\n"), std::string::npos);
}

TEST(StatusText, AnInterfaceThatIsChangedAgainAndAgainIsSaid) {
  std::string json = std::string(kHead) + R"("peers":[]})";
  EXPECT_EQ(shown(json).find("interface  "), std::string::npos);
  json.replace(json.find(R"("interface":)"), 0, R"("trouble":"something changes bamgate0",)");
  EXPECT_NE(shown(json).find("\ninterface  something changes bamgate0\n"), std::string::npos) << shown(json);
}

TEST(StatusText, AFailedPeerSaysWhy) {
  const std::string text =
      shown(std::string(kHead) +
            R"("peers":[{"id":"nas","address":"10.100.0.3/16","state":"failed","path":null,"ice":{},)"
            R"("wireguard":{"last_handshake_s":null,"rx_bytes":0,"tx_bytes":0},"connected_s":null,"routes":[],)"
            R"("last_error":"no path: the peer sent no address to try"}]})");
  EXPECT_NE(text.find("nas   10.100.0.3  failed  -     0 B       0 B\n  no path: the peer sent no address to try\n"),
            std::string::npos)
      << text;
}

TEST(StatusText, APeerThatIsAwayIsNotThere) {
  const std::string text =
      shown(std::string(kHead) + R"("peers":[{"id":"nas","address":"10.100.0.3/16","state":"new"}]})");
  EXPECT_NE(text.find("nas   10.100.0.3  not there  -"), std::string::npos) << text;
}

TEST(StatusText, WithoutAnyPeerItSaysHowToAddOne) {
  const std::string text = shown(std::string(kHead) + R"("peers":[]})");
  EXPECT_NE(text.find("bamgate devices add"), std::string::npos) << text;
  EXPECT_EQ(text.find("PEER"), std::string::npos) << text;
}

TEST(StatusText, ColourTellsStatesApartAndIsNowhereWithoutIt) {
  constexpr std::string_view kPeers =
      R"("peers":[{"id":"a","state":"connected"},{"id":"b","state":"connecting"},{"id":"c","state":"failed"}]})";
  const std::string coloured = shown(std::string(kHead) + std::string(kPeers), true);
  EXPECT_NE(coloured.find("\x1b[32mconnected\x1b[m"), std::string::npos);
  EXPECT_NE(coloured.find("\x1b[33mconnecting\x1b[m"), std::string::npos);
  EXPECT_NE(coloured.find("\x1b[31mfailed\x1b[m"), std::string::npos);
  EXPECT_EQ(shown(std::string(kHead) + std::string(kPeers), false).find('\x1b'), std::string::npos);
}

const std::vector<agent::CounterGroup> kGroups = {
    {"packets", {{"from", "packets sent"}, {"lost", "of these dropped"}, {"held", "packets held"}}},
    {"paths", {{"checks", "checks sent"}}},
    {"hub", {{"texts", "messages of the hub"}}},
};

TEST(CountersText, SaysInWordsAndInGroupsWhatIsNotZero) {
  const auto status = json::parse(R"({"counters":{"checks":0,"from":1234567,"held":0,"lost":3,"texts":12}})");
  ASSERT_TRUE(status);
  EXPECT_EQ(counters_text(*status, kGroups),
            "packets\n"
            "     1234567  packets sent\n"
            "           3  of these dropped\n"
            "\n"
            "hub\n"
            "          12  messages of the hub\n");
}

TEST(CountersText, WhatItHasNoWordsForStandsByItsNameAtTheEnd) {
  const auto status = json::parse(R"({"counters":{"a_new_one":5,"checks":2,"another":0,"text":"x"}})");
  ASSERT_TRUE(status);
  EXPECT_EQ(counters_text(*status, kGroups), "paths\n           2  checks sent\n\nother\n           5  a_new_one\n");
}

TEST(CountersText, SaysWhenNothingWasCounted) {
  for (const char* text : {"{}", R"({"counters":7})", R"({"counters":{"checks":0}})"}) {
    EXPECT_EQ(counters_text(*json::parse(text), kGroups), "nothing was counted so far\n") << text;
  }
}

TEST(StatusText, FieldsOfAnotherTypeAreLeftOut) {
  const std::string text = shown(R"({"device":7,"hub":[],"uptime_s":"x","peers":[{"id":1,"wireguard":null,"ice":3}]})");
  EXPECT_NE(text.find("not connected"), std::string::npos) << text;
}

}  // namespace
}  // namespace bamgate::cli
