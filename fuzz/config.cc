// config.toml: a file that is accepted is written and read again without a change; every other gets an error that
// names what is wrong.
#include "config/config.h"
#include "support/decoder.h"
#include "support/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bamgate;
  using fuzz::require;
  std::vector<config::Warning> warnings;
  const auto config = config::parse_config(as_text(fuzz::input_of(data, size)), &warnings);
  if (!config) {
    require(!config.error().what.empty() && !config.error().message().empty(), "an error says what is wrong");
    return 0;
  }
  require(config->device.mtu >= config::kMinMtu && config->device.mtu <= config::kMaxMtu, "the MTU is in range");
  require(is_device_name(config->device.name), "the device's name is one");
  const std::string text = config::write_config(*config);
  std::vector<config::Warning> later;
  const auto again = config::parse_config(text, &later);
  require(again.has_value(), "a file that was written can be read");
  require(*again == *config, "a round trip changes nothing");
  require(later.empty(), "a file that was written is free of warnings");
  return 0;
}
