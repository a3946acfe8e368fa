// Whether a data folder is a whole hub, a new one, or what is left of one.
#include <string>
#include <vector>

#include "core/encoding.h"
#include "host/hub_database.h"
#include "host/hub_folder.h"
#include "os/file.h"
#include "os/sqlite.h"

namespace bamgate::host {
namespace {

constexpr std::size_t kMaxPem = 64 * 1024;

enum class Part : std::uint8_t { kMissing, kEmpty, kThere };

Part look_at(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return Part::kMissing;
  const auto size = std::filesystem::file_size(file, error);
  return !error && size == 0 ? Part::kEmpty : Part::kThere;
}

/// "is missing" or "is empty"; nothing of a file that is there.
void note(std::vector<std::string>& lost, const std::filesystem::path& file) {
  const Part part = look_at(file);
  if (part == Part::kMissing) lost.push_back(file.filename().string() + " is missing");
  if (part == Part::kEmpty) lost.push_back(file.filename().string() + " is empty");
}

/// Is the database there, and the one that hub.json names? One that cannot be read is for open_hub_database() to
/// refuse.
void note_database(std::vector<std::string>& lost, const HubFolder& folder,
                   const std::expected<HubAddress, std::string>& before) {
  if (look_at(folder.database()) != Part::kThere) return note(lost, folder.database());
  auto opened = os::Sqlite::open(folder.database().string());
  if (!opened) return;
  const std::string name = folder.database().filename().string();
  if (holds_nothing(*opened)) return lost.push_back(name + " holds nothing");
  if (!before || before->network.empty() || before->network == network_of(*opened)) return;
  lost.push_back(name + " is another hub's (" + folder.address().filename().string() + " names another network)");
}

/// Key and certificate, by which devices know the hub. `before`: what hub.json says; its fingerprint is empty when the
/// hub had none of its own.
void note_identity(std::vector<std::string>& lost, const HubFolder& folder,
                   const std::expected<HubAddress, std::string>& before) {
  const bool none = look_at(folder.key()) == Part::kMissing && look_at(folder.certificate()) == Part::kMissing;
  const std::string fingerprint = before ? before->fingerprint : "";
  if (none && before && fingerprint.empty()) return;
  const std::size_t found = lost.size();
  note(lost, folder.key());
  note(lost, folder.certificate());
  if (lost.size() > found || fingerprint.empty()) return;
  const auto text = os::read_file(folder.certificate(), kMaxPem);
  const auto digest = text ? net::spki_sha256(*text) : net::Result<Sha256Digest>(net::fail(net::Error::kInvalid, ""));
  if (digest && to_base64url(*digest) == fingerprint) return;
  lost.push_back(folder.certificate().filename().string() + " is not the certificate that devices know (" +
                 folder.address().filename().string() + " names another)");
}

bool has_nothing(const HubFolder& folder) {
  for (const auto& file :
       {folder.database(), folder.path() / "hub.db-wal", folder.key(), folder.certificate(), folder.address()}) {
    if (look_at(file) != Part::kMissing) return false;
  }
  return true;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string refuse_lost(const HubFolder& folder, const std::vector<std::string>& lost) {
  const std::string data = folder.path().string();
  return "the hub in " + data + " has lost a part of its folder: " + joined(lost) +
         ". Started like this it would turn its devices away, so nothing was changed. Bring the last backup back with "
         "'bamgate hub restore FILE --force --data " +
         data + "'; who means a new hub, made with what is left, says 'bamgate hub --new'";
}

}  // namespace

std::expected<void, std::string> HubFolder::check(const HubStart& start) const {
  const bool vacant = has_nothing(*this);
  if (!vacant && look_at(begun()) == Part::kMissing) {
    std::vector<std::string> lost;
    const auto before = read_address();
    note_database(lost, *this, before);
    if (start.own_identity) note_identity(lost, *this, before);
    if (!before && !start.knows_url) {
      note(lost, address());
      if (look_at(address()) == Part::kThere) lost.push_back(address().filename().string() + " cannot be read");
    }
    if (!lost.empty() && !start.begin_new) return std::unexpected(refuse_lost(*this, lost));
    if (lost.empty() && start.begin_new) {
      return std::unexpected("there is a hub in " + path_.string() +
                             " already, and nothing of it is missing: start it "
                             "without --new, or name another folder with --data");
    }
    if (lost.empty()) return {};
  }
  // From here until settle() what is missing may be made, also by the next start if this one is broken off.
  const auto written = os::write_file_atomically(begun(), "", 0600);
  if (!written) return std::unexpected(written.error().text);
  return {};
}

std::expected<void, std::string> HubFolder::settle() const {
  std::error_code error;
  if (!std::filesystem::remove(begun(), error) && !error) return {};
  if (error) return std::unexpected("cannot remove " + begun().string() + ": " + error.message());
  if (const auto synced = os::sync_directory(path_); !synced) return std::unexpected(synced.error().text);
  return {};
}

}  // namespace bamgate::host
