#include "models/config.h"

#include <gmock/gmock.h>

namespace reel::models {
namespace {

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

}  // namespace
}  // namespace reel::models
