#include "host/hub_backup.h"

#include <algorithm>
#include <csignal>
#include <vector>

#include "core/encoding.h"
#include "host/hub_database.h"
#include "host/tar.h"
#include "net/clock.h"
#include "os/file.h"
#include "os/native_crypto.h"

namespace bamgate::host {
namespace {

constexpr std::size_t kMaxBackup = std::size_t{1} << 30;
constexpr std::size_t kMaxPlainFile = 256 * 1024;
constexpr std::string_view kSums = "SHA256SUMS";
constexpr std::string_view kDatabase = "hub.db";
// Restored files wait under these names, in the data folder so that they belong to its owner, until all are there.
constexpr std::string_view kWaiting = "restored-";
// Held by the one restore that is at work.
constexpr std::string_view kTurn = "restore.lock";

struct Known {
  std::string_view name;
  std::uint32_t mode;
};
// The database is the last one to get its place: a folder with it is whole.
constexpr Known kFiles[] = {{"hub-key.pem", 0600}, {"hub-cert.pem", 0644}, {"hub.json", 0644}, {kDatabase, 0600}};

using Members = std::vector<TarMember>;

const TarMember* find(const Members& members, std::string_view name) {
  const auto found = std::ranges::find(members, name, &TarMember::name);
  return found == members.end() ? nullptr : &*found;
}

/// "HEX  NAME" lines over all of `members` but the sums themselves.
std::string sums_of(const Members& members) {
  os::NativeCrypto crypto;
  std::string text;
  for (const TarMember& member : members) {
    if (member.name == kSums) continue;
    text += to_hex(crypto.sha256({as_bytes(member.content)})) + "  " + member.name + "\n";
  }
  return text;
}

std::expected<Members, std::string> read_backup(const std::filesystem::path& file) {
  const auto text = os::read_file(file, kMaxBackup);
  if (!text) return std::unexpected(text.error().text);
  const auto refuse = [&](const std::string& why) {
    return std::unexpected("cannot use " + file.string() + ": " + why + "; nothing was changed. Take another backup");
  };
  auto members = read_tar(*text);
  if (!members) return refuse("it is no backup of a hub, or it is damaged: " + members.error());
  const TarMember* sums = find(*members, kSums);
  if (sums == nullptr || find(*members, kDatabase) == nullptr) return refuse("it is no backup of a hub");
  if (sums->content != sums_of(*members)) return refuse("it is damaged: its checksums do not agree");
  const bool all_known = std::ranges::all_of(*members, [](const TarMember& member) {
    return member.name == kSums || std::ranges::find(kFiles, member.name, &Known::name) != std::end(kFiles);
  });
  if (!all_known) return refuse("it holds files that are not a hub's");
  return members;
}

/// A folder in which there is nothing to lose.
bool is_vacant(const std::filesystem::path& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name != "hub.lock" && name != "hub.sock" && name != kTurn && !name.starts_with(kWaiting)) return false;
  }
  return true;
}

std::filesystem::path waiting_in(const std::filesystem::path& folder, std::string_view name) {
  return folder / std::string(kWaiting).append(name);
}

/// What SQLite puts beside a database and, once it is closed, is not needed.
void remove_beside(const std::filesystem::path& database) {
  std::error_code ignored;
  for (const char* end : {"-wal", "-shm"}) std::filesystem::remove(database.string() + end, ignored);
}

void remove_waiting(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const Known& known : kFiles) std::filesystem::remove(waiting_in(folder, known.name), ignored);
  remove_beside(waiting_in(folder, kDatabase));
}

/// Puts the files of `members` into the folder and looks whether the database among them is sound.
std::expected<void, std::string> unpack(const Members& members, const std::filesystem::path& folder) {
  remove_waiting(folder);
  for (const Known& known : kFiles) {
    const TarMember* member = find(members, known.name);
    if (member == nullptr) continue;
    const auto written = os::write_file_atomically(waiting_in(folder, known.name), member->content, known.mode);
    if (!written) return std::unexpected(written.error().text);
  }
  if (const auto opened = open_hub_database(waiting_in(folder, kDatabase)); !opened) {
    return std::unexpected("the database in the backup cannot be used: " + opened.error());
  }
  remove_beside(waiting_in(folder, kDatabase));
  return {};
}

