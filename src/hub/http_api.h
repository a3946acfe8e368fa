// The requests of the HTTP API that are answered at once (protocol.md, "HTTP API"). Upgrades are hub.h's.
#pragma once

#include <string_view>

#include "core/time.h"
#include "hub/authentication.h"
#include "hub/connections.h"
#include "hub/context.h"
#include "hub/http.h"
#include "hub/rate_limit.h"
#include "json/value.h"

namespace bamgate::hub {

/// The path of a request target, without its query.
std::string_view path_of(std::string_view target);

class HttpApi {
 public:
  /// Both must outlive this object.
  HttpApi(Context& context, Connections& connections) : context_(context), connections_(connections) {}

  /// Answers every request; what is unknown with 404.
  HttpReply handle(Instant now, UnixTime unix_now, const HttpRequest& request);

 private:
  HttpReply limit_failures(Instant now, UnixTime unix_now, const HttpRequest& request);
  HttpReply register_device(UnixTime unix_now, const json::Value& body);
  HttpReply refresh(UnixTime unix_now, const json::Value& body);
  HttpReply handle_with_login(UnixTime unix_now, const HttpRequest& request, const Login& login);
  HttpReply list_devices(UnixTime unix_now);
  HttpReply revoke_device(UnixTime unix_now, std::string_view id);
  HttpReply create_join_token(UnixTime unix_now, std::string_view body, const Device& device);
  HttpReply status();

  Context& context_;
  Connections& connections_;
  FailureLimit failures_;
};

}  // namespace bamgate::hub
