// Places where a test may kill this process as a power cut would: BAMGATE_FAULT_POINT("name") stands before and after
// every step that must not be half done. It compiles to nothing unless CMake's option BAMGATE_FAULT_POINTS is on
// (preset `asan`), so the program that people run has no trace of it; tests/system/crash_sweep.sh proves that and
// drives it:
//
//   BAMGATE_FAULT=NAME:N        SIGKILL at the N-th passing of the point NAME; `any` counts the passings of all.
//                               With N = 0 nobody is killed, and each passing is a line of stderr
//   BAMGATE_FAULT_ARMED=FILE    passings count only while FILE exists; without it, from the start
#pragma once

#ifndef BAMGATE_FAULT_POINTS

#define BAMGATE_FAULT_POINT(name) static_cast<void>(0)

#else

#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace bamgate::os {

/// Counts this passing, and ends the process if it is the one.
inline void pass_fault_point(std::string_view name) {
  static const std::string_view wanted = [] {
    const char* text = std::getenv("BAMGATE_FAULT");
    return std::string_view(text == nullptr ? "" : text);
  }();
  static const char* const armed = std::getenv("BAMGATE_FAULT_ARMED");
  static long passings = 0;
  const std::size_t colon = wanted.find(':');
  if (colon == std::string_view::npos || (armed != nullptr && access(armed, F_OK) != 0)) return;
  const std::string_view which = wanted.substr(0, colon);
  if (which != "any" && which != name) return;
  long nth = 0;
  std::from_chars(wanted.data() + colon + 1, wanted.data() + wanted.size(), nth);
  if (nth == 0) std::fprintf(stderr, "passed %.*s\n", static_cast<int>(name.size()), name.data());
  if (++passings != nth) return;
  std::fprintf(stderr, "killed at %.*s\n", static_cast<int>(name.size()), name.data());
  kill(getpid(), SIGKILL);
}

}  // namespace bamgate::os

#define BAMGATE_FAULT_POINT(name) ::bamgate::os::pass_fault_point(name)

#endif
