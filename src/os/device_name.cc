#include "os/device_name.h"

#include <unistd.h>

#include <array>
#include <cstddef>

namespace bamgate::os {
namespace {

constexpr std::size_t kMaxName = 63;

}  // namespace

std::string clean_device_name(std::string_view text) {
  std::string name;
  for (char c : text.substr(0, text.find('.'))) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
    if (name.size() == kMaxName) break;
  }
  if (!name.empty() && name.back() == '-') name.pop_back();
  return name.empty() ? "device" : name;
}

std::string default_device_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return clean_device_name("");
  return clean_device_name(name.data());
}

}  // namespace bamgate::os
