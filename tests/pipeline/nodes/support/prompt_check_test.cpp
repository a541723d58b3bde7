// What a model will not read of a prompt as it is written.
#include "pipeline/nodes/support/prompt_check.h"

#include <gmock/gmock.h>

namespace reel::pipeline::prompt_check_test {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(WordsBeyondTest, ArePromptWordsThatAreNotKnownInOrderAndOnce) {
  const std::vector<std::string> known = {"a", "cat", "on", "grass"};
  EXPECT_THAT(words_beyond(known, "a zebra, on a zebra over grass"), ElementsAre("zebra", "over"));
  EXPECT_THAT(words_beyond(known, "A CAT on (grass)."), IsEmpty());
  EXPECT_THAT(words_beyond(known, ""), IsEmpty());
}

TEST(WordsBeyondTest, TakesLettersBeyondAsciiForParts) {
  EXPECT_THAT(words_beyond({"a", "caf"}, "a café\xff 2nd"), ElementsAre("café\xff", "2nd"));
}

}  // namespace reel::pipeline::prompt_check_test
