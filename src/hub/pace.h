// The replies to whoever asks or fails too often (rate_limit.h counts).
#pragma once

#include <optional>
#include <string_view>

#include "core/ip_address.h"
#include "core/time.h"
#include "hub/context.h"
#include "hub/http.h"

namespace bamgate::hub {

/// Counts one more of `key`; the 429 to give when that is over the pace of `limit`, which must be one of `context`.
std::optional<HttpReply> refuse_over_pace(Context& context, RateLimit& limit, Instant now, std::string_view key);

/// The 429 for a client that has failed to register or refresh too often: nobody may try credentials at will.
std::optional<HttpReply> refuse_after_failures(Context& context, Instant now, const IpAddress& client);

/// Counts one such failure, and says so in the log when it was one too many.
void count_failure(Context& context, Instant now, const IpAddress& client);

}  // namespace bamgate::hub
