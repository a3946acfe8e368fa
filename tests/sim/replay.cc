#include "sim/replay.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#if __has_include(<sanitizer/common_interface_defs.h>)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#define BAMGATE_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BAMGATE_SANITIZED
#endif
#endif

namespace bamgate::sim {
namespace {

std::uint64_t number_or_throw(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw std::invalid_argument("BAMGATE_SEEDS is FIRST-LAST or one number");
  }
  return value;
}

std::pair<std::uint64_t, std::uint64_t> range(std::uint64_t usual) {
  const char* chosen = std::getenv("BAMGATE_SEEDS");
  if (chosen == nullptr || *chosen == '\0') return {1, usual};
  const std::string_view text = chosen;
  const std::size_t dash = text.find('-');
  const std::uint64_t first = number_or_throw(text.substr(0, dash));
  return {first, dash == std::string_view::npos ? first : number_or_throw(text.substr(dash + 1))};
}

// Read by a signal handler, therefore no string.
std::array<char, 512> command_on_crash{};

void print_command() {
  if (command_on_crash[0] == '\0') return;
  for (const char* text : {"\nto run this again: ", static_cast<const char*>(command_on_crash.data()), "\n"}) {
    if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
  }
}

#ifdef BAMGATE_SANITIZED
void catch_crashes() { __sanitizer_set_death_callback(print_command); }
#else
void on_signal(int signal) {
  print_command();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void catch_crashes() {
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL}) std::signal(signal, on_signal);
}
#endif

}  // namespace

std::vector<std::uint64_t> seeds(std::uint64_t usual) {
  const auto [first, last] = range(usual);
  std::vector<std::uint64_t> all;
  for (std::uint64_t seed = first; seed <= last; ++seed) all.push_back(seed);
  return all;
}

std::uint64_t first_seed() { return range(1).first; }

std::string seed_name(const ::testing::TestParamInfo<std::uint64_t>& info) {
  return "Seed" + std::to_string(info.param);
}

std::string replay_command(std::uint64_t seed) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  if (test == nullptr) return {};
  const std::string number = std::to_string(seed);
  const std::string suite = test->test_suite_name();
  const std::string name = test->name();
  const bool disabled = name.starts_with("DISABLED_");
  return "BAMGATE_SEEDS=" + number + '-' + number + " build/release/tests/test_scenario" +
         (disabled ? " --gtest_also_run_disabled_tests" : "") + " --gtest_filter='" + suite + '.' + name + '\'';
}

void arm_replay(std::uint64_t seed) {
  const std::string command = replay_command(seed);
  command_on_crash.fill('\0');
  command.copy(command_on_crash.data(), command_on_crash.size() - 1);
  catch_crashes();
}

void disarm_replay() { command_on_crash.fill('\0'); }

}  // namespace bamgate::sim
