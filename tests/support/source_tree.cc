#include "support/source_tree.h"

namespace bamgate::testing {

// The one file that is compiled with an absolute path in it: all others are the same in every clone.
std::filesystem::path source_tree() { return BAMGATE_SOURCE_TREE; }

std::filesystem::path vector_file(std::string_view name) { return source_tree() / "tests" / "vectors" / name; }

}  // namespace bamgate::testing
