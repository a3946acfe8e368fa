// Standard input of a lab tool: whole lines, in order, and no faster than the tool takes them.
#include "lab/link.h"

#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bamgate::lab {
namespace {

class LabInput : public ::testing::Test {
 protected:
  void SetUp() override {
    saved_ = dup(STDIN_FILENO);
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    ASSERT_EQ(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    writer_ = ends[1];
    auto made = Link::create({}, stderr);
    ASSERT_TRUE(made);
    link_ = std::move(*made);
  }
  void TearDown() override {
    link_.reset();
    end_input();
    dup2(saved_, STDIN_FILENO);
    close(saved_);
  }

  void write(const std::string& text) const {
    ASSERT_EQ(::write(writer_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void end_input() {
    if (writer_ >= 0) close(std::exchange(writer_, -1));
  }
  static int bytes_in_the_pipe() {
    int count = 0;
    return ioctl(STDIN_FILENO, FIONREAD, &count) == 0 ? count : -1;
  }

  std::unique_ptr<Link> link_;
  std::vector<std::string> lines_;
  int saved_ = -1;
  int writer_ = -1;
};

TEST_F(LabInput, ComesInLinesAndTheLastNeedsNoEnd) {
  write("one\n\ntwo words\nthe last");
  end_input();
  link_->on_line([this](std::string_view line) { lines_.emplace_back(line); },
                 [this] { link_->stop(ExitCode::kDone); });
  EXPECT_EQ(link_->run(), ExitCode::kDone);
  EXPECT_EQ(lines_, (std::vector<std::string>{"one", "", "two words", "the last"}));
}

TEST_F(LabInput, NothingIsTakenOrReadWhileLinesAreHeld) {
  write("one\ntwo\nthree\n");
  bool held = false;
  const auto go_on = [&] {
    if (lines_.size() == 1) {
      EXPECT_EQ(bytes_in_the_pipe(), 3001) << "what was written since waits in the pipe";
    }
    held = false;
    link_->hold_lines(false);
  };
  link_->on_line(
      [&](std::string_view line) {
        EXPECT_FALSE(held) << line << " came while lines were held";
        lines_.emplace_back(line);
        held = true;
        link_->hold_lines(true);
        if (lines_.size() == 1) write(std::string(3000, 'x') + "\n");
        if (lines_.size() == 4) end_input();
        // Twice through the loop: whoever reads meanwhile would have read it.
        link_->loop().post([&] { link_->loop().post(go_on); });
      },
      [this] { link_->stop(ExitCode::kDone); });
  EXPECT_EQ(link_->run(), ExitCode::kDone);
  EXPECT_EQ(lines_, (std::vector<std::string>{"one", "two", "three", std::string(3000, 'x')}));
}

}  // namespace
}  // namespace bamgate::lab
