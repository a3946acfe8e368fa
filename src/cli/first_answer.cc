#include "cli/first_answer.h"

#include <chrono>

#include "cli/control.h"
#include "net/clock.h"

namespace bamgate::cli {
namespace {

constexpr auto kAnswerPatience = std::chrono::seconds(10);
constexpr auto kBetween = std::chrono::milliseconds(100);

}  // namespace

Heard await_first_answer(const host::ConfigFolder& folder, const std::function<bool()>& has_ended) {
  net::Loop loop;
  for (const Instant end = net::now() + kAnswerPatience; net::now() < end;) {
    const auto status = ask_agent(loop, folder, "status");
    if (!status && has_ended()) return {FirstAnswer::kEnded};
    const json::Value* hub = status ? status->find("hub") : nullptr;
    if (hub && hub->get_bool("connected").value_or(false)) return {FirstAnswer::kConnected};
    if (const std::string* why = hub ? hub->get_string("error") : nullptr) return {FirstAnswer::kRefused, *why};
    loop.run_until([] { return false; }, kBetween);
  }
  return {};
}

std::string first_answer_text(const std::string& who, const Heard& heard) {
  switch (heard.what) {
    case FirstAnswer::kConnected:
      return who + " and is connected to the hub";
    case FirstAnswer::kRefused:
      return who + ", but has no connection to the hub yet: " + heard.why +
             "; it goes on trying, and 'bamgate status' shows how it fares";
    case FirstAnswer::kNone:
      return who + ", but the hub has not answered yet; it goes on trying, and 'bamgate status' shows how it fares";
    case FirstAnswer::kEnded:
      return "it has ended again: " + (heard.why.empty() ? "'bamgate logs' shows why" : heard.why);
  }
  return who;
}

}  // namespace bamgate::cli
