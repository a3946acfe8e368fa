// Whose answer an HTTP reply is. Between a device and its hub there are proxies, captive portals and load balancers,
// and they answer too: with pages, redirects, and JSON of their own. Only what has the form of protocol.md ("HTTP API")
// is the hub's word: JSON, said to be JSON, and, where it refuses, with one of the hub's codes and that code's status.
// All else is a passing fault, told by what answered. Every command and the agent read replies through this.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "json/value.h"

namespace bamgate::signaling {

/// What an answer, or none, means for this device.
enum class Verdict : std::uint8_t {
  kUnreachable,   // nobody answered, or somebody who is not the hub: it passes
  kBusy,          // the hub asks for patience, or has a fault of its own
  kTokenRefused,  // the hub refuses the access token: another one will do
  kRefused,       // the hub refuses this request, and would refuse it again
  kExpired,       // the refresh token's time is over: an administrator may renew it
  kSuperseded,    // the hub knows neither refresh token: they were used elsewhere
  kGone,          // the hub does not know this device any more: the only end for good
};

/// An answer that is no success.
struct HubFault {
  Verdict verdict = Verdict::kUnreachable;
  std::string text = {};  // a sentence's worth for people; safe for a terminal
  std::string code = {};  // the hub's; empty when it is not the hub that answered
  int status = 0;         // of HTTP; 0: nobody answered
  bool operator==(const HubFault&) const = default;
};

/// An HTTP reply as it came. Views, valid during the call.
struct HttpAnswer {
  int status = 0;
  std::string_view content_type;
  std::string_view body;
};

/// No answer is read beyond this.
inline constexpr std::size_t kMaxHubAnswer = 1024 * 1024;

/// The body of a success (200): an object. `proven`: the connection has shown by a pinned key or an accepted
/// certificate that it is the hub's; without, kGone is not believed and counts as kRefused.
std::expected<json::Value, HubFault> read_hub_answer(const HttpAnswer& answer, bool proven);

/// The fault of an answer to the upgrade of GET /connect that was not 101. A request that the hub cannot understand was
/// changed on its way: a proxy took its Upgrade field away, say. That passes.
HubFault read_upgrade_refusal(const HttpAnswer& answer, bool proven);

/// The fault of an answer that is not the hub's: "something that is not the hub answered with status 401, text/html,
/// "Log in to the guest network"".
HubFault not_the_hub(const HttpAnswer& answer);

/// The first words of a page or a text, at most 80 bytes, without markup, control characters and what turns the
/// direction of text round. Empty when there are none.
std::string first_words(std::string_view body);

}  // namespace bamgate::signaling
