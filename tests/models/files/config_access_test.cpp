#include "models/files/config.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace reel::models::config_access_test {

using testing::ElementsAre;
using testing::HasSubstr;

Config config(const std::string& text) { return Config::parse(text, "config.json"); }

template <class Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(ConfigAccessTest, AbsentAndNullKeysMeanTheDefault) {
  const Config c = config(R"({"a": null, "b": 4})");
  EXPECT_EQ(c.integer("a", 7), 7);
  EXPECT_EQ(c.integer("missing", 8), 8);
  EXPECT_EQ(c.integer("b", 0), 4);
  EXPECT_FALSE(c.has("a"));
}

TEST(ConfigAccessTest, OneNumberStandsForAllBlocks) {
  EXPECT_THAT(config(R"({"n": 2})").per_block("n", 3, 1, {1, 9}), ElementsAre(2, 2, 2));
  EXPECT_THAT(config(R"({"n": [1, 2, 3]})").per_block("n", 3, 1, {1, 9}), ElementsAre(1, 2, 3));
  EXPECT_THAT(config("{}").per_block("n", 2, 5, {1, 9}), ElementsAre(5, 5));
  EXPECT_THAT(config(R"({"n": [1, [2, 3]]})").per_layer("n", {2, 2}, 0, {0, 9}),
              ElementsAre(ElementsAre(1, 1), ElementsAre(2, 3)));
}

TEST(ConfigAccessTest, WrongTypesNameFileKeyExpectationAndFact) {
  const Config c = config(R"({"t": "x", "n": 1.5, "l": [1, "2"], "f": 1, "big": 18446744073709551615})");
  EXPECT_THAT(error_of([&] { c.integer("t", 0); }),
              HasSubstr("[config.json] 't' must be an integer, got \"x\""));
  EXPECT_THAT(error_of([&] { c.integer("n", 0); }), HasSubstr("an integer"));
  EXPECT_THAT(error_of([&] { c.integer("big", 0); }), HasSubstr("an integer"));
  EXPECT_THAT(error_of([&] { c.number("t", 0); }), HasSubstr("a number"));
  EXPECT_THAT(error_of([&] { c.flag("f", false); }), HasSubstr("true or false"));
  EXPECT_THAT(error_of([&] { c.text("n", ""); }), HasSubstr("a text"));
  EXPECT_THAT(error_of([&] { c.integers("l", {}); }), HasSubstr("an integer"));
  EXPECT_THAT(error_of([&] { c.integers("t", {}); }), HasSubstr("a list"));
  EXPECT_THAT(error_of([&] { c.per_block("l", 3, 0, {0, 9}); }), HasSubstr("an integer"));
  EXPECT_THAT(error_of([&] { c.per_layer("l", {1, 1, 1}, 0, {0, 9}); }), HasSubstr("a list of 3"));
  EXPECT_THAT(error_of([&] { c.object("t"); }), HasSubstr("an object"));
  EXPECT_THAT(error_of([&] { c.bounded("n", 0, 0, 1); }), HasSubstr("an integer"));
  EXPECT_THAT(error_of([&] { config(R"({"k": 9})").bounded("k", 0, 0, 8); }), HasSubstr("from 0 to 8"));
}

TEST(ConfigAccessTest, NumbersOfBlocksAndLayersAreBounded) {
  const Config c = config(R"({"all": 10, "each": [1, 10], "layers": [1, [9, 10]], "none": 0})");
  EXPECT_THAT(error_of([&] { c.per_block("all", 2, 1, {1, 9}); }), HasSubstr("from 1 to 9, got 10"));
  EXPECT_THAT(error_of([&] { c.per_block("each", 2, 1, {1, 9}); }), HasSubstr("from 1 to 9, got 10"));
  EXPECT_THAT(error_of([&] { c.per_block("none", 2, 1, {1, 9}); }), HasSubstr("from 1 to 9, got 0"));
  EXPECT_THAT(error_of([&] { c.per_layer("all", {2, 2}, 1, {1, 9}); }), HasSubstr("from 1 to 9, got 10"));
  EXPECT_THAT(error_of([&] { c.per_layer("layers", {1, 2}, 1, {1, 9}); }), HasSubstr("from 1 to 9, got 10"));
}

TEST(ConfigAccessTest, RefusesMalformedDocuments) {
  EXPECT_THAT(error_of([] { config(""); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of([] { config("[1]"); }), HasSubstr("must hold a JSON object"));
  EXPECT_THAT(error_of([] { config("{\"a\":1"); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of([] { config("{\"a\":1,\"a\":2}"); }), HasSubstr("'a' twice"));
  EXPECT_THAT(error_of([] { config("{\"a\":\"\xff\"}"); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of([] { config("{\"a\":1e999}"); }), HasSubstr("not valid JSON"));
  std::string deep = "{\"a\":";
  for (int i = 0; i < 1000; ++i) deep += "[";
  EXPECT_THAT(error_of([&] { config(deep); }), HasSubstr("nested deeper"));
  EXPECT_THAT(error_of([] { config("{\"a\":\"" + std::string(17 << 20, 'x') + "\"}"); }),
              HasSubstr("at most 16"));
  EXPECT_THAT(error_of([] { Config::read("/absent/config.json"); }), HasSubstr("does not exist"));
}

}  // namespace reel::models::config_access_test
