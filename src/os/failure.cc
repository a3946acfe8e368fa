#include "os/failure.h"

#include <cstdio>
#include <utility>

namespace bamgate::os {

std::unexpected<Failure> refuse(const OsError& error) {
  return std::unexpected(Failure{ExitCode::kFailed, error.text});
}

std::unexpected<Failure> usage(std::string text) { return std::unexpected(Failure{ExitCode::kUsage, std::move(text)}); }

ExitCode fail(ExitCode code, std::string_view message) {
  std::fprintf(stderr, "bamgate: %.*s\n", static_cast<int>(message.size()), message.data());
  return code;
}

}  // namespace bamgate::os
