#include "core/plain_text.h"

#include <gtest/gtest.h>

namespace bamgate {
namespace {

TEST(PlainText, AByteOrderMarkAndEndsOfLinesAreNoContent) {
  EXPECT_EQ(trim_text("\xef\xbb\xbf key\r\n"), "key");
  EXPECT_EQ(trim_text("two words\n"), "two words");
  EXPECT_EQ(trim_text("\xef\xbb\xbf\r\n \t"), "");
  EXPECT_EQ(trim_text(""), "");
  EXPECT_EQ(without_byte_order_mark("\xef\xbb\xbf\xef\xbb\xbf"), "\xef\xbb\xbf");
  EXPECT_EQ(without_byte_order_mark("\xef\xbb"), "\xef\xbb");
}

TEST(PlainText, Utf16IsKnownByItsMark) {
  EXPECT_TRUE(
      is_utf16("\xff\xfe"
               "a"));
  EXPECT_TRUE(is_utf16("\xfe\xff"));
  EXPECT_FALSE(is_utf16("\xff"));
  EXPECT_FALSE(is_utf16("a"));
}

}  // namespace
}  // namespace bamgate
