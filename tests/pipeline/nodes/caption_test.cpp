// LoadCaptioner and Caption: pictures of a graph into lines of text.
#include <gmock/gmock.h>

#include "tests/pipeline/nodes/node_testing.h"
#include "tests/support/captions.h"

namespace reel::pipeline::caption_test {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class CaptionTest : public testing::Test {
 protected:
  const CaptionGoldens goldens_{"resaved_pad_bf16"};
  NodeBench bench_;

  CaptionerHandle captioner() {
    return bench_.get<CaptionerHandle>("LoadCaptioner", {{"model_path", goldens_.folder()}});
  }
  /// The picture of a request as IMAGE, [1, H, W, 3] in 0 to 1.
  at::Tensor image(size_t request) const {
    return media::read_picture(goldens_.requests[request].pictures[0]).to(at::kFloat).div(255).unsqueeze(0);
  }
};

TEST_F(CaptionTest, Declares) {
  EXPECT_THAT(bench_.sockets("LoadCaptioner"),
              ElementsAre("model_path: STRING = emoji-llava", "-> CAPTIONER"));
  EXPECT_THAT(bench_.sockets("Caption"),
              ElementsAre("captioner: CAPTIONER", "images: IMAGE",
                          "prompt: STRING = ", "max_new_tokens: INT = 0 in 0 to 65536",
                          "temperature: FLOAT = 0 in 0 to 100", "seed: INT = 0, seed", "-> STRING"));
}

TEST_F(CaptionTest, SaysWhatTransformersSays) {
  for (const size_t i : {0, 1, 2, 3, 4}) {
    EXPECT_EQ(bench_.get<std::string>("Caption", {{"captioner", captioner()},
                                                  {"images", Images{image(i)}},
                                                  {"prompt", goldens_.requests[i].question}}),
              goldens_.requests[i].text);
    ASSERT_THAT(bench_.report.shown, SizeIs(1));
    EXPECT_EQ(bench_.report.shown[0].kind, "text");
    EXPECT_EQ(bench_.report.shown[0].text, goldens_.requests[i].text);
  }
}

TEST_F(CaptionTest, TakesBrightnessBeyondItsRangeAsItsEnds) {
  const auto say = [&](const at::Tensor& pixels) {
    return bench_.get<std::string>("Caption", {{"captioner", captioner()}, {"images", Images{pixels}}});
  };
  const at::Tensor steep = (image(0) - 0.5) * 6 + 0.5;
  EXPECT_EQ(say(steep), say(steep.clamp(0, 1)));
}

TEST_F(CaptionTest, AsksTheModelsOwnQuestionIfThereIsNone) {
  EXPECT_EQ(bench_.get<std::string>("Caption", {{"captioner", captioner()}, {"images", Images{image(0)}}}),
            goldens_.requests[0].text);
}

TEST_F(CaptionTest, WritesOneLineForEachPictureInTheirOrder) {
  const at::Tensor first = image(1), second = first.flip({1, 2}) * 0.5;
  const auto say = [&](const at::Tensor& pixels) {
    return bench_.get<std::string>(
        "Caption",
        {{"captioner", captioner()}, {"images", Images{pixels}}, {"prompt", "What is in the picture?"}});
  };
  const std::string a = say(first), b = say(second);
  EXPECT_EQ(a, goldens_.requests[1].text);
  ASSERT_NE(a, b);
  std::vector<int64_t> steps;
  bench_.on_step([&](const Stepped& stepped) { steps.push_back(stepped.done); });
  EXPECT_EQ(say(at::cat({first, second, first})), a + "\n" + b + "\n" + a);
  EXPECT_THAT(steps, ElementsAre(1, 2, 3));
}

TEST_F(CaptionTest, ReadsValuesBeyondZeroToOneAsTheNearest) {
  const at::Tensor picture = at::where(image(1) > 0.5, 1.0, 0.0);
  const auto say = [&](const at::Tensor& pixels) {
    return bench_.get<std::string>("Caption", {{"captioner", captioner()}, {"images", Images{pixels}}});
  };
  EXPECT_EQ(say(picture * 9 - 4), say(picture));
}

TEST_F(CaptionTest, HonoursTheNumberOfTokensAndChance) {
  const auto say = [&](int64_t tokens, double temperature, int64_t seed) {
    return bench_.get<std::string>("Caption", {{"captioner", captioner()},
                                               {"images", Images{image(1)}},
                                               {"prompt", "What is in the picture?"},
                                               {"max_new_tokens", tokens},
                                               {"temperature", temperature},
                                               {"seed", seed}});
  };
  const std::string whole = goldens_.requests[1].text;
  EXPECT_EQ(say(12, 0, 0), whole);
  EXPECT_EQ(say(12, 0, 9), whole) << "nothing is left to chance";
  EXPECT_THAT(whole, testing::StartsWith(say(3, 0, 0)));
  EXPECT_LT(say(3, 0, 0).size(), whole.size());
  EXPECT_EQ(say(12, 5, 4), say(12, 5, 4));
  EXPECT_NE(say(12, 5, 4), say(12, 5, 5));
}

TEST_F(CaptionTest, GivesEachPictureAChanceOfItsOwn) {
  const auto say = [&](const at::Tensor& pixels, int64_t seed) {
    return bench_.get<std::string>(
        "Caption",
        {{"captioner", captioner()}, {"images", Images{pixels}}, {"temperature", 5.0}, {"seed", seed}});
  };
  const std::string a = say(image(1), 4), b = say(image(1), 5);
  ASSERT_NE(a, b);
  EXPECT_EQ(say(at::cat({image(1), image(1)}), 4), a + "\n" + b);
}

TEST_F(CaptionTest, RefusesWhatCannotBeAsked) {
  const auto refusal = [&](const std::string& prompt) {
    return bench_.refusal("Caption",
                          {{"captioner", captioner()}, {"images", Images{image(0)}}, {"prompt", prompt}});
  };
  EXPECT_THAT(refusal("Is <image> a cat?"), HasSubstr("[prompt] must not hold '<image>'"));
  std::string novel;
  for (int i = 0; i < 60; ++i) novel += "a horse on the moon and ";
  EXPECT_THAT(refusal(novel), AllOf(HasSubstr("the model takes 96"), HasSubstr("shorten the prompt")));
}

TEST_F(CaptionTest, RefusesModelsThatMakeVideos) {
  EXPECT_THAT(bench_.refusal<std::runtime_error>("LoadCaptioner", {{"model_path", tiny_model()}}),
              AllOf(HasSubstr(tiny_model()), HasSubstr("makes videos and writes no captions")));
}

TEST_F(CaptionTest, WarnsOfSettingsThatAreNotFollowed) {
  const CaptionGoldens original("original_llava");
  const auto model = bench_.get<CaptionerHandle>("LoadCaptioner", {{"model_path", original.folder()}});
  bench_.run("Caption", {{"captioner", model}, {"images", Images{image(0)}}, {"max_new_tokens", int64_t{1}}});
  std::string all;
  for (const auto& warning : bench_.run_report.warnings) all += warning + "\n";
  EXPECT_THAT(all, AllOf(HasSubstr("'temperature' has no effect without do_sample"), HasSubstr("'top_p'")));
}

}  // namespace reel::pipeline::caption_test
