#include "json/value.h"

#include <gtest/gtest.h>

namespace bamgate::json {
namespace {

TEST(JsonValue, AnswersNothingWhenAskedForAnotherType) {
  const Value text("12");
  EXPECT_FALSE(text.as_int());
  EXPECT_FALSE(text.as_bool());
  EXPECT_FALSE(text.as_double());
  EXPECT_EQ(text.as_array(), nullptr);
  EXPECT_EQ(text.as_object(), nullptr);
  EXPECT_EQ(text.find("key"), nullptr);
  EXPECT_EQ(Value(12).as_string(), nullptr);
  EXPECT_TRUE(Value().is_null());
}

TEST(JsonValue, ReadsFieldsOfTheRightTypeOnly) {
  Value object;
  object.set("text", "x");
  object.set("number", 7);
  object.set("flag", false);
  object.set("list", Array{1, "two"});
  object.set("inner", Object{{"a", nullptr}});
  ASSERT_NE(object.get_string("text"), nullptr);
  EXPECT_EQ(*object.get_string("text"), "x");
  EXPECT_EQ(object.get_int("number"), 7);
  EXPECT_EQ(object.get_bool("flag"), false);
  ASSERT_NE(object.get_array("list"), nullptr);
  EXPECT_EQ(object.get_array("list")->size(), 2U);
  ASSERT_NE(object.get_object("inner"), nullptr);
  for (const char* key : {"number", "flag", "list", "inner", "absent"})
    EXPECT_EQ(object.get_string(key), nullptr) << key;
  for (const char* key : {"text", "flag", "list", "inner", "absent"}) EXPECT_FALSE(object.get_int(key)) << key;
  for (const char* key : {"text", "number", "list", "inner", "absent"}) EXPECT_FALSE(object.get_bool(key)) << key;
  for (const char* key : {"text", "number", "flag", "inner", "absent"})
    EXPECT_EQ(object.get_array(key), nullptr) << key;
  for (const char* key : {"text", "number", "flag", "list", "absent"})
    EXPECT_EQ(object.get_object(key), nullptr) << key;
}

TEST(JsonValue, SetReplacesAFieldWhereItStands) {
  Value object(Object{{"a", 1}, {"b", 2}, {"c", 3}});
  object.set("b", "new");
  object.set("d", 4);
  EXPECT_EQ(object, Value(Object{{"a", 1}, {"b", "new"}, {"c", 3}, {"d", 4}}));
  EXPECT_TRUE(object.erase("a"));
  EXPECT_FALSE(object.erase("a"));
  EXPECT_EQ(object, Value(Object{{"b", "new"}, {"c", 3}, {"d", 4}}));
}

TEST(JsonValue, KeepsEqualIntegersEqualWhateverTheirType) {
  EXPECT_EQ(Value(std::uint64_t{5}), Value(std::int64_t{5}));
  EXPECT_EQ(Value(std::uint8_t{5}), Value(5));
  EXPECT_EQ(Value(~std::uint64_t{0}).as_uint(), ~std::uint64_t{0});
  EXPECT_FALSE(Value(~std::uint64_t{0}).as_int());
  EXPECT_FALSE(Value(-1).as_uint());
  EXPECT_EQ(Value(-1).as_int(), -1);
  EXPECT_EQ(Value(2).as_double(), 2.0);
}

}  // namespace
}  // namespace bamgate::json
