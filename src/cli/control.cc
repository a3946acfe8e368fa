#include "cli/control.h"

#include "json/parse.h"
#include "json/write.h"
#include "net/unix_control.h"

namespace bamgate::cli {
namespace {

// `down` waits for goodbyes; everything else is answered at once.
constexpr auto kPatience = std::chrono::seconds(15);

}  // namespace

std::expected<json::Value, Failure> ask_agent(net::Loop& loop, const ConfigFolder& folder, std::string_view question) {
  json::Value request;
  request.set("ask", question);
  const std::string path = folder.control_socket().string();
  const auto line = loop.block_on(net::control_request(loop, path, json::write(request), kPatience));
  if (!line) {
    if (line.error().code == net::Error::kNobodyListens) {
      return std::unexpected(Failure{
          ExitCode::kNotRunning,
          "no agent runs with the configuration in " + folder.path().string() + ": start it with 'bamgate up'"});
    }
    return std::unexpected(Failure{ExitCode::kFailed, "cannot ask the agent: " + line.error().detail});
  }
  auto value = json::parse(*line, {.max_bytes = net::kMaxControlReply});
  if (!value) return std::unexpected(Failure{ExitCode::kFailed, "the agent's answer cannot be read"});
  return std::move(*value);
}

}  // namespace bamgate::cli
