// Who asks through a proxy: only its own entry counts, and only a proxy on a local network is believed.
#include "net/forwarded.h"

#include "net_test.h"

namespace bamgate::net {
namespace {

std::string client_of(const std::vector<std::string>& fields) {
  HttpRequest request;
  request.headers.push_back({"Host", "hub.example"});
  for (const std::string& field : fields) request.headers.push_back({"x-forwarded-for", field});
  const auto client = forwarded_client(request);
  return client ? client->to_string() : "none";
}

TEST(ForwardedClient, IsTheLastEntryOfTheLastField) {
  EXPECT_EQ(client_of({"203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client_of({"198.51.100.7, 127.0.0.1,203.0.113.9 "}), "203.0.113.9");
  EXPECT_EQ(client_of({"198.51.100.7", "203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client_of({"2001:db8::7"}), "2001:db8::7");
  EXPECT_EQ(client_of({"[2001:db8::7]"}), "2001:db8::7");
  EXPECT_EQ(client_of({"203.0.113.9:4711"}), "203.0.113.9");
  EXPECT_EQ(client_of({"[2001:db8::7]:4711"}), "2001:db8::7");
  EXPECT_EQ(client_of({"::ffff:203.0.113.9"}), "203.0.113.9");
}

TEST(ForwardedClient, IsNobodyWhenTheLastEntryIsNoAddress) {
  EXPECT_EQ(client_of({}), "none");
  for (const char* field : {"", ",", "203.0.113.9,", "unknown", "203.0.113.9, _hidden", "localhost", "203.0.113", "[",
                            "[]", "[2001:db8::7", "203.0.113.9:", "203.0.113.9:99999"}) {
    EXPECT_EQ(client_of({field}), "none") << field;
  }
}

TEST(LocalNetwork, IsLoopbackAndPrivateAddresses) {
  for (const char* text : {"127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1",
                           "fe80::1", "fc00::1", "fd12:3456::1"}) {
    EXPECT_TRUE(is_local_network(*IpAddress::parse(text))) << text;
  }
  for (const char* text :
       {"203.0.113.9", "172.15.0.1", "172.32.0.1", "192.169.0.1", "100.64.0.1", "2001:db8::1", "0.0.0.0", "::"}) {
    EXPECT_FALSE(is_local_network(*IpAddress::parse(text))) << text;
  }
  EXPECT_FALSE(is_local_network(IpAddress()));
}

class ForwardedTest : public NetTest {
 protected:
  /// Serves the address of whoever asks.
  void serve_remote(HttpServerOptions options) {
    HttpServer::Handlers handlers;
    handlers.on_request = [](RequestId, const HttpRequest& asked) {
      return HttpReply::json(200, asked.remote.address.to_string());
    };
    serve(std::move(handlers), std::move(options));
  }
  std::string remote_seen() {
    HttpCall asking = call("/");
    asking.headers.push_back({"X-Forwarded-For", "198.51.100.7, 203.0.113.9"});
    return request(std::move(asking)).value().body;
  }
  /// A connection on which nothing is sent.
  std::shared_ptr<Stream> idle() { return finish(connect(loop_, url_, ConnectOptions{}, now() + kPatience)).value(); }
};

TEST_F(ForwardedTest, AServerBehindAProxyTakesItsWord) {
  HttpServerOptions options;
  options.behind_proxy = true;
  serve_remote(options);
  EXPECT_EQ(remote_seen(), "203.0.113.9");
  EXPECT_EQ(request(call("/")).value().body, "127.0.0.1");
}

TEST_F(ForwardedTest, AServerWithoutProxyTakesNobodysWord) {
  serve_remote({});
  EXPECT_EQ(remote_seen(), "127.0.0.1");
}

TEST_F(ForwardedTest, ConnectionsOfOneAddressAreLimitedAndCountedOffAgain) {
  HttpServerOptions options;
  options.max_of_address = 2;
  serve_remote(options);
  auto first = idle();
  const auto second = idle();
  ASSERT_TRUE(wait_for([&] { return server_->connections() == 2; }));
  const auto third = idle();
  EXPECT_TRUE(wait_for([&] { return server_->counters().over_limit == 1; }));
  EXPECT_EQ(server_->connections(), 2U);
  first->close();
  ASSERT_TRUE(wait_for([&] { return server_->connections() == 1; }));
  EXPECT_TRUE(request(call("/")).has_value());
}

TEST_F(ForwardedTest, AProxyHasNoLimitOfItsOwn) {
  HttpServerOptions options;
  options.max_of_address = 2;
  options.behind_proxy = true;
  serve_remote(options);
  std::vector<std::shared_ptr<Stream>> streams;
  for (int i = 0; i < 5; ++i) streams.push_back(idle());
  EXPECT_TRUE(wait_for([&] { return server_->connections() == 5; }));
}

}  // namespace
}  // namespace bamgate::net
