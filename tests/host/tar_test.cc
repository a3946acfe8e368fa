#include "host/tar.h"

#include <gtest/gtest.h>

namespace bamgate::host {
namespace {

std::vector<TarMember> sample() {
  return {{"hub.db", 0600, std::string(1000, 'x')}, {"empty", 0644, ""}, {"block", 0644, std::string(512, 'y')}};
}

TEST(Tar, WhatIsWrittenIsReadAgain) {
  const auto members = sample();
  const std::string archive = write_tar(members, 1'800'000'000);
  EXPECT_EQ(archive.size() % 512, 0U);
  const auto read = read_tar(archive);
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->size(), members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    EXPECT_EQ((*read)[i].name, members[i].name);
    EXPECT_EQ((*read)[i].mode, members[i].mode);
    EXPECT_EQ((*read)[i].content, members[i].content);
  }
}

TEST(Tar, AnArchiveCutAnywhereIsRefused) {
  const std::string archive = write_tar(sample(), 0);
  // The last block of zeros is not needed.
  for (std::size_t size = 0; size < archive.size() - 512; ++size) {
    ASSERT_FALSE(read_tar(std::string_view(archive).substr(0, size))) << size;
  }
}

TEST(Tar, AHeaderWithAnyByteChangedIsRefused) {
  const std::string archive = write_tar({{"a", 0600, "content"}}, 1'800'000'000);
  for (std::size_t at = 0; at < 512; ++at) {
    std::string changed = archive;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const auto read = read_tar(changed);
    // The sum's own last two bytes say nothing.
    if (at == 154 || at == 155) continue;
    EXPECT_FALSE(read) << at;
  }
}

TEST(Tar, OtherKindsOfMembersAndNamesWithFoldersAreRefused) {
  EXPECT_FALSE(read_tar(write_tar({{"a/b", 0600, "x"}}, 0)));
  EXPECT_FALSE(read_tar(write_tar({{"/etc", 0600, "x"}}, 0)));
  EXPECT_FALSE(read_tar(write_tar({{"", 0600, "x"}}, 0)));
  EXPECT_FALSE(read_tar(write_tar(std::vector<TarMember>(17, {"a", 0600, "x"}), 0)));
  EXPECT_FALSE(read_tar(""));
  EXPECT_FALSE(read_tar(std::string(100'000, 'x')));
  EXPECT_TRUE(read_tar(std::string(1024, '\0'))) << "an archive of nothing";
}

}  // namespace
}  // namespace bamgate::host
