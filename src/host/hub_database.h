// Opens the hub's database with the checks that a person is told about: is it there, is it whole.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "os/sqlite.h"

namespace bamgate::host {

/// Opens the database, and makes it when there is none; refuses one that is damaged (PRAGMA quick_check). The error is
/// a sentence that says what to do.
std::expected<os::Sqlite, std::string> open_hub_database(const std::filesystem::path& path);

}  // namespace bamgate::host
