// The manual page bamgate(1), written from the same description of commands and options that --help shows.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace bamgate::cli {

/// The page in the language of man(7).
std::string man_page(const CLI::App& app);

}  // namespace bamgate::cli
