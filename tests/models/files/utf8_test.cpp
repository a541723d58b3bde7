#include "models/files/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace reel::models::utf8_test {

TEST(Utf8Test, ReadsEverySoundCharacter) {
  for (char32_t point = 0; point < 0x110000; ++point) {
    if (point >= 0xD800 && point <= 0xDFFF) continue;
    ASSERT_EQ(from_utf8(to_utf8({&point, 1})), std::u32string(1, point)) << static_cast<uint32_t>(point);
  }
}

TEST(Utf8Test, ReplacesMalformedBytesAsPythonDoes) {
  const std::vector<std::pair<std::string, size_t>> cases = {
      {"\x80", 1},              // a continuation alone
      {"\xC0\x80", 2},          // overlong
      {"\xE0\x80\x80", 3},      // overlong
      {"\xED\xA0\x80", 3},      // a surrogate
      {"\xF4\x90\x80\x80", 4},  // above U+10FFFF
      {"\xF5\x80", 2},          // no lead byte
      {"\xE2\x82", 1},          // cut off: one for the start of a character
      {"\xF0\x9F\x98", 1},      // cut off
      {"\xF0\x9F\xFF", 2},
  };
  for (const auto& [bytes, count] : cases) {
    const std::u32string replaced(count, 0xFFFD);
    EXPECT_EQ(from_utf8(bytes), replaced) << testing::PrintToString(bytes);
    EXPECT_EQ(from_utf8("a" + bytes + "b"), U"a" + replaced + U"b") << testing::PrintToString(bytes);
  }
}

}  // namespace reel::models::utf8_test
