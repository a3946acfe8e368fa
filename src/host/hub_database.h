// Opens the hub's database with the checks that a person is told about: is it there, is it whole.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>

#include "host/hub_folder.h"
#include "os/sqlite.h"

namespace bamgate::host {

enum class NoDatabase : std::uint8_t {
  kRefuse,  // whoever asks a hub for something must not make an empty one
  kMake,    // a start of the hub, after HubFolder::check()
};

/// Opens the database; refuses one that is damaged (PRAGMA quick_check). `otherwise`: what to do when it is missing, is
/// empty or holds no table, as hub.db does without the log beside it. The error is a sentence that says what to do.
std::expected<os::Sqlite, std::string> open_hub_database(const std::filesystem::path& path,
                                                         NoDatabase otherwise = NoDatabase::kRefuse);

/// For every command that works on the database of a hub: what open_hub_database() refuses, and a database that is not
/// the one which hub.json names. hub.db stays as it is.
std::expected<os::Sqlite, std::string> open_database_of(const HubFolder& folder);

/// True for a database in which there is not one table. One that cannot be read is not said to be that.
bool holds_nothing(os::Sqlite& database);
/// The id of its network; empty where it has none, or cannot be read.
std::string network_of(os::Sqlite& database);

}  // namespace bamgate::host
