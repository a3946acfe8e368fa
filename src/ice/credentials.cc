#include "ice/credentials.h"

#include <array>
#include <string_view>

#include "ice/candidate.h"

namespace bamgate::ice {
namespace {

// RFC 8839 §5.4: the ufrag has 4 to 256 ice-chars, the password 22 to 256.
constexpr std::size_t kShortestUfrag = 4;
constexpr std::size_t kShortestPassword = 22;
constexpr std::size_t kLongest = 256;

std::string random_ice_chars(Random& random, std::size_t count) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::byte, 32> bytes{};
  random.fill(std::span(bytes).first(count));
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += kAlphabet[std::to_integer<std::size_t>(bytes[i]) % kAlphabet.size()];
  wipe(bytes);
  return text;
}

}  // namespace

Credentials Credentials::generate(Random& random) {
  Credentials credentials;
  credentials.ufrag = random_ice_chars(random, 8);
  credentials.pwd = random_ice_chars(random, 32);
  return credentials;
}

bool Credentials::valid() const {
  return ufrag.size() >= kShortestUfrag && ufrag.size() <= kLongest && pwd.size() >= kShortestPassword &&
         pwd.size() <= kLongest && is_ice_chars(ufrag) && is_ice_chars(pwd);
}

}  // namespace bamgate::ice
