// What the log of an agent in the background tells a command.
#include "cli/log_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace bamgate::cli {
namespace {

class LogFile : public ::testing::Test {
 protected:
  LogFile() {
    std::string name = std::filesystem::temp_directory_path() / "bamgate-log-file-XXXXXX";
    folder_ = mkdtemp(name.data());
    file_ = folder_ / "agent.log";
  }
  ~LogFile() override { std::filesystem::remove_all(folder_); }
  void append(const std::string& line) { std::ofstream(file_, std::ios::app) << line << "\n"; }

  std::filesystem::path folder_;
  std::filesystem::path file_;
};

TEST_F(LogFile, TheLastErrorOfThisRunIsTheReasonOfItsEnd) {
  EXPECT_EQ(last_complaint(file_, 0), "");
  append("2026-01-02 03:04:05.006 error of the run before");
  const auto before = std::filesystem::file_size(file_);
  append("2026-01-02 03:04:06.006 info connected");
  EXPECT_EQ(last_complaint(file_, before), "");
  append("2026-01-02 03:04:07.006 error the hub does not know this device");
  append("2026-01-02 03:04:07.007 info going down");
  EXPECT_EQ(last_complaint(file_, before), "the hub does not know this device");
  EXPECT_EQ(last_complaint(file_, before + 1000), "the hub does not know this device") << "a file that began anew";
}

TEST_F(LogFile, ALogThatCannotBeWrittenIsFoundBeforeItIsNeeded) {
  EXPECT_TRUE(try_log(file_));
  EXPECT_FALSE(std::filesystem::exists(file_)) << "trying makes none";
  append("x");
  EXPECT_TRUE(try_log(file_));
  std::filesystem::remove(file_);
  std::filesystem::create_directory(file_);
  const auto tried = try_log(file_);
  ASSERT_FALSE(tried);
  EXPECT_NE(tried.error().text.find("agent.log"), std::string::npos) << tried.error().text;
  EXPECT_FALSE(try_log(folder_ / "none" / "agent.log"));
  std::filesystem::remove(file_);
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  EXPECT_FALSE(try_log(file_)) << "a pipe that nobody reads";
}

}  // namespace
}  // namespace bamgate::cli
