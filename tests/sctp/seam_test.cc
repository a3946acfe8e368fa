// The library behind the engine is named only where it is used: its files, the list of engines, the programs' roots.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/source_tree.h"

namespace bamgate::sctp {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLibrary = "usrsctp";
// Folders and files, by the beginning of their path. The roots that compose a whole program choose what it is made of.
constexpr std::array<std::string_view, 6> kAllowed{
    "src/sctp/usrsctp_", "src/host/", "src/lab/", "tests/sim/", "tests/sctp/engines.h", "tests/sctp/usrsctp_"};

bool allowed(const std::string& path) {
  return path == "tests/sctp/seam_test.cc" ||
         std::ranges::any_of(kAllowed, [&](std::string_view prefix) { return path.starts_with(prefix); });
}

std::string lower_case_content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

TEST(SctpSeam, NoFileOutsideTheEngineNamesItsLibrary) {
  const fs::path root = bamgate::testing::source_tree();
  std::size_t files = 0;
  std::size_t inside = 0;
  for (const char* folder : {"src", "tests", "fuzz", "bench"}) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      if (!entry.is_regular_file() || (extension != ".h" && extension != ".cc")) continue;
      ++files;
      if (!lower_case_content(entry.path()).contains(kLibrary)) continue;
      const std::string path = entry.path().lexically_relative(root).generic_string();
      EXPECT_TRUE(allowed(path)) << path;
      if (path.starts_with("src/sctp/")) ++inside;
    }
  }
  EXPECT_GT(files, 100U);
  EXPECT_GE(inside, 6U) << "the search finds nothing";
}

}  // namespace
}  // namespace bamgate::sctp
