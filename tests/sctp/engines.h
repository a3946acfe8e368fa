// The engines that the tests of this folder run over; the only file here that says which there are.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/random.h"
#include "sctp/engine.h"
#include "sctp/usrsctp_runtime.h"

namespace bamgate::sctp::testing {

struct Usrsctp {
  static constexpr const char* kName = "Usrsctp";
  static std::unique_ptr<EngineFactory> make(Random& random) { return UsrsctpRuntime::create(random).value(); }
};

using Engines = ::testing::Types<Usrsctp>;

/// Names the instances of typed tests.
struct EngineName {
  template <typename Engine>
  static std::string GetName(int) {
    return Engine::kName;
  }
};

}  // namespace bamgate::sctp::testing
