#include "host/hub_database.h"

#include <utility>

namespace bamgate::host {
namespace {

std::string damaged(const std::filesystem::path& path, const std::string& what) {
  return path.string() + " is damaged (" + what +
         "); keep a copy of it, and bring back the last backup with 'bamgate hub restore FILE --force'";
}

constexpr const char* kBringBack = ": bring back the last backup with 'bamgate hub restore FILE --force'";

}  // namespace

std::expected<os::Sqlite, std::string> open_hub_database(const std::filesystem::path& path, NoDatabase otherwise) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (otherwise == NoDatabase::kRefuse && (error == std::errc::no_such_file_or_directory || (!error && size == 0))) {
    return std::unexpected(path.string() + (error ? " is missing" : " is empty") + kBringBack);
  }
  auto database = os::Sqlite::open(path.string());
  if (!database) {
    const os::SqlError& refused = database.error();
    if (refused.is_damage()) return std::unexpected(damaged(path, refused.message));
    return std::unexpected("cannot open " + path.string() + ": " + refused.to_string());
  }
  const auto checked = database->execute("PRAGMA quick_check(1)");
  if (!checked && !checked.error().is_damage()) {
    return std::unexpected("cannot check " + path.string() + ": " + checked.error().to_string());
  }
  if (!checked) return std::unexpected(damaged(path, checked.error().message));
  const auto* verdict =
      checked->empty() || checked->front().empty() ? nullptr : std::get_if<std::string>(&checked->front().front());
  if (verdict == nullptr) return std::unexpected(damaged(path, "it cannot be checked"));
  if (*verdict != "ok") return std::unexpected(damaged(path, verdict->substr(0, verdict->find('\n'))));
  if (holds_nothing(*database) && otherwise == NoDatabase::kRefuse) {
    return std::unexpected(path.string() + " holds nothing, as a copy without " + path.filename().string() +
                           "-wal does" + kBringBack);
  }
  return std::move(*database);
}

std::expected<os::Sqlite, std::string> open_database_of(const HubFolder& folder) {
  auto database = open_hub_database(folder.database());
  if (!database) return database;
  const auto address = folder.read_address();
  if (!address || address->network.empty() || address->network == network_of(*database)) return database;
  return std::unexpected(folder.database().string() + " is another hub's (" + folder.address().filename().string() +
                         " names another network)" + kBringBack);
}

bool holds_nothing(os::Sqlite& database) {
  const auto tables = database.execute("SELECT 1 FROM sqlite_master LIMIT 1");
  return tables && tables->empty();
}

std::string network_of(os::Sqlite& database) {
  const auto rows = database.execute("SELECT value FROM settings WHERE name = 'network_id'");
  if (!rows || rows->empty() || rows->front().empty()) return "";
  const auto* id = std::get_if<std::string>(&rows->front().front());
  return id == nullptr ? "" : *id;
}

}  // namespace bamgate::host
