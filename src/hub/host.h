// What the hub needs of its host: Sql keeps what must outlive it (SQLite natively, the SQLite of a Durable Object in
// the Worker), Fetch asks another server. The other ports are core's: Crypto, Random, and time as an argument. Left
// out: PRAGMA, BEGIN and user_version (a Durable Object refuses them; the schema version is a table, migrations.h); of
// HTTP requests everything but GET.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/secret_text.h"
#include "core/time.h"
#include "hub/http.h"

namespace bamgate::hub {

/// NULL, INTEGER, TEXT or BLOB. There are no floating point numbers in the hub's database.
using SqlValue = std::variant<std::monostate, std::int64_t, std::string, std::vector<std::byte>>;
/// The columns of one row, from left to right.
using SqlRow = std::vector<SqlValue>;

/// A synchronous SQL database (SQLite 3.35 or newer: RETURNING is used).
class Sql {
 public:
  virtual ~Sql() = default;

  /// Runs one statement to its end and returns its rows (none for a statement that returns nothing).
  /// `parameters` are bound to ?1, ?2 …, at most 100. nullopt when the statement failed; then it had no effect.
  virtual std::optional<std::vector<SqlRow>> execute(std::string_view statement,
                                                     std::span<const SqlValue> parameters) = 0;

  /// Calls `body` once within a transaction: commits what it did when it returns true, takes it back when it returns
  /// false. Returns true when it was committed, and durably so. Not nested. `body` does not throw.
  virtual bool transaction(const std::function<bool()>& body) = 0;
};

/// One HTTP GET for the host to make (an effect, effect.h): with TLS and the system's authorities when the URL says
/// https, without following redirects. Its outcome goes to Hub::on_fetched() with the number of the request that waits
/// for it; the hub forgets it after `timeout` whatever the host does.
struct Fetch {
  RequestId request{};
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  SecretText bearer;  // the credentials of a field "Authorization: Bearer …"; never to be logged
  Duration timeout{};
  std::size_t max_body = 0;  // bytes of the reply's body
};

struct FetchReply {
  int status = 0;
  std::string body;
};

/// The reply, whatever its status, or why there is none: a sentence for the log, without secrets.
using FetchResult = std::expected<FetchReply, std::string>;

}  // namespace bamgate::hub
