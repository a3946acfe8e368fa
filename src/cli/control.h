// Questions to a running agent through its control socket: one JSON line {"ask":"…"}, one JSON line back.
//   status   the object of `bamgate status --json`
//   token    {"access_token":"…"}, for commands that talk to the hub, or {"why":"…","code":"…"}: what the hub said,
//   with an
//            empty code when it said nothing; with "refused": a token that the hub did not take
//   trust    (with "name") {"done":"…"}: what has become of that device's key
//   down     {"ok":true} when the agent has taken everything down
#pragma once

#include <expected>
#include <string_view>

#include "host/config_folder.h"
#include "json/value.h"
#include "net/loop.h"

namespace bamgate::cli {

/// Failure: kNotRunning when no agent runs on this folder, kFailed otherwise.
/// `details`: further fields of the question.
std::expected<json::Value, Failure> ask_agent(net::Loop& loop, const host::ConfigFolder& folder,
                                              std::string_view question, json::Object details = {});

}  // namespace bamgate::cli
