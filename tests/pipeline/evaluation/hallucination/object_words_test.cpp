// Which objects captions name.
#include "pipeline/evaluation/hallucination/object_words.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "models/model_folder.h"

namespace reel::evaluation::object_words_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

ObjectWords vocabulary(const std::string& text) {
  std::istringstream stream(text);
  return {stream, "words.txt"};
}

const char* const kWords =
    "person, man, woman, child, policeman\n"
    "dog, puppy\n"
    "bear, panda\n"
    "teddy bear, teddybear\n"
    "hot dog\n"
    "bus\n"
    "train, locomotive\n"
    "plate\n"
    "airplane, jet, plane\n"
    "toilet\n"
    "chair, seat, stool\n"
    "wine glass\n"
    "knife\n"
    "couch, sofa\n"
    "mouse\n"
    "sheep, lamb\n"
    "tie\n";

std::vector<std::string> mentions(const std::string& caption) { return vocabulary(kWords).mentions(caption); }

TEST(ObjectWordsTest, NamesObjectsByTheirFirstWordInOrderWithRepetitions) {
  EXPECT_THAT(mentions("A Puppy on a sofa, and another puppy."), ElementsAre("dog", "couch", "dog"));
  EXPECT_THAT(mentions(""), IsEmpty());
}

TEST(ObjectWordsTest, ReadsPlurals) {
  EXPECT_THAT(mentions("puppies, buses, knives, mice, sheep, children, policemen, couches"),
              ElementsAre("dog", "bus", "knife", "mouse", "sheep", "person", "person", "couch"));
  EXPECT_THAT(mentions("two wine glasses and three hot dogs"), ElementsAre("wine glass", "hot dog"));
}

TEST(ObjectWordsTest, TakesPairsAsOneTerm) {
  EXPECT_THAT(mentions("a teddy bear eats a hot dog"), ElementsAre("teddy bear", "hot dog"));
  EXPECT_THAT(mentions("a baby bear"), ElementsAre("bear"));
  EXPECT_THAT(mentions("a passenger jet over a passenger train"), ElementsAre("airplane", "train"));
  EXPECT_THAT(mentions("home plate beside the train tracks"), IsEmpty()) << "neither a plate nor a train";
  EXPECT_THAT(mentions("a bow tie"), ElementsAre("tie"));
}

TEST(ObjectWordsTest, ASeatBesideAToiletIsNoChair) {
  EXPECT_THAT(mentions("a toilet with its seat up"), ElementsAre("toilet"));
  EXPECT_THAT(mentions("a toilet seat"), ElementsAre("toilet"));
  EXPECT_THAT(mentions("a seat"), ElementsAre("chair"));
}

TEST(ObjectWordsTest, RefusesAListThatMakesNoSense) {
  EXPECT_THAT([] { vocabulary("dog, puppy\ncat, puppy\n"); },
              ThrowsMessage<std::runtime_error>(
                  HasSubstr("[words.txt, line 2] 'puppy' is a word for 'dog' already")));
  EXPECT_THAT([] { vocabulary("dog, , puppy\n"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("has an empty word")));
  EXPECT_THAT([] { vocabulary("\n# nothing\n"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("holds no objects")));
}

TEST(ObjectWordsTest, TheShippedListHasCocosCategories) {
  std::ifstream file(models::assets_folder() + "/eval/coco_objects.txt");
  const ObjectWords words(file, "coco_objects.txt");
  EXPECT_EQ(words.objects().size(), 80u);
  EXPECT_THAT(words.mentions("A man on skis takes a photo of two giraffes with scissors and a cellphone."),
              ElementsAre("person", "skis", "giraffe", "scissors", "cell phone"));
}

}  // namespace reel::evaluation::object_words_test
