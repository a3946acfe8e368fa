#include "cli/failure.h"

#include <utility>

namespace bamgate::cli {

std::unexpected<Failure> refuse(const os::OsError& error) {
  return std::unexpected(Failure{ExitCode::kFailed, error.text});
}

std::unexpected<Failure> usage(std::string text) { return std::unexpected(Failure{ExitCode::kUsage, std::move(text)}); }

}  // namespace bamgate::cli
