// What is asked about devices and join tokens (protocol.md, "Roles" and "HTTP API"), and by whom: a device, which may
// do little unless it is an administrator, or whoever holds the hub and may do everything.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/time.h"
#include "hub/connections.h"
#include "hub/context.h"
#include "hub/devices.h"
#include "hub/http.h"
#include "hub/join_grant.h"

namespace bamgate::hub {

/// Owner of the devices that join with a token made on the hub itself.
inline constexpr std::string_view kHubOwner = "hub";

class AdminApi {
 public:
  /// Both must outlive this object.
  AdminApi(Context& context, Connections& connections) : context_(context), connections_(connections) {}

  /// True when a request of this method and path (without query) is answered here.
  static bool knows(std::string_view method, std::string_view path);
  /// Needs knows(). `by`: null for whoever holds the hub.
  HttpReply handle(Instant now, UnixTime unix_now, const HttpRequest& request, const Device* by);

 private:
  HttpReply handle_device(Instant now, UnixTime unix_now, const HttpRequest& request, const Device* by);
  HttpReply list_devices(UnixTime unix_now);
  HttpReply revoke(Instant now, UnixTime unix_now, const Device& device, const Device* by);
  HttpReply forget(const Device& device, const Device* by);
  HttpReply renew(const Device& device, const Device* by);
  HttpReply rename(Instant now, UnixTime unix_now, const Device& device, std::string_view body, const Device* by);
  HttpReply create_join_token(std::string_view body, const Device* by);
  HttpReply list_join_tokens();
  HttpReply withdraw_join_token(std::string_view id, const Device* by);

  Context& context_;
  Connections& connections_;
};

}  // namespace bamgate::hub
