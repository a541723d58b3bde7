// `reel eval pope`, end to end: on drawn scenes, and on files in POPE's format.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "pipeline/media/pictures/picture_reader.h"
#include "tests/support/eval.h"
#include "tests/support/yes_no_model.h"

namespace reel::eval_pope_test {

using nlohmann::json;
using testing::HasSubstr;
namespace fs = std::filesystem;

class EvalPopeTest : public EvalTest {
 protected:
  void SetUp() override {
    if (!media::can_read_pictures()) GTEST_SKIP() << "this build reads no pictures";
    make_yes_no_model(path("model"));
  }
  CommandResult pope(std::vector<std::string> more) {
    more.insert(more.begin(), {"--model", "model", "--dtype", "f32", "--max-new-tokens", "3"});
    return eval(more, "pope");
  }
  json results(const CommandResult& result) {
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out)["variants"][0]["results"];
  }
};

TEST_F(EvalPopeTest, AsksAboutWhatIsDrawnAndWhatIsNot) {
  const json found = results(pope({"--scenes", "6", "--broken", "-o", "all.jsonl", "--json"}));
  for (const std::string split : {"random", "popular", "adversarial"}) {
    for (const char* key : {"accuracy", "f1", "yes_ratio", "auc"})
      EXPECT_TRUE(found.contains(split + "." + key)) << split << "." << key;
    const json& accuracy = found[split + ".accuracy"];
    EXPECT_GE(accuracy["count"], 12) << "of each scene one drawn object at least, and one that is not";
    EXPECT_LT(accuracy["low"], accuracy["value"]);
    // Drawn objects are the same in all splits, and so are the answers.
    EXPECT_EQ(found[split + ".recall"]["value"], found["random.recall"]["value"]);
  }
  std::map<std::string, double> margins;
  for (const std::string& text : lines("all.jsonl")) {
    const json line = json::parse(text);
    EXPECT_THAT(line["question"].get<std::string>(), HasSubstr("in the image?"));
    const std::string key = line["image"].get<std::string>() + line["question"].get<std::string>();
    const double margin = line["margin"];
    EXPECT_EQ(margins.emplace(key, margin).first->second, margin) << "asked once, whatever splits have it";
  }
}

TEST_F(EvalPopeTest, SavedScenesAndQuestionsGiveTheSameNumbers) {
  const json drawn = results(pope({"--scenes", "5", "--save", "kept", "--json"}));
  ASSERT_TRUE(fs::exists(path("kept/pope_adversarial.json")));
  const json read = results(pope({"--data", "kept/pope_random.json", "--data", "kept/pope_adversarial.json",
                                  "--images", "kept", "--suffix", "", "--json"}));
  for (const std::string split : {"random", "adversarial"}) {
    for (const char* key : {"accuracy", "precision", "recall", "f1", "yes_ratio", "auc"})
      EXPECT_EQ(read["pope_" + split + "." + key], drawn[split + "." + key]) << split << "." << key;
  }
}

TEST_F(EvalPopeTest, AsksPublishedQuestionsAsLlavaDoes) {
  ASSERT_EQ(pope({"--scenes", "1", "--save", "kept"}).code, 0);
  std::ofstream(path("one.json"))
      << R"({"question_id": 1, "image": "0001.png", "text": "Is there a dog?", "label": "no"})";
  const CommandResult result = pope({"--data", "one.json", "--images", "kept", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["suffix"], "\nAnswer the question using a single word or phrase.");
  EXPECT_EQ(results(result)["one.accuracy"]["count"], 1);
  EXPECT_EQ(results(result)["one.auc"]["value"], nullptr) << "one answer only";
}

TEST_F(EvalPopeTest, SaysWhichPicturesAreMissing) {
  fs::create_directory(path("empty"));
  std::ofstream(path("one.json")) << R"({"image": "away.jpg", "text": "Is there a dog?", "label": "no"})";
  const CommandResult result = pope({"--data", "one.json", "--images", "empty"});
  EXPECT_EQ(result.code, 4);
  EXPECT_THAT(result.err, HasSubstr("[empty] lacks 1 of 1 pictures that are asked about ('away.jpg')"));
  EXPECT_EQ(pope({"--data", "one.json"}).code, 2);
  EXPECT_EQ(pope({"--data", "one.json", "--images", "empty", "--broken"}).code, 2);
}

TEST_F(EvalPopeTest, SaysThatAModelWithoutTheWordsHasNoCurve) {
  const std::string captioner = std::string(REEL_GOLDEN) + "/captions/llava_1.5_hf";
  const CommandResult result = pope({"--model", captioner, "--scenes", "2", "--json"});
  EXPECT_FALSE(results(result).contains("random.auc"));
  EXPECT_TRUE(results(result).contains("random.accuracy"));
  EXPECT_THAT(result.err, HasSubstr("there is no AUC"));
}

}  // namespace reel::eval_pope_test
