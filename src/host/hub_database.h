// Opens the hub's database with the checks that a person is told about: is it there, is it whole.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>

#include "os/sqlite.h"

namespace bamgate::host {

enum class NoDatabase : std::uint8_t {
  kRefuse,  // whoever asks a hub for something must not make an empty one
  kMake,    // a start of the hub, after HubFolder::check()
};

/// Opens the database; refuses one that is damaged (PRAGMA quick_check). `otherwise`: what to do when it is missing or
/// empty. The error is a sentence that says what to do.
std::expected<os::Sqlite, std::string> open_hub_database(const std::filesystem::path& path,
                                                         NoDatabase otherwise = NoDatabase::kRefuse);

}  // namespace bamgate::host
