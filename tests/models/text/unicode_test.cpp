#include "models/text/unicode.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace reel::models::unicode_test {

constexpr char32_t kEnd = 0x110000;

// Classes and lower case of the reference, for every code point; tests/golden/tokenizer/README.md describes
// them.
nlohmann::json reference() {
  std::ifstream file(REEL_GOLDEN "/tokenizer/character_classes.json");
  return nlohmann::json::parse(file);
}

std::string name(char32_t point) {
  char text[16];
  std::snprintf(text, sizeof text, "U+%04X", static_cast<unsigned>(point));
  return text;
}

// Fails at the first code point where `is` differs from the listed ranges.
void expect_ranges(const nlohmann::json& ranges, bool (*is)(char32_t)) {
  ASSERT_FALSE(ranges.empty());
  char32_t point = 0;
  for (const auto& range : ranges) {
    for (; point < range.at(0).get<char32_t>(); ++point) ASSERT_FALSE(is(point)) << name(point);
    for (; point <= range.at(1).get<char32_t>(); ++point) ASSERT_TRUE(is(point)) << name(point);
  }
  for (; point < kEnd; ++point) ASSERT_FALSE(is(point)) << name(point);
}

TEST(UnicodeTest, ClassesAreThoseOfTheReferenceForEveryCodePoint) {
  const nlohmann::json classes = reference();
  expect_ranges(classes.at("letters"), is_letter);
  expect_ranges(classes.at("numbers"), is_number);
  expect_ranges(classes.at("white_space"), is_space);
}

TEST(UnicodeTest, LowerCaseIsThatOfTheReferenceForEveryCodePoint) {
  const nlohmann::json classes = reference();
  std::map<char32_t, std::u32string> lower;
  for (const auto& row : classes.at("lower_case")) {
    for (size_t i = 1; i < row.size(); ++i)
      lower[row.at(0).get<char32_t>()].push_back(row.at(i).get<char32_t>());
  }
  for (char32_t point = 0; point < kEnd; ++point) {
    const auto found = lower.find(point);
    const std::u32string expected = found == lower.end() ? std::u32string(1, point) : found->second;
    ASSERT_EQ(lower_case({&point, 1}), expected) << name(point);
  }
}

TEST(UnicodeTest, MovesExactlyTheMarksThatTheReferenceMoves) {
  const nlohmann::json classes = reference();
  std::map<char32_t, bool> marks;
  for (const auto& range : classes.at("combining")) {
    for (auto point = range.at(0).get<char32_t>(); point <= range.at(1).get<char32_t>(); ++point)
      marks[point] = true;
  }
  ASSERT_LT(marks.rbegin()->first, 0x20000u);
  for (char32_t point = 0x300; point < 0x20000; ++point) {
    if (compose({point}) != std::u32string{point} || point == 0x334 || point == 0x345) continue;
    // A mark moves before one of a higher class, or one of a lower class moves before it.
    const std::u32string low = {point, 0x334}, high = {0x345, point};
    ASSERT_EQ(compose(low) != low || compose(high) != high, marks.contains(point)) << name(point);
  }
}

TEST(UnicodeTest, ComposesCanonically) {
  EXPECT_EQ(compose(U"e\u0301"), U"\u00E9");
  EXPECT_EQ(compose(U"\u212B"), U"\u00C5");                // one for one
  EXPECT_EQ(compose(U"q\u0307\u0323"), U"q\u0323\u0307");  // marks in order
  EXPECT_EQ(compose(U"d\u0307\u0323"), U"\u1E0D\u0307");   // and joined in that order
  EXPECT_EQ(compose(U"a\u0315\u0300"), U"\u00E0\u0315");   // past a mark of a higher class
  EXPECT_EQ(compose(U"a\u0300\u0300"), U"\u00E0\u0300");   // not past one of the same class
  EXPECT_EQ(compose(U"\u0915\u093C"), U"\u0915\u093C");    // excluded from composition
  EXPECT_EQ(compose(U"\u0958"), U"\u0915\u093C");
  EXPECT_EQ(compose(U"\uFB2C"), U"\u05E9\u05BC\u05C1");  // taken apart in two steps
  EXPECT_EQ(compose(U"\u0344"), U"\u0308\u0301");
  EXPECT_EQ(compose(U"\u0301a"), U"\u0301a");  // nothing to join
  EXPECT_EQ(compose(U""), U"");
  EXPECT_EQ(compose(U"\U00011935\U00011930"), U"\U00011935\U00011930");  // composes since Unicode 13
}

TEST(UnicodeTest, ComposesHangulByArithmetic) {
  EXPECT_EQ(compose(U"\u1100\u1161"), U"\uAC00");
  EXPECT_EQ(compose(U"\u1100\u1161\u11A8"), U"\uAC01");
  EXPECT_EQ(compose(U"\uAC00\u11A8"), U"\uAC01");
  EXPECT_EQ(compose(U"\uAC00\u11A7"), U"\uAC00\u11A7");  // one before the first tail
  EXPECT_EQ(compose(U"\uAC01\u11A8"), U"\uAC01\u11A8");  // has a tail already
  for (char32_t point = 0xAC00; point < 0xD7A4; ++point) ASSERT_EQ(compose({point}), std::u32string{point});
}

}  // namespace reel::models::unicode_test
