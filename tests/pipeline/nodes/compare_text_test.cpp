// CompareText: which words of one text another has.
#include <gmock/gmock.h>

#include "tests/pipeline/nodes/node_testing.h"

namespace reel::pipeline::compare_text_test {

using testing::ElementsAre;
using testing::HasSubstr;

class CompareTextTest : public testing::Test {
 protected:
  /// "share; found; missing".
  std::string compare(const std::string& text, const std::string& expected, const std::string& ignore = "") {
    const std::vector<Value> values =
        bench_.run("CompareText", {{"text", text}, {"expected", expected}, {"ignore", ignore}});
    return std::to_string(std::get<double>(values.at(0))).substr(0, 4) + "; " +
           std::get<std::string>(values.at(1)) + "; " + std::get<std::string>(values.at(2));
  }
  NodeBench bench_;
};

TEST_F(CompareTextTest, Declares) {
  EXPECT_THAT(bench_.sockets("CompareText"),
              ElementsAre("text: STRING", "expected: STRING", "ignore: STRING = ", "-> FLOAT", "-> STRING",
                          "-> STRING"));
}

TEST_F(CompareTextTest, CountsTheWordsThatNameSomething) {
  EXPECT_EQ(compare("A boat at sea.", "a boat moving right at sea", "moving right"), "1.00; boat, sea; ");
  EXPECT_EQ(compare("a dog in the snow", "a boat at sea"), "0.00; ; boat, sea");
  EXPECT_EQ(compare("the boat", "a boat at sea"), "0.50; boat; sea");
}

TEST_F(CompareTextTest, TakesSingularAndPluralAsOneWord) {
  EXPECT_EQ(compare("two boats, foxes and puppies", "a boat, a fox, a puppy"), "1.00; boat, fox, puppy; ");
  EXPECT_EQ(compare("a bus and glasses", "buses on glass"), "1.00; buses, glass; ");
  EXPECT_EQ(compare("a boat", "boats, boat"), "1.00; boats; ") << "forms of one word count once";
  EXPECT_EQ(compare("a dog", "a bus"), "0.00; ; bus");
}

TEST_F(CompareTextTest, KeepsLettersBeyondAscii) { EXPECT_EQ(compare("Ein Fuß", "fuß"), "1.00; fuß; "); }

TEST_F(CompareTextTest, RefusesATextWithoutWordsThatCount) {
  EXPECT_THAT(bench_.refusal("CompareText", {{"text", std::string("x")}, {"expected", std::string("the")}}),
              HasSubstr("[expected] must hold a word that counts"));
}

}  // namespace reel::pipeline::compare_text_test
