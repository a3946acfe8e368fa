#include "cli/control.h"

#include "json/parse.h"
#include "json/write.h"
#include "net/unix_control.h"

namespace bamgate::cli {
namespace {

// `down` waits for goodbyes, `token` for the hub, twice at most; everything else is answered at once.
constexpr auto kPatience = std::chrono::seconds(35);

}  // namespace

std::expected<json::Value, Failure> ask_agent(net::Loop& loop, const host::ConfigFolder& folder,
                                              std::string_view question, json::Object details) {
  json::Value request = std::move(details);
  request.set("ask", question);
  const std::string path = folder.control_socket().string();
  const auto line = loop.block_on(net::control_request(loop, path, json::write(request), kPatience));
  if (!line) {
    if (line.error().code == net::Error::kNobodyListens) {
      const std::string where = folder.path().string();
      return std::unexpected(Failure{
          ExitCode::kNotRunning,
          folder.has_device()
              ? "bamgate does not run with the configuration in " + where + ": start it with 'bamgate up'"
              : "this machine is no device of a network yet (" + where + " holds none): begin with 'bamgate setup'"});
    }
    if (line.error().code == net::Error::kPermission) {
      return std::unexpected(Failure{ExitCode::kFailed, "cannot ask the bamgate that runs: " + path +
                                                            " is for root and its own group alone: use sudo, "
                                                            "or join the group with 'sudo usermod -aG bamgate $USER'"});
    }
    return std::unexpected(Failure{ExitCode::kFailed, "cannot ask the bamgate that runs: " + line.error().detail});
  }
  auto value = json::parse(*line, {.max_bytes = net::kMaxControlReply});
  if (!value)
    return std::unexpected(
        Failure{ExitCode::kFailed, "the answer of the bamgate that runs cannot be read; is it another version?"});
  if (const std::string* error = value->get_string("error")) {
    return std::unexpected(Failure{ExitCode::kFailed, "the bamgate that runs refuses: " + *error});
  }
  return std::move(*value);
}

}  // namespace bamgate::cli
