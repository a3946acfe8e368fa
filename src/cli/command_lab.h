// `bamgate lab` on the command line; its tools are a room of their own (lab/lab.h).
#pragma once

#include <functional>

#include "net/capture.h"
#include "os/failure.h"

namespace CLI {
class App;
}

namespace bamgate::cli {

/// Adds `lab` and its tools to the program; the one that is chosen is put into `run`.
void add_lab(CLI::App& app, std::function<ExitCode()>& run);
/// The options of every command that writes captures: --pcap and --keylog.
void add_capture_options(CLI::App& command, net::CaptureFiles& files);

}  // namespace bamgate::cli
