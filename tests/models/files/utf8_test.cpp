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

TEST(Utf8Test, NamesCharactersThatAreObeyedOrNotSeen) {
  for (const char32_t point :
       {0x0,    0x1B,   0x7F,   0x85,   0x9B,   0xAD,   0x61C,  0x200B, 0x200D,  0x200E, 0x2028,
        0x202A, 0x202E, 0x2060, 0x2066, 0x2069, 0x206F, 0xFEFF, 0xFFF9, 0xE0001, 0xE0041})
    EXPECT_TRUE(is_hidden(point)) << std::hex << uint32_t{point};
  for (const char32_t point : {0x20, 0x7E, 0xA0, 0xE9, 0x300, 0x5D0, 0x627, 0x2010, 0x202F, 0x20AC, 0x2764,
                               0xFE0F, 0xFFFD, 0x1F98A, 0x1F3FD, 0xE0100, 0x10FFFD})
    EXPECT_FALSE(is_hidden(point)) << std::hex << uint32_t{point};
}

TEST(Utf8Test, EscapesForMessagesAndForJson) {
  const std::string text = "é \u202e\x1b\n\x7f\xff\u200d\xe2\x80 \U000e0041\u2764\ufe0f";
  EXPECT_EQ(escaped(text),
            "é \\xe2\\x80\\xae\\x1b\\n\\x7f\\xff\\xe2\\x80\\x8d\\xe2\\x80 \\xf3\\xa0\\x81\\x81\u2764\ufe0f");
  EXPECT_EQ(json_escaped("{\n\t\"é\u202e\": \"\x7f\u0085\U000e0041\u2764\ufe0f\"}"),
            "{\n\t\"é\\u202e\": \"\\u007f\\u0085\\udb40\\udc41\u2764\ufe0f\"}");
  EXPECT_EQ(whole_characters("aé", 2), "a");
  EXPECT_EQ(whole_characters("aéb", 3), "aé");
}

}  // namespace reel::models::utf8_test
