#include "hub/http.h"

#include "json/write.h"

namespace bamgate::hub {

HttpReply error_reply(int status, std::string_view code, std::string_view message) {
  return {status, json::write(json::Object{{"error", code}, {"message", message}}), 0};
}

HttpReply internal_error() {
  return error_reply(500, "internal", "The hub's database failed; nothing was changed. Try again later.");
}

}  // namespace bamgate::hub
