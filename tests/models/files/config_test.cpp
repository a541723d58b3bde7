#include "models/files/config.h"

#include <gmock/gmock.h>

#include <ctime>

#include "tests/support/malformed_file.h"

namespace reel::models::config_test {

TEST(ConfigTest, NumbersThatJsonLacksAreKeptAsTexts) {
  // As Python's json writes the defaults of diffusers' DPM-Solver.
  const Config config =
      Config::parse(R"({"low": -Infinity, "high": Infinity, "list": [1, NaN], "steps": 3})", "file");
  EXPECT_TRUE(config.is_text("low"));
  EXPECT_EQ(config.text("low", ""), "-Infinity");
  EXPECT_EQ(config.text("high", ""), "Infinity");
  EXPECT_EQ(config.integer("steps", 0), 3);
  EXPECT_FALSE(config.is_text("steps"));
  EXPECT_THROW(config.number("low", 0), std::runtime_error) << "only who expects it reads it";
  EXPECT_THROW(config.numbers("list", {}), std::runtime_error);
}

TEST(ConfigTest, TextsThatLookLikeSuchNumbersStayTexts) {
  const Config config = Config::parse(R"({"a": "NaN \" Infinity", "Infinity": "\\"})", "file");
  EXPECT_EQ(config.text("a", ""), "NaN \" Infinity");
  EXPECT_EQ(config.text("Infinity", ""), "\\");
}

TEST(ConfigTest, OtherBareWordsAreNoJson) {
  EXPECT_THROW(Config::parse(R"({"a": infinity})", "file"), std::runtime_error);
  EXPECT_THROW(Config::parse(R"({"a": NaNa})", "file"), std::runtime_error);
  EXPECT_THROW(Config::parse(R"({"a": --Infinity})", "file"), std::runtime_error);
}

// An index of a sharded checkpoint is read as a configuration too. nlohmann's parser with a callback takes
// two minutes for the first of these.
TEST(ConfigTest, ReadsOrRefusesManyObjectsInLinearTime) {
  const std::clock_t start = std::clock();  // of this process: what else runs does not count
  const std::string members = many_members(100'000, "{\"a\":[1,2]}");
  EXPECT_EQ(Config::parse("{" + members + "}", "file").keys().size(), 100'000u);
  EXPECT_THROW(Config::parse("{" + members + ",\"7\":0}", "file"), std::runtime_error);
  EXPECT_THROW(Config::parse("{" + members, "file"), std::runtime_error);
  const std::string list = "{\"a\":[{}" + repeated(",{}", 100'000) + "]}";
  EXPECT_TRUE(Config::parse(list, "file").is_list("a"));
  EXPECT_LT(double(std::clock() - start) / CLOCKS_PER_SEC, 5);
}

TEST(ConfigTest, AMillionValuesAreTheLimit) {
  // The object, the list, and what is in it.
  EXPECT_TRUE(Config::parse("{\"a\":[0" + repeated(",0", 999'997) + "]}", "file").is_list("a"));
  try {
    Config::parse("{\"a\":[0" + repeated(",0", 999'998) + "]}", "file");
    FAIL() << "it was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("[file] has more than a million values"));
  }
}

}  // namespace reel::models::config_test