/// Gives each file its place; what the backup does not have goes.
std::expected<void, std::string> move_in(const std::filesystem::path& folder) {
  std::error_code error;
  // The log of the old database must never be read into the new one.
  remove_beside(folder / kDatabase);
  std::filesystem::remove(folder / kHubBegun, error);
  for (const Known& known : kFiles) {
    const auto from = waiting_in(folder, known.name);
    if (std::filesystem::exists(from, error)) {
      std::filesystem::rename(from, folder / known.name, error);
    } else {
      std::filesystem::remove(folder / known.name, error);
    }
    if (error) return std::unexpected("cannot write " + (folder / known.name).string() + ": " + error.message());
  }
  if (const auto synced = os::sync_directory(folder); !synced) return std::unexpected(synced.error().text);
  return {};
}

/// True when a hub in this folder may go on with the certificate that it has.
bool same_identity(const Members& members, const std::filesystem::path& folder) {
  const auto own = os::read_file(folder / kFiles[0].name, kMaxPlainFile);
  const TarMember* other = find(members, kFiles[0].name);
  if (own && other != nullptr)
    return own->size() == other->content.size() && constant_time_equal(as_bytes(*own), as_bytes(other->content));
  return other == nullptr && !own && own.error().code == os::Error::kNotFound;
}

/// Makes the database of a hub that runs what the waiting one holds, and tells the hub.
std::expected<void, std::string> replace_database(const HubFolder& folder) {
  auto waiting = open_hub_database(waiting_in(folder.path(), kDatabase));
  if (!waiting) return std::unexpected(waiting.error());
  auto database = os::Sqlite::open(folder.database().string());
  if (!database)
    return std::unexpected("cannot open " + folder.database().string() + ": " + database.error().to_string());
  if (const auto done = database->become(*waiting); !done) {
    return std::unexpected("cannot write " + folder.database().string() + ": " + done.error().to_string() +
                           "; nothing was changed");
  }
  if (const auto named = folder.name_network(network_of(*waiting)); !named) return named;
  const auto holder = os::FileLock::holder(folder.lock());
  if (holder && (holder->process <= 0 || kill(holder->process, SIGUSR1) != 0)) {
    return std::unexpected("the database is restored, but the hub that runs cannot be told: restart it");
  }
  return {};
}

}  // namespace

std::expected<void, std::string> back_up_hub(const HubFolder& folder, const std::filesystem::path& file) {
  if (!std::filesystem::exists(folder.database())) {
    return std::unexpected("there is no hub in " + folder.path().string() + ": name its data folder with --data");
  }
  auto database = open_database_of(folder);
  if (!database) return std::unexpected(database.error());
  auto snapshot = database->snapshot();
  if (!snapshot) return std::unexpected("cannot read the hub's database: " + snapshot.error().to_string());
  Members members;
  for (const Known& known : kFiles) {
    if (known.name == kDatabase) {
      members.push_back({std::string(known.name), known.mode, std::move(*snapshot)});
      continue;
    }
    auto content = os::read_file(folder.path() / known.name, kMaxPlainFile);
    if (content) members.push_back({std::string(known.name), known.mode, std::move(*content)});
    if (!content && content.error().code != os::Error::kNotFound) return std::unexpected(content.error().text);
  }
  members.push_back({std::string(kSums), 0644, sums_of(members)});
  const auto written = os::create_file_atomically(file, write_tar(members, net::unix_now().seconds), 0600);
  if (written) return {};
  const bool exists = written.error().code == os::Error::kExists;
  return std::unexpected(written.error().text + (exists ? "; a backup replaces nothing: name another file" : ""));
}

std::expected<bool, std::string> restore_hub(const HubFolder& folder, const std::filesystem::path& file, bool force) {
  const auto members = read_backup(file);
  if (!members) return std::unexpected(members.error());
  if (const auto made = folder.create(); !made) return std::unexpected(made.error());
  if (!force && !is_vacant(folder.path())) {
    return std::unexpected(folder.path().string() +
                           " is not empty; to replace the hub in it, say --force (and perhaps back it up first)");
  }
  const auto turn = os::FileLock::acquire(folder.path() / kTurn);
  if (!turn) return std::unexpected("another restore is at work: " + turn.error().text);
  const auto lock = os::FileLock::acquire(folder.lock());
  if (!lock && lock.error().code != os::Error::kBusy) return std::unexpected(lock.error().text);
  if (!lock && !same_identity(*members, folder.path())) {
    return std::unexpected("the backup has another certificate than the hub that runs; stop the hub first: " +
                           lock.error().text);
  }
  if (const auto unpacked = unpack(*members, folder.path()); !unpacked) {
    remove_waiting(folder.path());
    return std::unexpected(unpacked.error() + "; nothing was changed");
  }
  const auto done = lock ? move_in(folder.path()) : replace_database(folder);
  remove_waiting(folder.path());
  if (!done) return std::unexpected(done.error());
  return !lock;
}

}  // namespace bamgate::host
