// CLIPTextEncode: one prompt as the context of a text encoder, and what it warns of.
#include <gmock/gmock.h>

#include "models/model_folder.h"
#include "tests/pipeline/nodes/node_testing.h"
#include "tests/support/temporary_folder.h"

namespace reel::pipeline::clip_text_encode_test {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(ClipTextEncodeTest, Declares) {
  EXPECT_THAT(NodeBench().sockets("CLIPTextEncode"),
              ElementsAre("text: STRING", "clip: CLIP", "-> CONDITIONING"));
  EXPECT_TRUE(NodeBench().node("CLIPTextEncode").input("text")->multiline);
}

TEST(ClipTextEncodeTest, GivesWhatTheFoldersTextEncoderGives) {
  const models::ComponentFiles files = models::ModelFolder::open(tiny_model()).text_encoder;
  const auto encoder = models::families().of(files.config).text_encoder(files, {});
  NodeBench bench;
  for (const std::string text : {"a red fox runs through the snow", ""}) {
    const at::Tensor context = encoded(bench, text);
    EXPECT_EQ(context.sizes(), at::IntArrayRef({1, 77, 24})) << "one prompt for all frames";
    EXPECT_TRUE(at::equal(context, encoder->encode({text}))) << text;
  }
  EXPECT_THAT(bench.run_report.warnings, IsEmpty());
}

TEST(ClipTextEncodeTest, LeavesOutTheLayersThatTheClipSays) {
  NodeBench bench;
  const at::Tensor context = encoded(bench, "a fox", {tiny_folder(), {}, 2});
  EXPECT_TRUE(at::equal(context, bench.context.models->text_encoder({tiny_folder()})->encode({"a fox"}, 2)));
}

TEST(ClipTextEncodeTest, GivesFullPrecisionWhateverTheEncoderComputesIn) {
  NodeBench exact, coarse(at::kBFloat16);
  const at::Tensor context = encoded(coarse, "a fox");
  EXPECT_EQ(context.scalar_type(), at::kFloat);
  EXPECT_TRUE(close(context, encoded(exact, "a fox"), 0, 0.1));
  EXPECT_FALSE(at::equal(context, encoded(exact, "a fox")));
}

TEST(ClipTextEncodeTest, WarnsOfAPromptThatIsLongerThanTheModelReads) {
  NodeBench bench;
  std::string text;
  for (int i = 0; i < 76; ++i) text += "! ";
  encoded(bench, text);  // 76 tokens, begin and end
  EXPECT_THAT(bench.run_report.warnings,
              ElementsAre("node 7 (CLIPTextEncode): the prompt has 78 tokens, the model reads the first 77; "
                          "shorten it"));
  encoded(bench, text.substr(2));
  EXPECT_EQ(bench.run_report.warnings.size(), 1U) << "77 tokens are read";
}

TEST(ClipTextEncodeTest, WarnsOfWordsThatTheModelWasNotTrainedOn) {
  const TemporaryFolder folder;
  fs::copy(tiny_model(), folder.path(), fs::copy_options::recursive);
  write_file(folder / "generation_config.json", R"({"prompt_words": ["a", "fox"]})");
  NodeBench bench;
  const ClipHandle clip{models::opened(folder.path().string()), {}, 0};
  encoded(bench, "A fox", clip);
  EXPECT_THAT(bench.run_report.warnings, IsEmpty());
  encoded(bench, "a zebra and a fox", clip);
  EXPECT_THAT(
      bench.run_report.warnings,
      ElementsAre(AllOf(StartsWith("node 7 (CLIPTextEncode): "), HasSubstr("not trained on 'zebra', 'and'"),
                        HasSubstr("reel models info " + clip.folder->path))));
}

TEST(ClipTextEncodeTest, WarnsOfKnownWordsInATextThatTrainingDidNotCover) {
  const TemporaryFolder folder;
  fs::copy(tiny_model(), folder.path(), fs::copy_options::recursive);
  write_file(
      folder / "generation_config.json",
      R"({"prompt_parts": {"objects": {"least": 1, "most": 2, "phrases": ["dog", "ball", "soccer ball", "cat"]},
                                  "places": {"most": 1, "phrases": ["on grass", "at night"]}}})");
  const auto warnings = [&](const std::string& prompt) {
    NodeBench bench;
    encoded(bench, prompt, {models::opened(folder.path().string()), {}, 0});
    return bench.run_report.warnings;
  };
  for (const char* covered : {"a dog", "A soccer ball and a cat, on grass.", "", "at night a dog"})
    EXPECT_THAT(warnings(covered), IsEmpty()) << covered;
  EXPECT_THAT(warnings("a dog, a cat and a ball"),
              ElementsAre(HasSubstr("trained on texts that name 1 to 2 objects, and this prompt names 3")));
  EXPECT_THAT(warnings("a dog on grass at night"),
              ElementsAre(HasSubstr("0 to 1 places, and this prompt names 2")));
  EXPECT_THAT(warnings("on grass"), ElementsAre(HasSubstr("1 to 2 objects, and this prompt names 0")));
}

}  // namespace reel::pipeline::clip_text_encode_test
