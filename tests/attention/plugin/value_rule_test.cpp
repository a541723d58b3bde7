#include "attention/plugin/value_rule.h"

#include <gmock/gmock.h>

namespace reel::value_rule_test {

TEST(ValueRuleTest, ReadsDecimalIntegersAndNothingElse) {
  EXPECT_EQ(read_integer("0"), 0);
  EXPECT_EQ(read_integer("-12"), -12);
  EXPECT_EQ(read_integer("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(read_unsigned("18446744073709551615"), UINT64_MAX);
  for (const char* text :
       {"",    " ",       " 4", "4 ",    "+4",    "4.0",  "4.7", "1e3", "0x10",
        "010", "-01",     "00", "1_000", "1,000", "four", "4x",  "nan", "9223372036854775808",
        "--4", "\xd9\xa4"})
    EXPECT_EQ(read_integer(text), std::nullopt) << text;
  for (const char* text : {"-1", "-0x1", "18446744073709551616", "1.5", "1e999"})
    EXPECT_EQ(read_unsigned(text), std::nullopt) << text;
}

TEST(ValueRuleTest, ReadsFiniteNumbers) {
  EXPECT_EQ(read_number("7"), 7.0);
  EXPECT_EQ(read_number("-0.5"), -0.5);
  EXPECT_EQ(read_number(".5"), 0.5);
  EXPECT_EQ(read_number("1e-3"), 0.001);
  for (const char* text : {"", "nan", "NaN", "inf", "-inf", "infinity", "1e999", "-1e999", "0x1p3", "+1",
                           "1.5 ", " 1.5", "1,5", "1.5x", "007", "-01.5", "1.2.3", "e5"})
    EXPECT_EQ(read_number(text), std::nullopt) << text;
}

TEST(ValueRuleTest, ConvertsOnlyIntegersWhereANumberIsWanted) {
  const ValueRule integer{ValueType::kInteger, {{1, 10}}}, number{ValueType::kNumber, {{0, 10}}},
      seed{ValueType::kSeed}, flag{ValueType::kFlag}, text{ValueType::kText};
  EXPECT_EQ(fit_value(number, int64_t{4}), GivenValue(4.0));
  EXPECT_EQ(fit_value(integer, uint64_t{4}), GivenValue(int64_t{4}));
  EXPECT_EQ(fit_value(seed, int64_t{4}), GivenValue(uint64_t{4}));
  EXPECT_EQ(fit_value(integer, 4.0), std::nullopt);
  EXPECT_EQ(fit_value(integer, true), std::nullopt);
  EXPECT_EQ(fit_value(integer, int64_t{11}), std::nullopt);
  EXPECT_EQ(fit_value(integer, UINT64_MAX), std::nullopt);
  EXPECT_EQ(fit_value(number, std::nan("")), std::nullopt);
  EXPECT_EQ(fit_value(number, std::string("4")), std::nullopt);
  EXPECT_EQ(fit_value(seed, int64_t{-1}), std::nullopt);
  EXPECT_EQ(fit_value(seed, 1.0), std::nullopt);
  EXPECT_EQ(fit_value(flag, int64_t{1}), std::nullopt);
  EXPECT_EQ(fit_value(text, int64_t{1}), std::nullopt);
}

TEST(ValueRuleTest, SaysWhatAValueMustBeAndTheWayOut) {
  const ValueRule blend{.choices = {"linear", "hold"}}, frames{ValueType::kInteger, {{1, 4096}}},
      seed{.type = ValueType::kSeed, .way_out = "leave it out for a random one"};
  EXPECT_STREQ(BadValue("place", "blend", blend, "linaer", "see help").what(),
               "[place] 'blend' must be linear or hold, got linaer; did you mean 'linear'?");
  EXPECT_STREQ(BadValue("place", "frames", frames, "0", "see help").what(),
               "[place] 'frames' must be an integer from 1 to 4096, got 0; see help");
  EXPECT_EQ(BadValue("place", "seed", seed, "-1", "see help").fault(),
            "must be an integer from 0 to 2^64-1, got -1; leave it out for a random one");
}

}  // namespace reel::value_rule_test
