// Where tests find files of the project: recorded wires and pages of the documentation.
#pragma once

#include <filesystem>
#include <string_view>

namespace bamgate::testing {

/// The folder that holds src, tests and docs.
std::filesystem::path source_tree();

/// The file of this name in tests/vectors.
std::filesystem::path vector_file(std::string_view name);

}  // namespace bamgate::testing
