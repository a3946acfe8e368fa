// What may answer in the hub's place: nothing in it reaches a terminal, and what is not the hub's means nothing.
#include "signaling/hub_answer.h"
#include "core/utf8.h"
#include "support/decoder.h"
#include "support/require.h"

using namespace bamgate;
using fuzz::require;
using signaling::Verdict;

namespace {

bool is_plain(std::string_view text) {
  for (const char c : text) {
    if ((c >= 0 && c < ' ') || c == '\x7f') return false;
  }
  return is_utf8(text) && text.find("\xe2\x80\xae") == text.npos && text.size() < 2000;
}

void check(const signaling::HubFault& fault, bool proven) {
  require(is_plain(fault.text), "what is said is safe for a terminal, and short");
  require(!fault.text.empty(), "every fault says what answered");
  require(!fault.code.empty() || fault.verdict == Verdict::kUnreachable, "a stranger's answer means nothing");
  require(proven || fault.verdict != Verdict::kGone, "nobody unproven ends a device");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  const int status = input.u16() % 600;
  const bool proven = input.below(2) == 0;
  const auto type = std::string(input.text());
  const bool json = input.flag();
  const auto body = std::string(as_text(input.rest()));
  const signaling::HttpAnswer answer{status, json ? "application/json" : std::string_view(type), body};
  const auto read = signaling::read_hub_answer(answer, proven);
  if (!read) check(read.error(), proven);
  check(signaling::read_upgrade_refusal(answer, proven), proven);
  return 0;
}
