// No descriptors left: the server waits instead of spinning, and serves again afterwards.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net_test.h"

namespace bamgate::net {
namespace {

class OverloadTest : public NetTest {};

/// Holds every descriptor that this process may still open.
class Hoard {
 public:
  Hoard() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit tight{std::min<rlim_t>(before_.rlim_cur, 200), before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &tight);
    for (int fd = open("/dev/null", O_RDONLY); fd >= 0; fd = open("/dev/null", O_RDONLY)) fillers_.push_back(fd);
  }
  Hoard(const Hoard&) = delete;
  Hoard& operator=(const Hoard&) = delete;
  ~Hoard() {
    for (const int fd : fillers_) close(fd);
    setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  std::vector<int> fillers_;
  rlimit before_{};
};

TEST_F(OverloadTest, ServerWithoutDescriptorsWaitsAndRecovers) {
  HttpServer::Handlers handlers;
  handlers.on_request = [](RequestId, const HttpRequest&) { return HttpReply::json(200, "{}"); };
  serve(handlers);
  // Wakes the loop's own descriptors before none is left.
  ASSERT_TRUE(request(call("/")).has_value());
  ASSERT_TRUE(wait_for([&] { return server_->connections() == 0; })) << "it would make room for the next one";
  asio::ip::tcp::socket client(loop_.context(), asio::ip::tcp::v4());
  std::optional<Hoard> hoard(std::in_place);
  bool connected = false;
  client.async_connect({asio::ip::address_v4::loopback(), url_.port},
                       [&](const asio::error_code& error) { connected = !error; });
  EXPECT_TRUE(wait_for([&] { return connected && server_->counters().accept_errors >= 2; }));
  // With pauses of 50 ms and more the errors stay few; a loop that spins counts thousands.
  EXPECT_LE(server_->counters().accept_errors, 3U);
  hoard.reset();
  EXPECT_TRUE(wait_for([&] { return server_->connections() == 1; }));
  EXPECT_TRUE(request(call("/")).has_value());
}

TEST_F(OverloadTest, ServerWithoutDescriptorsMakesRoomByTheOneThatHasWaitedLongest) {
  HttpServer::Handlers handlers;
  handlers.on_request = [](RequestId, const HttpRequest&) { return HttpReply::json(200, "{}"); };
  serve(handlers);
  const auto idle = finish(connect(loop_, url_, ConnectOptions{}, now() + kPatience));
  ASSERT_TRUE(wait_for([&] { return server_->connections() == 1; }));
  asio::ip::tcp::socket client(loop_.context(), asio::ip::tcp::v4());
  const Hoard hoard;
  client.async_connect({asio::ip::address_v4::loopback(), url_.port}, [](const asio::error_code&) {});
  EXPECT_TRUE(wait_for([&] { return server_->counters().accepted == 2; }));
  EXPECT_EQ(server_->counters().displaced, 1U);
}

}  // namespace
}  // namespace bamgate::net
