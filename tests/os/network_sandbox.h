// Runs a piece of a test in an empty network namespace, so that it may make interfaces and routes without harm.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <thread>

namespace bamgate::testing {

/// Runs `body` in a thread of its own with a network namespace of its own (a namespace belongs to a thread), which ends
/// with it. Fails the test when that is not allowed.
inline void in_empty_network(const std::function<void()>& body) {
  std::thread thread([&] {
    if (unshare(CLONE_NEWNET) != 0) {
      ADD_FAILURE() << "cannot make a network namespace: " << std::strerror(errno) << "; run this test as root";
      return;
    }
    body();
  });
  thread.join();
}

}  // namespace bamgate::testing
