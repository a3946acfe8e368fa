#include "hub/signing_keys.h"

#include <array>
#include <cstdint>
#include <optional>

#include "core/encoding.h"

namespace bamgate::hub {

std::string add_signing_key(Database& database, Random& random, UnixTime lived) {
  std::array<std::byte, 8> name{};
  random.fill(name);
  const auto secret = random_secret<32>(random);
  std::string kid = to_hex(name);
  database.run("INSERT INTO signing_keys(kid, secret, created_at) VALUES(?1, ?2, ?3)", kid, blob(secret.bytes()),
               lived.seconds);
  return kid;
}

std::vector<SigningKey> signing_keys(Database& database, UnixTime lived) {
  std::vector<SigningKey> keys;
  std::optional<std::int64_t> successor_at;
  // By the order in which they were made: the clock may have been wrong meanwhile.
  for (const Row& row : database.run("SELECT kid, secret, created_at FROM signing_keys ORDER BY rowid DESC")) {
    const bool ended = successor_at && *successor_at + kAccessTokenLifetime <= lived.seconds;
    if (!ended && row.blob(1).size() == 32) keys.push_back({row.text(0), Secret<32>(row.blob(1).first<32>())});
    successor_at = row.integer(2);
  }
  return keys;
}

void remove_ended_signing_keys(Database& database, UnixTime lived) {
  database.run(
      "DELETE FROM signing_keys WHERE (SELECT next.created_at FROM signing_keys AS next"
      " WHERE next.rowid > signing_keys.rowid ORDER BY next.rowid LIMIT 1) <= ?1",
      lived.seconds - kAccessTokenLifetime);
}

}  // namespace bamgate::hub
