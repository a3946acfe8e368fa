// What a lab tool shows: one line for each step of a protocol as it happens, with the section of the RFC that asks for
// it, for people or (--json) as one JSON object a line.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "core/time.h"
#include "inspect/describe.h"
#include "json/value.h"

namespace bamgate::lab {

enum class StepKind : std::uint8_t {
  kSent,      // ->  a message left
  kReceived,  // <-  a message came
  kEvent,     //  *  what became of the protocol
  kDropped,   //  !  a message that was not accepted
  kResult,    //  =  what was found out
};

class Steps {
 public:
  /// `out` is stderr where stdout carries the peer's data.
  Steps(std::FILE* out, bool json);

  /// `extra` are further fields of the JSON form.
  void say(StepKind kind, const inspect::Description& step, json::Object extra = {});
  /// A message that left or came: " to ENDPOINT" or " from ENDPOINT" is added.
  void message(StepKind kind, const std::string& endpoint, const inspect::Description& step);

 private:
  std::FILE* out_;
  bool json_;
  Instant begin_;
};

}  // namespace bamgate::lab
