// The control socket, both sides.
#include "net/unix_control.h"

#include <sys/stat.h>
#include <unistd.h>

#include <asio/local/stream_protocol.hpp>
#include <filesystem>
#include <fstream>

#include "net_test.h"

namespace bamgate::net {
namespace {

class UnixControlTest : public NetTest {
 protected:
  UnixControlTest() : folder_(make_folder()), path_(folder_ / "control.sock") {}
  ~UnixControlTest() override {
    control_.reset();
    std::filesystem::remove_all(folder_);
  }
  static std::filesystem::path make_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "bamgate-net-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    return name;
  }
  Result<std::unique_ptr<ControlServer>> listen(ControlServer::Handler handler) {
    ControlServer::Options options;
    options.path = path_;
    return ControlServer::listen(loop_, options, std::move(handler));
  }
  Result<std::string> ask(const std::string& line) { return finish(control_request(loop_, path_, line, kPatience)); }
  static void echo(const std::string& line, ControlReply reply) { reply.send_line("you said " + line); }

  std::filesystem::path folder_;
  std::filesystem::path path_;
  std::unique_ptr<ControlServer> control_;
};

TEST_F(UnixControlTest, OneLineIsAnsweredWithOneLine) {
  uid_t asker = 12345;
  control_ = listen([&](const std::string& line, ControlReply reply) {
               asker = reply.peer_uid();
               echo(line, reply);
             }).value();
  EXPECT_EQ(ask("hello").value(), "you said hello");
  EXPECT_EQ(ask("").value(), "you said ");
  EXPECT_EQ(asker, getuid());
  struct stat status{};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
  control_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixControlTest, ReplyMayComeLaterAndBeLarge) {
  std::optional<ControlReply> kept;
  control_ = listen([&](const std::string&, ControlReply reply) {
               kept = std::move(reply);
               loop_.post([&] {
                 kept->send_line(std::string(1'000'000, 'x'));
                 kept.reset();
               });
             }).value();
  EXPECT_EQ(ask("status").value().size(), 1'000'000U);
}

TEST_F(UnixControlTest, StreamEndsWhenTheServerLetsGo) {
  control_ = listen([](const std::string&, ControlReply reply) {
               for (int i = 0; i < 3; ++i) reply.send_line(std::to_string(i));
             }).value();
  std::vector<std::string> lines;
  const auto end = finish(control_stream(loop_, path_, "watch", [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  }));
  EXPECT_TRUE(end.has_value());
  EXPECT_EQ(lines, (std::vector<std::string>{"0", "1", "2"}));
}

TEST_F(UnixControlTest, StreamingServerHearsThatTheClientHasGone) {
  std::optional<ControlReply> kept;
  bool gone = false;
  control_ = listen([&](const std::string&, ControlReply reply) {
               kept = reply;
               kept->on_gone([&] { gone = true; });
               kept->send_line("first");
             }).value();
  const auto end = finish(control_stream(loop_, path_, "watch", [](std::string_view) { return false; }));
  EXPECT_TRUE(end.has_value());
  EXPECT_TRUE(wait_for([&] { return gone; }));
  EXPECT_FALSE(kept->is_open());
  EXPECT_FALSE(kept->send_line("second"));
}

TEST_F(UnixControlTest, NobodyListeningIsAnErrorOfItsOwn) {
  EXPECT_EQ(ask("x").error().code, Error::kNobodyListens);
  {
    asio::local::stream_protocol::acceptor stale(loop_.context(), path_.string());
  }
  ASSERT_TRUE(std::filesystem::exists(path_));
  EXPECT_EQ(ask("x").error().code, Error::kNobodyListens);
}

TEST_F(UnixControlTest, StaleSocketIsReplacedALiveOneIsNot) {
  {
    asio::local::stream_protocol::acceptor stale(loop_.context(), path_.string());
  }
  control_ = listen(echo).value();
  const auto second = listen(echo);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Error::kInUse);
  EXPECT_EQ(ask("x").value(), "you said x");
}

TEST_F(UnixControlTest, OtherFilesAreLeftAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(listen(echo).error().code, Error::kInvalid);
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);
  path_ = folder_ / std::string(200, 'x');
  EXPECT_EQ(listen(echo).error().code, Error::kInvalid);
  EXPECT_EQ(ask("x").error().code, Error::kInvalid);
}

TEST_F(UnixControlTest, OverlongRequestsAreRefusedOnBothSides) {
  int calls = 0;
  control_ = listen([&](const std::string&, ControlReply) { ++calls; }).value();
  EXPECT_EQ(ask(std::string(kMaxControlRequest + 1, 'x')).error().code, Error::kInvalid);
  EXPECT_EQ(ask("two\nlines").error().code, Error::kInvalid);
  asio::local::stream_protocol::socket raw(loop_.context());
  raw.connect(path_.string());
  raw.non_blocking(true);
  std::string endless(10'000, 'x');
  EXPECT_TRUE(wait_for([&] {
    asio::error_code error;
    raw.write_some(asio::buffer(endless), error);
    return error && error != asio::error::would_block;
  }));
  EXPECT_EQ(calls, 0);
}

TEST_F(UnixControlTest, ServerThatDropsTheRequestEndsTheConnection) {
  control_ = listen([](const std::string&, ControlReply) {}).value();
  EXPECT_EQ(ask("x").error().code, Error::kClosed);
}

TEST_F(UnixControlTest, ClientThatSaysNothingIsDropped) {
  ControlServer::Options options;
  options.path = path_;
  options.request_timeout = std::chrono::milliseconds(10);
  control_ = ControlServer::listen(loop_, options, echo).value();
  asio::local::stream_protocol::socket raw(loop_.context());
  raw.connect(path_.string());
  raw.non_blocking(true);
  EXPECT_TRUE(wait_for([&] {
    char byte = 0;
    asio::error_code error;
    raw.read_some(asio::buffer(&byte, 1), error);
    return error == asio::error::eof;
  }));
}

}  // namespace
}  // namespace bamgate::net
