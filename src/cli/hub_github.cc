#include "cli/hub_github.h"

#include <algorithm>

#include "core/ip_address.h"
#include "net/url.h"

namespace bamgate::cli {
namespace {

constexpr std::size_t kMaxLogin = 100;

}  // namespace

std::expected<std::string, std::string> check_github_api(const std::string& text) {
  const auto url = net::Url::parse(text);
  if (!url || !text.starts_with("http") || url->target.find('?') != std::string::npos) {
    return std::unexpected("--github-api '" + text +
                           "' is no address of an API: say it as https://github.example/api/v3");
  }
  const auto address = IpAddress::parse(url->host);
  if (!url->tls && (!address || !address->is_loopback())) {
    return std::unexpected("--github-api '" + text +
                           "' would send tokens in the clear: say it with https (http is for 127.0.0.1 and ::1 only)");
  }
  std::string whole = url->to_string();
  while (whole.ends_with('/')) whole.pop_back();
  return whole;
}

bool is_github_login(const std::string& text) {
  return !text.empty() && text.size() <= kMaxLogin && std::ranges::all_of(text, [](char character) {
    const bool is_letter = (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
    return is_letter || (character >= '0' && character <= '9') || character == '-' || character == '_';
  });
}

}  // namespace bamgate::cli
