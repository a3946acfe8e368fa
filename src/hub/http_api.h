// The requests of the HTTP API (protocol.md, "HTTP API"), all but two answered at once: registrations are sign_in.h's,
// upgrades hub.h's. What is done to devices and join tokens is admin_api.h's.
#pragma once

#include <optional>
#include <string_view>

#include "core/time.h"
#include "hub/admin_api.h"
#include "hub/authentication.h"
#include "hub/connections.h"
#include "hub/context.h"
#include "hub/http.h"
#include "hub/refresh_tokens.h"
#include "hub/sign_in.h"

namespace bamgate::hub {

/// The path of a request target, without its query.
std::string_view path_of(std::string_view target);

class HttpApi {
 public:
  /// All must outlive this object.
  HttpApi(Context& context, Connections& connections, Relay& relay, SignIn& sign_in, AdminApi& admin)
      : context_(context), connections_(connections), relay_(relay), sign_in_(sign_in), admin_(admin) {}

  /// Answers every request, what is unknown with 404; nullopt: the answer comes later, as an effect.
  std::optional<HttpReply> handle(Instant now, UnixTime unix_now, RequestId id, const HttpRequest& request);

 private:
  HttpReply refresh(Instant now, UnixTime unix_now, const HttpRequest& request);
  HttpReply try_refresh(Instant now, UnixTime unix_now, const HttpRequest& request);
  HttpReply refuse_refresh(const HttpRequest& request, const Device* device, RefreshError error);
  HttpReply status(UnixTime unix_now, const HttpRequest& request);

  Context& context_;
  Connections& connections_;
  Relay& relay_;
  SignIn& sign_in_;
  AdminApi& admin_;
};

}  // namespace bamgate::hub
