#include "guidance/prompt_key.h"

#include <gtest/gtest.h>

namespace reel::guidance::prompt_key_test {

TEST(PromptKeyTest, IsAFrameAColonAndTheTextBehindIt) {
  for (const auto& [text, frame, prompt] : {std::tuple{"8:a cat", 8, "a cat"},
                                            {"0: \ta cat: red", 0, "a cat: red"},
                                            {"000000004:snow", 4, "snow"},
                                            {"999999999:end ", 999999999, "end "},
                                            {"7:", 7, ""},
                                            {"7: \r", 7, ""},
                                            {"1:2:3", 1, "2:3"}}) {
    const auto key = find_prompt_key(text);
    ASSERT_TRUE(key) << text;
    EXPECT_EQ(key->frame, frame) << text;
    EXPECT_EQ(key->text, prompt) << text;
  }
}

TEST(PromptKeyTest, OtherTextsAreNoKeysAndTheErrorNamesPlaceAndText) {
  for (const std::string text : {"", "a cat", ":a cat", "-1:a cat", "1.5:a cat", " 1:a cat", "1 :a cat",
                                 "x:a cat", "12", "1000000000:a cat", "a 3:cat"}) {
    EXPECT_FALSE(find_prompt_key(text)) << text;
    try {
      read_prompt_key("--prompt-at", text);
      ADD_FAILURE() << text << " was taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(error.what(), "[--prompt-at] a prompt at a frame is written FRAME:TEXT, got '" + text +
                                  "'; for example 8:a dog on grass");
    }
  }
  EXPECT_EQ(read_prompt_key("--prompt-at", "3:snow").frame, 3);
}

}  // namespace reel::guidance::prompt_key_test
