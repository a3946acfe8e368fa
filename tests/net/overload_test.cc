// No descriptors left: the server waits instead of spinning, and serves again afterwards.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net_test.h"

namespace bamgate::net {
namespace {

class OverloadTest : public NetTest {};

TEST_F(OverloadTest, ServerWithoutDescriptorsWaitsAndRecovers) {
  HttpServer::Handlers handlers;
  handlers.on_request = [](RequestId, const HttpRequest&) { return HttpReply::json(200, "{}"); };
  serve(handlers);
  // Wakes the loop's own descriptors before none is left.
  ASSERT_TRUE(request(call("/")).has_value());
  asio::ip::tcp::socket client(loop_.context(), asio::ip::tcp::v4());
  std::vector<int> fillers;
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit tight{std::min<rlim_t>(before.rlim_cur, 200), before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &tight);
  while (true) {
    const int fd = open("/dev/null", O_RDONLY);
    if (fd < 0) break;
    fillers.push_back(fd);
  }
  bool connected = false;
  client.async_connect({asio::ip::address_v4::loopback(), url_.port},
                       [&](const asio::error_code& error) { connected = !error; });
  EXPECT_TRUE(wait_for([&] { return connected && server_->counters().accept_errors >= 2; }));
  // With pauses of 50 ms and more the errors stay few; a loop that spins counts thousands.
  EXPECT_LE(server_->counters().accept_errors, 3U);
  for (const int fd : fillers) close(fd);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(wait_for([&] { return server_->connections() == 1; }));
  EXPECT_TRUE(request(call("/")).has_value());
}

}  // namespace
}  // namespace bamgate::net
