// What a configuration that was read again changes, and when.
#include "host/config_change.h"

#include <gtest/gtest.h>

namespace bamgate::host {
namespace {

config::Config in_force() {
  config::Config config;
  config.network.device_id = "d1";
  config.device.name = "laptop";
  config.stun.servers = {"stun:a", "stun:b"};
  return config;
}

TEST(ConfigChange, TheSameConfigurationChangesNothing) {
  const ConfigChange change = compare(in_force(), in_force());
  EXPECT_TRUE(change.is_nothing());
  EXPECT_EQ(to_string(change), "nothing has changed in it");
}

TEST(ConfigChange, AcceptedRoutesAndNewStunServersTakeEffectAtOnce) {
  config::Config read = in_force();
  read.peers["home"].routes = {*IpPrefix::parse("192.168.1.0/24")};
  read.stun.servers.push_back("stun:c");
  const ConfigChange change = compare(in_force(), read);
  EXPECT_TRUE(change.accepted_routes);
  EXPECT_TRUE(change.at_restart.empty());
  EXPECT_EQ(to_string(change), "in force now: accepted routes, STUN servers stun:c");
}

TEST(ConfigChange, TurnServersTakeEffectAtOnce) {
  config::Config read = in_force();
  read.turn.servers = {{"turn:t.example", "me"}};
  const ConfigChange change = compare(in_force(), read);
  EXPECT_TRUE(change.turn_servers);
  EXPECT_EQ(to_string(change), "in force now: TURN servers");
  read.ice.exclude = {"docker*"};
  EXPECT_EQ(to_string(compare(in_force(), read)), "in force now: TURN servers, excluded interfaces");
}

TEST(ConfigChange, WhatTheDeviceIsWaitsForARestart) {
  config::Config read = in_force();
  read.device.mtu = 1400;
  read.device.routes = {*IpPrefix::parse("10.0.0.0/8")};
  read.stun.servers = {"stun:b"};
  read.webrtc.ordered = true;
  const ConfigChange change = compare(in_force(), read);
  EXPECT_FALSE(change.accepted_routes);
  EXPECT_EQ(to_string(change),
            "after 'bamgate restart': device.mtu, device.routes, webrtc, stun.servers (those that are gone)");
}

TEST(ConfigChange, BothAreSaid) {
  config::Config read = in_force();
  read.peers["home"] = {};
  read.network.device_id = "d2";
  EXPECT_EQ(to_string(compare(in_force(), read)),
            "in force now: accepted routes; after 'bamgate restart': network.device_id");
}

}  // namespace
}  // namespace bamgate::host
