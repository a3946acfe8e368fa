#include "hub/addresses_given.h"

#include <vector>

#include "hub/addresses.h"

namespace bamgate::hub {
namespace {

std::optional<std::uint32_t> choose_host(Database& database, const IpPrefix& subnet) {
  std::vector<std::uint32_t> given;
  for (const Row& row : database.run("SELECT host FROM addresses ORDER BY host")) {
    given.push_back(static_cast<std::uint32_t>(row.integer(0)));
  }
  // What cannot be read must not look as if nothing had been given.
  if (database.failed()) return std::nullopt;
  if (const auto fresh = lowest_free_host(subnet, given)) return fresh;
  const auto rested = database.one("SELECT host FROM addresses WHERE rest IS NOT NULL AND host <= ?1 ORDER BY rest",
                                   std::int64_t{last_host(subnet)});
  if (!rested) return std::nullopt;
  return static_cast<std::uint32_t>(rested->integer(0));
}

}  // namespace

std::optional<std::uint32_t> take_host(Database& database, const IpPrefix& subnet) {
  const auto host = choose_host(database, subnet);
  if (host) database.run("INSERT OR REPLACE INTO addresses(host, rest) VALUES(?1, NULL)", std::int64_t{*host});
  return host;
}

void rest_host(Database& database, std::uint32_t host) {
  // A number, not a time: two that were revoked in one second, or by a clock that jumped, keep their order.
  database.run("UPDATE addresses SET rest = (SELECT COALESCE(MAX(rest), 0) + 1 FROM addresses) WHERE host = ?1",
               std::int64_t{host});
}

}  // namespace bamgate::hub
