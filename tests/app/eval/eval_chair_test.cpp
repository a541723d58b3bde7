// `reel eval chair`, end to end: on drawn scenes, on COCO's pictures, and on captions that are there already.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "app/eval/captions/caption_eval_options.h"
#include "pipeline/media/pictures/picture_reader.h"
#include "tests/support/eval.h"

namespace reel::eval_chair_test {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

class EvalChairTest : public EvalTest {
 protected:
  void SetUp() override {
    if (!media::can_read_pictures()) GTEST_SKIP() << "this build reads no pictures";
  }
  CommandResult chair(const std::vector<std::string>& more) { return eval(more, "chair"); }
  /// On a tiny random model.
  CommandResult asked(std::vector<std::string> more) {
    more.insert(more.begin(), {"--model", captioner_, "--dtype", "f32", "--max-new-tokens", "8"});
    return chair(more);
  }
  json first_results(const CommandResult& result) {
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out)["variants"][0]["results"];
  }
  std::string text(const std::string& name) {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  const std::string captioner_ = std::string(REEL_GOLDEN) + "/captions/llava_1.5_hf";
};

TEST_F(EvalChairTest, TrueCaptionsInventNothingAndNameAll) {
  for (const bool broken : {false, true}) {
    std::vector<std::string> words = {"--truth", "--scenes", "300", "--json"};
    if (broken) words.push_back("--broken");
    const CommandResult result = chair(words);
    const json found = first_results(result);
    EXPECT_EQ(found["chair_i"]["value"], 0);
    EXPECT_EQ(found["chair_s"]["value"], 0);
    EXPECT_EQ(found["chair_s"]["count"], 300);
    EXPECT_GT(found["chair_s"]["high"], 0.005);
    EXPECT_EQ(found["recall"]["value"], 1);
    EXPECT_EQ(found["f1"]["value"], 1);
    EXPECT_EQ(found["expected"]["value"], nullptr) << "nothing is invented";
    EXPECT_EQ(json::parse(result.out)["broken"], broken);
  }
}

TEST_F(EvalChairTest, SavesPicturesAndTheirTruth) {
  ASSERT_EQ(chair({"--truth", "--scenes", "3", "--seed", "5", "--save", "a"}).code, 0);
  ASSERT_EQ(chair({"--truth", "--scenes", "2", "--seed", "5", "--save", "b"}).code, 0);
  EXPECT_EQ(text("a/0002.png"), text("b/0002.png")) << "fewer scenes are the first of more";
  EXPECT_NE(text("a/0001.png"), text("a/0002.png"));
  const std::vector<std::string> truth = lines("a/truth.jsonl");
  ASSERT_EQ(truth.size(), 3u);
  const json first = json::parse(truth[0]);
  EXPECT_EQ(first["image"], "0001.png");
  EXPECT_THAT(first["description"].get<std::string>(),
              HasSubstr(first["background"].get<std::string>() + "."));
  for (const json& name : first["objects"])
    EXPECT_THAT(first["description"].get<std::string>(), HasSubstr(name.get<std::string>().substr(0, 4)));
  const CommandResult again = chair({"--truth", "--scenes", "3", "--save", "a"});
  EXPECT_EQ(again.code, 4) << again.out;
  EXPECT_THAT(again.err, HasSubstr("0001.png"));
  EXPECT_EQ(chair({"--truth", "--scenes", "3", "--save", "a", "-y"}).code, 0);
}

TEST_F(EvalChairTest, ScoresAModelWhateverTheBatch) {
  const CommandResult result = asked({"--scenes", "5", "-o", "one.jsonl", "--batch", "1", "--json"});
  const json found = first_results(result);
  for (const char* key : {"chair_i", "chair_s", "recall", "precision", "f1", "length"})
    EXPECT_TRUE(found.contains(key)) << key;
  EXPECT_EQ(json::parse(result.out)["model"]["name"], "llava_1.5_hf");
  ASSERT_EQ(asked({"--scenes", "5", "-o", "all.jsonl", "--batch", "4"}).code, 0);
  EXPECT_EQ(text("one.jsonl"), text("all.jsonl"));
  ASSERT_EQ(lines("one.jsonl").size(), 5u);
  const json line = json::parse(lines("one.jsonl")[0]);
  EXPECT_EQ(line["image"], "0001.png");
  EXPECT_FALSE(line["caption"].get<std::string>().empty());
}

TEST_F(EvalChairTest, ComparesEdits) {
  const CommandResult result =
      asked({"--scenes", "4", "--edits", "none,scale:factor=0.2,none", "-o", "all.jsonl", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json variants = json::parse(result.out)["variants"];
  ASSERT_EQ(variants.size(), 3u);
  EXPECT_FALSE(variants[0].contains("difference"));
  EXPECT_EQ(variants[1]["edits"][0], "scale:factor=0.2");
  EXPECT_EQ(variants[2]["difference"]["length"]["value"], 0);
  EXPECT_EQ(variants[2]["difference"]["length"]["high"], 0);
  const std::vector<std::string> all = lines("all.jsonl");
  ASSERT_EQ(all.size(), 12u);
  EXPECT_NE(json::parse(all[0])["caption"], json::parse(all[4])["caption"]) << "the edit changes the text";
  EXPECT_EQ(json::parse(all[0])["caption"], json::parse(all[8])["caption"]);
  const std::string table = asked({"--scenes", "4", "--edits", "none,scale:factor=0.2"}).out;
  EXPECT_THAT(table, HasSubstr("unedited"));
  EXPECT_THAT(table, HasSubstr("difference to unedited"));
}

/// Annotations of three pictures, and captions of two.
class CocoChairTest : public EvalChairTest {
 protected:
  void SetUp() override {
    std::ofstream(path("instances.json")) << json{
        {"images", {{{"id", 7}}, {{"id", 8}}, {{"id", 9}}}},
        {"categories", {{{"id", 18}, {"name", "dog"}}, {{"id", 3}, {"name", "car"}}}},
        {"annotations", {{{"image_id", 7}, {"category_id", 18}}, {{"image_id", 8}, {"category_id", 3}}}}};
    std::ofstream(path("people.json"))
        << json{{"annotations", {{{"image_id", 7}, {"caption", "A dog beside a bench."}}}}};
    std::ofstream(path("captions.jsonl"))
        << R"({"image_id": 7, "caption": "Two dogs and a cat on a bench."})"
        << "\n"
        << R"({"image": "COCO_val2014_000000000008.jpg", "caption": "A car."})"
        << "\n";
  }
};

TEST_F(CocoChairTest, ScoresCaptionsThatAreThereAlready) {
  const CommandResult result = chair({"--data", "captions.jsonl", "--instances", "instances.json",
                                      "--captions", "people.json", "-o", "all.jsonl", "--json"});
  const json found = first_results(result);
  EXPECT_DOUBLE_EQ(found["chair_i"]["value"], 1.0 / 4) << "dogs, cat, bench, car";
  EXPECT_DOUBLE_EQ(found["chair_s"]["value"], 1.0 / 2);
  EXPECT_DOUBLE_EQ(found["recall"]["value"], 1);
  EXPECT_DOUBLE_EQ(found["length"]["value"], (8 + 2) / 2.0);
  EXPECT_THAT(json::parse(lines("all.jsonl")[0])["invented"], ElementsAre("cat"));
  // Without what people name, the bench is invented too, and that is said.
  const CommandResult alone = chair({"--data", "captions.jsonl", "--instances", "instances.json", "--json"});
  EXPECT_DOUBLE_EQ(first_results(alone)["chair_i"]["value"], 2.0 / 4);
  EXPECT_THAT(alone.err, HasSubstr("more counts as invented"));
}

TEST_F(CocoChairTest, AsksAModelAboutAFolder) {
  if (!media::can_read_pictures()) GTEST_SKIP() << "this build reads no pictures";
  ASSERT_EQ(chair({"--truth", "--scenes", "2", "--save", "drawn"}).code, 0);
  fs::create_directory(path("photos"));
  fs::copy(path("drawn/0001.png"), path("photos/COCO_val2014_000000000007.png"));
  fs::copy(path("drawn/0002.png"), path("photos/COCO_val2014_000000000009.png"));
  const CommandResult result =
      asked({"--images", "photos", "--instances", "instances.json", "--captions", "people.json", "--json"});
  EXPECT_EQ(first_results(result)["chair_s"]["count"], 2);
  fs::copy(path("drawn/0002.png"), path("photos/COCO_val2014_000000000123.png"));
  const CommandResult unknown =
      asked({"--images", "photos", "--instances", "instances.json", "--captions", "people.json"});
  EXPECT_EQ(unknown.code, 4);
  EXPECT_THAT(unknown.err, HasSubstr("says nothing of 1 of 3 pictures ('COCO_val2014_000000000123.png')"));
}

TEST_F(CocoChairTest, NamesTheLineThatIsNoCaption) {
  for (const char* line : {"{\"image_id\": 8}", "{\"caption\": \"a\"}", "[1]x", "7",
                           "{\"image_id\": 7, \"caption\": \"again\"}"}) {
    std::ofstream(path("bad.jsonl")) << "{\"image_id\": 7, \"caption\": \"A dog.\"}\n" << line << "\n";
    const CommandResult result = chair({"--data", "bad.jsonl", "--instances", "instances.json"});
    EXPECT_EQ(result.code, 4) << line;
    EXPECT_THAT(result.err, HasSubstr("[bad.jsonl, line 2]")) << line;
  }
}

TEST_F(EvalChairTest, RefusesOptionsThatWouldChangeNothing) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--truth", "--edit", "scale:factor=2"}, "[--edit] is for a model"},
      {{"--truth", "--model", "x"}, "[--model] is for a model"},
      {{"--data", "a.jsonl", "--instances", "i.json", "--scenes", "3"}, "[--scenes] is for scenes"},
      {{"--data", "a.jsonl"}, "[--instances] is needed"},
      {{"--data", "a.jsonl", "--instances", "i.json", "--batch", "2"}, "[--batch] is for a model"},
      {{"--instances", "i.json"}, "[--instances] is for published pictures"},
      {{"--edit", "scale", "--edits", "none"}, "[--edits] compares edits"},
      {{"--edits", "none,,scale"}, "[--edits] must be names separated by commas"}};
  for (const auto& [words, message] : cases) {
    const CommandResult result = chair(words);
    EXPECT_EQ(result.code, 2) << message << result.out;
    EXPECT_THAT(result.err, HasSubstr(message));
  }
}

TEST(VariantsTest, ACommaBeginsAnEditUnlessAnOptionFollows) {
  app::CaptionEvalOptions options;
  EXPECT_THAT(app::variants_of(options), ElementsAre(ElementsAre()));
  options.edits = {"a", "b"};
  EXPECT_THAT(app::variants_of(options), ElementsAre(ElementsAre("a", "b")));
  options.edits.clear();
  options.variants = "none,scale:factor=2,layers=3,tap@kind=self,layer=1,broadway";
  EXPECT_THAT(app::variants_of(options),
              ElementsAre(ElementsAre(), ElementsAre("scale:factor=2,layers=3"),
                          ElementsAre("tap@kind=self,layer=1"), ElementsAre("broadway")));
}

}  // namespace reel::eval_chair_test
