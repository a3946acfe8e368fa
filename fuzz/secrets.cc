// secrets.toml: as config.toml, and no error or warning repeats what may be a secret. The dictionary holds the marker.
#include "config/config.h"
#include "support/decoder.h"
#include "support/require.h"

namespace {

constexpr std::string_view kMarker = "hush";

void require_silent(std::string_view text) {
  bamgate::fuzz::require(text.find(kMarker) == text.npos, "no error repeats a value");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bamgate;
  using fuzz::require;
  std::vector<config::Warning> warnings;
  const auto secrets = config::parse_secrets(as_text(fuzz::input_of(data, size)), &warnings);
  for (const config::Warning& warning : warnings) require_silent(warning.what);
  if (!secrets) {
    require_silent(secrets.error().what);
    require_silent(secrets.error().what_to_do);
    return 0;
  }
  const config::SecretText text = config::write_secrets(*secrets);
  const auto again = config::parse_secrets(text.view());
  require(again.has_value(), "a file that was written can be read");
  require(again->turn_secret == secrets->turn_secret && again->refresh_token == secrets->refresh_token &&
              again->previous_refresh_token == secrets->previous_refresh_token,
          "a round trip changes no token");
  require(constant_time_equal(again->private_key.bytes(), secrets->private_key.bytes()), "a round trip changes no key");
  return 0;
}
