#include "hub/pace.h"

#include <string>

#include "hub/client.h"

namespace bamgate::hub {

std::optional<HttpReply> refuse_over_pace(Context& context, RateLimit& limit, Instant now, std::string_view key) {
  const int wait = limit.take(now, key);
  if (wait == 0) return std::nullopt;
  ++context.counters.limited;
  return too_many("too_many_requests", "Too many requests from this address or device; wait.", wait);
}

std::optional<HttpReply> refuse_after_failures(Context& context, Instant now, const IpAddress& client) {
  const int wait = context.limits.failures.retry_after(now, client_key(client));
  if (wait == 0) return std::nullopt;
  ++context.counters.limited;
  return too_many("too_many_failures", "Too many failed attempts from this address; wait.", wait);
}

void count_failure(Context& context, Instant now, const IpAddress& client) {
  RateLimit& failures = context.limits.failures;
  const std::string key = client_key(client);
  failures.count(now, key);
  ++context.counters.refused_logins;
  if (failures.retry_after(now, key) > 0) {
    context.log(LogLevel::kWarning, "too_many_failures", {{"client", client_network(client)}});
  }
}

}  // namespace bamgate::hub
