// What `bamgate setup` has to know from a person: the join string and the device's name. On a terminal it asks, and
// asks again after an answer that is of no use; otherwise a bad answer ends the command.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "config/config.h"
#include "config/join_string.h"
#include "os/failure.h"

namespace bamgate::cli {

/// What this machine was before, where it was a device.
using Before = std::optional<config::Config>;

/// True when a person answers questions: the join string was not given.
bool asks(const SetupArguments& arguments);

/// Refuses a --name that is none, before anything is asked.
std::expected<void, Failure> check_name(const SetupArguments& arguments);

/// The one that was given, or from standard input ("-"), or what a person answers. Warns when it has no fingerprint
/// although nobody certifies its host.
std::expected<config::JoinString, Failure> read_join_string(const SetupArguments& arguments, const Before& before);

/// --name, or what a person answers, or the name from before, or the host's. `refused`: the hub did not take that one.
std::expected<std::string, Failure> choose_name(const SetupArguments& arguments, const Before& before,
                                                const std::string& refused = "");

}  // namespace bamgate::cli
