// Both readers are asked everything: what one accepts the other must accept, with the same value.
#include "json/parse.h"

#include <gtest/gtest.h>

#include <limits>

#include "json/write.h"
#include "support/seeded_random.h"

namespace bamgate::json {
namespace {

/// What parse() says, after both readers have said the same.
std::expected<Value, Error> both(std::string_view text, Limits limits = {}) {
  const auto first = parse_with_simdjson(text, limits);
  const auto second = parse_with_nlohmann(text, limits);
  EXPECT_EQ(first.has_value(), second.has_value()) << text;
  if (first && second) {
    EXPECT_EQ(*first, *second) << text;
  } else if (!first && !second) {
    EXPECT_EQ(first.error(), second.error()) << text;
  }
  EXPECT_EQ(parse(text, limits).has_value(), first.has_value());
  return first;
}

void expect_error(std::string_view text, Error error, Limits limits = {}) {
  const auto value = both(text, limits);
  ASSERT_FALSE(value.has_value()) << text;
  EXPECT_EQ(value.error(), error) << text << ": " << to_string(value.error());
}

std::string nested(std::size_t depth, char open = '[', char close = ']') {
  return std::string(depth, open) + std::string(depth, close);
}

TEST(JsonParse, ReadsEveryKindOfValueInOrder) {
  const auto value = both(R"({"z":null,"a":[true,false,-1,18446744073709551615,0.5,"é\n\u0041\ud83d\ude00"],"m":{}})");
  ASSERT_TRUE(value);
  const Value expected(
      Object{{"z", nullptr}, {"a", Array{true, false, -1, ~std::uint64_t{0}, 0.5, "é\nA😀"}}, {"m", Object{}}});
  EXPECT_EQ(*value, expected);
}

TEST(JsonParse, TakesScalarsAndWhiteSpaceAroundThem) {
  EXPECT_EQ(*both(" \t\r\n7 \n"), Value(7));
  EXPECT_EQ(*both("\"\""), Value(""));
  EXPECT_EQ(*both("null"), Value());
  EXPECT_EQ(*both("-0"), Value(0));
}

TEST(JsonParse, RefusesWhatIsNoJson) {
  for (const char* text :
       {"",          " ",        "{",         "}",     "[1,]", "{\"a\":1,}", "{\"a\"}",   "{a:1}",
        "{1:2}",     "[1 2]",    "01",        "1.",    ".5",   "+1",         "1e",        "0x10",
        "NaN",       "Infinity", "nul",       "truee", "'a'",  "\"a",        "\"\\x\"",   "\"\\u12\"",
        "\"tab\t\"", "// c\n1",  "1 /* c */", "[1]]",  "1 2",  "{} {}",      "[\"a\":1]", "\\",
        "\"\\",      "{\"a\":}", "[,1]",      "\x01",  "-",    "--1",        "1.e5"}) {
    expect_error(text, Error::kSyntax);
  }
  expect_error(std::string_view(), Error::kSyntax);  // not even an address
}

TEST(JsonParse, RefusesTrailingGarbageAlsoBehindAZeroByte) {
  using namespace std::string_view_literals;
  expect_error("{}x", Error::kSyntax);
  expect_error("{}\0"sv, Error::kSyntax);
  expect_error("{}\0{}"sv, Error::kSyntax);
  expect_error("\"a\0b\""sv, Error::kSyntax);
  EXPECT_EQ(*both("\"a\\u0000b\""), Value("a\0b"sv));
}

TEST(JsonParse, RefusesInvalidUtf8) {
  for (const char* text :
       {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"\x80\"",
        "{\"\xc3\x28\":1}", "\xef\xbb\xbf{}", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud800x\"", "1\xff"}) {
    expect_error(text, Error::kSyntax);
  }
}

TEST(JsonParse, RefusesAKeyThatStandsTwice) {
  expect_error(R"({"from":"a","to":"b","from":"c"})", Error::kDuplicateKey);
  expect_error(R"([{"x":{"a":1,"\u0061":2}}])", Error::kDuplicateKey);
  expect_error(R"({"a":1,"a":1)", Error::kSyntax);
  EXPECT_TRUE(both(R"({"a":{"a":{"a":1}},"b":{"a":1}})"));
}

TEST(JsonParse, FindsADuplicateAmongThousandsOfKeysAtOnce) {
  std::string text = "{";
  for (int i = 0; i < 7000; ++i) text += "\"" + std::to_string(i) + "\":1,";
  ASSERT_LT(text.size(), 65'000U + 8'000U);
  EXPECT_TRUE(both(text + "\"x\":1}", {.max_bytes = 100'000}));
  expect_error(text + "\"6999\":1}", Error::kDuplicateKey, {.max_bytes = 100'000});
}

TEST(JsonParse, ReadsNumbersUpToTheirLimitsAndRefusesWhatIsBeyond) {
  EXPECT_EQ(*both("9223372036854775807"), Value(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(*both("-9223372036854775808"), Value(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(*both("9223372036854775808"), Value(std::uint64_t{1} << 63));
  EXPECT_EQ(*both("18446744073709551615"), Value(~std::uint64_t{0}));
  EXPECT_EQ(*both("1e308"), Value(1e308));
  EXPECT_EQ(*both("1e-999"), Value(0.0));
  EXPECT_EQ(*both("1.0"), Value(1.0));
  EXPECT_FALSE(both("1.0")->as_int()) << "a fraction is no integer, whatever its value";
  for (const char* text : {"18446744073709551616", "-9223372036854775809", "1e309", "-1e999",
                           "100000000000000000000000000000000000000000000000000"}) {
    expect_error(text, Error::kSyntax);
  }
  expect_error(std::string(400, '9'), Error::kSyntax);
}

TEST(JsonParse, RefusesMoreBytesThanAllowed) {
  const std::string largest = "\"" + std::string(65'534, 'a') + "\"";
  ASSERT_EQ(largest.size(), 65'536U);
  EXPECT_TRUE(both(largest));
  expect_error(largest + " ", Error::kTooLarge);
  expect_error("[1,2,3]", Error::kTooLarge, {.max_bytes = 6});
}

TEST(JsonParse, RefusesDeepNestingWithoutRecursingIntoIt) {
  EXPECT_TRUE(both(nested(16)));
  expect_error(nested(17), Error::kTooDeep);
  expect_error(std::string(60'000, '['), Error::kTooDeep);
  expect_error(std::string(3'000'000, '['), Error::kTooDeep, {.max_bytes = 4'000'000, .max_depth = 4'000'000});
  EXPECT_TRUE(both(nested(kMaxDepth), {.max_depth = 1000}));
  expect_error(nested(kMaxDepth + 1), Error::kTooDeep, {.max_depth = 1000});
  EXPECT_TRUE(both("[]", {.max_depth = 1}));
  expect_error("[[]]", Error::kTooDeep, {.max_depth = 1});
  EXPECT_TRUE(both("1", {.max_depth = 0}));
}

TEST(JsonParse, DoesNotCountBracketsInStringsAsDepth) {
  EXPECT_TRUE(both("\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\\\\\""));
  EXPECT_TRUE(both("[" + std::string(100, ' ') + "{},{},[],[]]", {.max_depth = 2}));
}

/// Texts from which the fuzzing test below makes others.
const std::vector<std::string> kCorpus = {
    R"({"type":"join","peerId":"home","publicKey":"QUJD","address":"10.100.0.1/16","routes":["192.168.1.0/24"],)"
    R"("metadata":{"routes":"[\"192.168.1.0/24\"]","dns":"[]"}})",
    R"({"type":"offer","from":"a","to":"b","sdp":"v=0\r\n","publicKey":"é\u00e9\ud83d\ude00"})",
    R"([0,-0,1,-1,0.1,1e5,1E-7,-2.5e+10,9223372036854775807,18446744073709551615,123456789012345678901])",
    R"({"a":{"b":[{"c":[[[]]]},true,false,null,""]},"":{"":""}})",
    " [ \t\"\\b\\f\\n\\r\\t\\/\\\\\\\"\" , {} ] \n",
};

std::string mutate(std::string text, Random& random) {
  constexpr std::string_view kInteresting = "{}[]\",:\\u0eE+-.19 tfn\xc3\xa9\xff\x80\xed\xa0";
  const std::uint32_t changes = 1 + random.below(4);
  for (std::uint32_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = random.below(static_cast<std::uint32_t>(text.size()));
    const char character = kInteresting[random.below(static_cast<std::uint32_t>(kInteresting.size()))];
    switch (random.below(4)) {
      case 0:
        text[at] = character;
        break;
      case 1:
        text.insert(at, 1, character);
        break;
      case 2:
        text.erase(at, 1 + random.below(3));
        break;
      default:
        text.insert(at, text.substr(random.below(static_cast<std::uint32_t>(text.size())), 8));
        break;
    }
  }
  return text;
}

TEST(JsonParse, ReadersAgreeOnEveryMutationOfTheCorpus) {
  testing::SeededRandom random(1);
  int accepted = 0;
  for (int i = 0; i < 40'000; ++i) {
    const std::string text = mutate(kCorpus[random.below(static_cast<std::uint32_t>(kCorpus.size()))], random);
    accepted += both(text).has_value() ? 1 : 0;
    ASSERT_FALSE(HasFailure()) << text;
  }
  EXPECT_GT(accepted, 1'000);
  EXPECT_LT(accepted, 39'000);
}

TEST(JsonWrite, TextThatIsReadAgainGivesTheSameValue) {
  testing::SeededRandom random(2);
  int checked = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto value = both(mutate(kCorpus[static_cast<std::size_t>(i) % kCorpus.size()], random));
    if (!value) continue;
    ++checked;
    const auto again = both(write(*value));
    ASSERT_TRUE(again);
    ASSERT_EQ(*again, *value);
  }
  EXPECT_GT(checked, 500);
}

TEST(JsonWrite, PrintsOneLineWithFieldsInOrder) {
  const Value value(Object{{"z", 1}, {"a", Array{nullptr, true, "\"\\\n\x01é"}}, {"o", Object{{"d", 0.5}}}});
  EXPECT_EQ(write(value), R"({"z":1,"a":[null,true,"\"\\\n\u0001é"],"o":{"d":0.5}})");
}

TEST(JsonWrite, MendsWhatJsonCannotSay) {
  EXPECT_EQ(write(Value("a\xff\x62")), "\"a\xef\xbf\xbd\x62\"");
  EXPECT_EQ(write(Value(Object{{"\xc3", 1}})), "{\"\xef\xbf\xbd\":1}");
  EXPECT_EQ(write(Value(std::numeric_limits<double>::quiet_NaN())), "null");
  EXPECT_EQ(write(Value(std::numeric_limits<double>::infinity())), "null");
}

TEST(JsonWrite, CutsOffWhatIsNestedTooDeeply) {
  Value value(1);
  for (std::size_t i = 0; i < 1'000; ++i) value = Value(Array{std::move(value)});
  EXPECT_EQ(write(value), std::string(kMaxDepth, '[') + "null" + std::string(kMaxDepth, ']'));
}

}  // namespace
}  // namespace bamgate::json
