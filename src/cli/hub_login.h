// What a command asks the hub with: the running agent's access token where there is one, so that two processes never
// rotate one refresh token.
#pragma once

#include <expected>
#include <string>

#include "host/config_folder.h"
#include "host/hub_api.h"
#include "net/loop.h"

namespace bamgate::cli {

class HubLogin {
 public:
  /// The arguments outlive it.
  HubLogin(net::Loop& loop, const host::ConfigFolder& folder, host::Device& device)
      : loop_(loop), folder_(folder), device_(device) {}

  /// `question` of a token. One that the hub does not take, as when its clock was set, is exchanged once.
  template <typename Question>
  auto ask(const Question& question) -> decltype(question(std::string())) {
    if (auto done = token_.empty() ? renew() : std::expected<void, Failure>(); !done) return failed(done.error());
    auto answer = question(token_);
    if (answer || answer.error().fault.verdict != signaling::Verdict::kTokenRefused) return answer;
    if (auto done = renew(); !done) return failed(done.error());
    return question(token_);
  }

  /// Gets another token than the last one. Failure: kNotAuthorised when the hub refuses this device, kHubUnreachable.
  std::expected<void, Failure> renew();
  /// The last one; empty before the first.
  const std::string& token() const { return token_; }

 private:
  static std::unexpected<host::ApiFailure> failed(const Failure& failure);
  std::expected<void, Failure> exchange();

  net::Loop& loop_;
  const host::ConfigFolder& folder_;
  host::Device& device_;
  std::string token_;
};

}  // namespace bamgate::cli
