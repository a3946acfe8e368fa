// bamgate hub rotate-keys: a new key signs access tokens from now on, also in a hub that runs.
#include <cstdio>

#include "cli/commands.h"
#include "host/hub_database.h"
#include "host/hub_folder.h"
#include "host/hub_sql.h"
#include "hub/hub.h"
#include "net/clock.h"
#include "os/native_crypto.h"
#include "os/random.h"

namespace bamgate::cli {

ExitCode run_hub_rotate_keys(const HubRotateKeysArguments& arguments) {
  const host::HubFolder folder(arguments.data);
  // Opening the database would make one where none is.
  if (const auto address = folder.read_address(); !address) return fail(ExitCode::kFailed, address.error());
  auto database = host::open_database_of(folder);
  if (!database) return fail(ExitCode::kFailed, database.error());
  host::HubSql sql(std::move(*database));
  os::NativeCrypto crypto;
  os::SystemRandom random;
  const auto hub = hub::Hub::create({}, sql, crypto, random, net::now(), net::unix_now());
  if (!hub) return fail(ExitCode::kFailed, sql.explain(hub::to_string(hub.error())));
  const auto kid = (*hub)->rotate_signing_key(net::now(), net::unix_now());
  if (!kid) return fail(ExitCode::kFailed, sql.explain(hub::to_string(kid.error())));
  std::fprintf(stderr,
               "the hub in %s signs access tokens with the new key %s; tokens of the key before end within an hour\n",
               arguments.data.c_str(), kid->c_str());
  return ExitCode::kDone;
}

}  // namespace bamgate::cli
