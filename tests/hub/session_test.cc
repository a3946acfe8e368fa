// The wire of the hub: a recorded session is replayed, and every reply and message is what it was.
#include <cstdlib>
#include <fstream>

#include "session_script.h"
#include "support/source_tree.h"

namespace bamgate::hub {
namespace {

class HubWire : public SessionScript {};

TEST_F(HubWire, ARecordedSessionIsAnsweredByteForByteAsItWas) {
  const auto path = testing::vector_file("hub_session.txt");
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  const std::string record{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(record.empty());
  const std::string today = replay(record);
  // tests/vectors/record sets it, after a wanted change of the wire.
  if (std::getenv("BAMGATE_RECORD") != nullptr) {
    std::ofstream(path) << today;
    return;
  }
  EXPECT_EQ(today, record);
}

}  // namespace
}  // namespace bamgate::hub
