// QR codes on a terminal.
#pragma once

#include <string>

namespace bamgate::cli {

/// Prints `text` as a QR code to stderr, so that stdout stays one line for scripts.
void print_qr(const std::string& text);

}  // namespace bamgate::cli
