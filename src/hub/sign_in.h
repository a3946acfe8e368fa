// POST /auth/register: with a join token it is answered at once, with a GitHub token when GitHub has said whose it is.
//
//   request -- join token ----> reply
//      \------ github token --> waiting -- on_fetched() or 10 s --> reply (an effect)
//                                   \------ on_gone() ------------> nothing has happened
//
// The requests that wait are few, and fewer of one client; no secret waits with them.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <optional>
#include <string_view>

#include "core/ip_address.h"
#include "core/secret_text.h"
#include "core/time.h"
#include "hub/connections.h"
#include "hub/context.h"
#include "hub/host.h"
#include "hub/http.h"
#include "hub/registration.h"

namespace bamgate::hub {

/// Requests that wait for GitHub at one time, of all and of one client.
inline constexpr std::size_t kMaxSignIns = 16;
inline constexpr std::size_t kMaxSignInsOfClient = 4;

class SignIn {
 public:
  /// Both must outlive this object.
  SignIn(Context& context, Connections& connections) : context_(context), connections_(connections) {}

  /// The reply, or nullopt: it comes as an effect. Counts failures of the client.
  std::optional<HttpReply> handle(Instant now, UnixTime unix_now, RequestId request, const IpAddress& client,
                                  std::string_view body);
  /// What GitHub said about `request`; nothing happens when nobody waits for it (any more).
  void on_fetched(Instant now, UnixTime unix_now, RequestId request, const FetchResult& result);
  /// Whoever sent `request` has left; that counts as a failure, or nobody would wait for one.
  void on_gone(Instant now, RequestId request);
  void handle_timeout(Instant now, UnixTime unix_now);
  Instant next_timeout() const;

 private:
  struct Waiting {
    Newcomer newcomer;
    IpAddress client;
    Instant deadline = kNever;
  };

  std::optional<HttpReply> start(Instant now, UnixTime unix_now, RequestId request, const IpAddress& client,
                                 std::string_view body);
  std::optional<HttpReply> ask(Instant now, RequestId request, const IpAddress& client, Newcomer newcomer,
                               SecretText token);
  std::expected<Registration, HttpReply> register_user(UnixTime unix_now, const Newcomer& newcomer,
                                                       const FetchResult& result);
  HttpReply answer(Instant now, UnixTime unix_now, const IpAddress& client, const Newcomer& newcomer,
                   const std::expected<Registration, HttpReply>& result);
  void finish(Instant now, UnixTime unix_now, RequestId request, const FetchResult& result);

  Context& context_;
  Connections& connections_;
  std::map<RequestId, Waiting> waiting_;
};

}  // namespace bamgate::hub
