// Seeds of scenario tests, and how to run a failed one again: one command, the same run to the last byte.
// BAMGATE_SEEDS=FIRST-LAST (or one number) chooses other seeds than the usual ones.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace bamgate::sim {

/// Those of BAMGATE_SEEDS, otherwise 1 to `usual`.
std::vector<std::uint64_t> seeds(std::uint64_t usual);
/// The first of them, for tests that are too long for many.
std::uint64_t first_seed();
/// Names a test after its seed, whichever others run: the fourth argument of INSTANTIATE_TEST_SUITE_P.
std::string seed_name(const ::testing::TestParamInfo<std::uint64_t>& info);

/// What runs the present test with this seed alone, from the root of the repository.
std::string replay_command(std::uint64_t seed);
/// From now on a crash prints the command for this seed too.
void arm_replay(std::uint64_t seed);
/// A crash means nothing any more.
void disarm_replay();

}  // namespace bamgate::sim
