// What a person sees: columns, colours, cut lines.
#include "cli/table.h"

#include <gtest/gtest.h>

#include "cli/output.h"
#include "cli/terminal.h"

namespace bamgate::cli {
namespace {

TEST(CliTable, EachColumnIsAsWideAsItsWidestCellAndNoLineEndsInBlanks) {
  Table table({"NAME", "STATE", "PATH"});
  table.add_row({"a-long-name", "new", ""});
  table.add_row({"b", "connected", "direct"});
  EXPECT_EQ(table.to_string(),
            "NAME         STATE      PATH\n"
            "a-long-name  new\n"
            "b            connected  direct\n");
}

TEST(CliTable, ColoursTakeNoRoom) {
  Table table({"A", "B"});
  table.add_row({paint("good", Colour::kGood, true), "x"});
  EXPECT_EQ(table.to_string(), "A     B\n\x1b[32mgood\x1b[m  x\n");
  EXPECT_EQ(paint("good", Colour::kGood, false), "good");
}

TEST(CliTable, NotesStandBelowTheirRowAndWidenNoColumn) {
  Table table({"A", "B"});
  table.add_row({"1", "2"});
  table.add_note("  a note that is longer than any column");
  table.add_row({"3", "4"});
  EXPECT_EQ(table.to_string(), "A  B\n1  2\n  a note that is longer than any column\n3  4\n");
}

TEST(CliTerminal, ALineIsCutAtAColumnAndNotInsideACharacterOrAColour) {
  EXPECT_EQ(cut_line("abcdef", 4), "abcd");
  EXPECT_EQ(cut_line("abcd", 4), "abcd");
  EXPECT_EQ(cut_line("a\u00e9\u2588d", 3), "a\u00e9\u2588");
  EXPECT_EQ(cut_line("\x1b[31mabcdef\x1b[m", 2), "\x1b[31mab\x1b[m") << "a colour does not run on";
  EXPECT_EQ(width_of("a\u00e9\u2588d"), 4U);
  EXPECT_EQ(width_of("\x1b[31mab\x1b[m"), 2U);
  EXPECT_EQ(width_of("\x1b[31"), 0U) << "a sequence without its end";
}

TEST(CliOutput, DurationsAndSizesReadAsAPersonSaysThem) {
  EXPECT_EQ(human_duration(-1), "0 s");
  EXPECT_EQ(human_duration(59.9), "59 s");
  EXPECT_EQ(human_duration(303), "5 min 3 s");
  EXPECT_EQ(human_duration(3 * 3600 + 120), "3 h 2 min");
  EXPECT_EQ(human_duration(86400), "1 day");
  EXPECT_EQ(human_duration(40.0 * 86400), "40 days");
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(std::uint64_t{5} << 40), "5.0 TiB");
}

}  // namespace
}  // namespace bamgate::cli
