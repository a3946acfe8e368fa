#include "host/hub_log.h"

#include <gtest/gtest.h>

namespace bamgate::host {
namespace {

TEST(HubLog, TextIsOneLineForPeople) {
  EXPECT_EQ(write_event(LogFormat::kText, "device_registered", {{"device", "home"}, {"client", "192.0.2.0/24"}}),
            "device registered device=home client=192.0.2.0/24");
  EXPECT_EQ(write_event(LogFormat::kText, "hub_stops", {}), "hub stops");
  EXPECT_EQ(write_event(LogFormat::kText, "x", {{"n", 7}, {"b", true}, {"none", ""}}), R"(x n=7 b=true none="")");
}

TEST(HubLog, JsonIsTheRestOfOneObject) {
  EXPECT_EQ(write_event(LogFormat::kJson, "join_refused", {{"device", "home"}, {"n", 7}}),
            R"("event":"join_refused","device":"home","n":7)");
  EXPECT_EQ(write_event(LogFormat::kJson, "hub_stops", {}), R"("event":"hub_stops")");
}

TEST(HubLog, NobodyForgesALine) {
  const json::Object fields{{"reason", "x\n12:00:00.000 info device registered device=evil"}};
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    EXPECT_EQ(write_event(format, "e", fields).find('\n'), std::string::npos);
  }
  EXPECT_EQ(write_event(LogFormat::kText, "e", {{"a", "b c=d"}}), R"(e a="b c=d")");
  EXPECT_EQ(write_event(LogFormat::kText, "e", {{"a", "\"\x1b[2J"}}).find('\x1b'), std::string::npos);
}

TEST(HubLog, TheFormatsHaveNames) {
  EXPECT_EQ(parse_log_format("text"), LogFormat::kText);
  EXPECT_EQ(parse_log_format("json"), LogFormat::kJson);
  for (const char* other : {"", "JSON", "xml", "json "}) EXPECT_FALSE(parse_log_format(other));
}

}  // namespace
}  // namespace bamgate::host
