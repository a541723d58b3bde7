// CLIPSetLastLayer: which layer of the text encoder the context comes from.
#include <gmock/gmock.h>

#include "tests/pipeline/nodes/node_testing.h"

namespace reel::pipeline::clip_set_last_layer_test {

using testing::ElementsAre;
using testing::HasSubstr;

const ClipHandle kClip{tiny_folder(), {}, 0};

ClipHandle stopped(NodeBench& bench, int64_t layer, const ClipHandle& clip = kClip) {
  return bench.get<ClipHandle>("CLIPSetLastLayer", {{"clip", clip}, {"stop_at_clip_layer", layer}});
}

TEST(ClipSetLastLayerTest, Declares) {
  EXPECT_THAT(NodeBench().sockets("CLIPSetLastLayer"),
              ElementsAre("clip: CLIP", "stop_at_clip_layer: INT = -1 in -24 to -1", "-> CLIP"));
}

TEST(ClipSetLastLayerTest, MinusOneIsTheLastLayerAndChangesNoBit) {
  NodeBench bench;
  EXPECT_TRUE(at::equal(encoded(bench, "a fox", stopped(bench, -1)), encoded(bench, "a fox")));
}

TEST(ClipSetLastLayerTest, EachNumberBelowLeavesOutOneLayerMore) {
  NodeBench bench;
  const auto encoder = bench.context.models->text_encoder(kClip);
  for (const int skipped : {1, 2, 3}) {
    const at::Tensor context = encoded(bench, "a fox", stopped(bench, -1 - skipped));
    EXPECT_TRUE(at::equal(context, encoder->encode({"a fox"}, skipped))) << skipped;
    EXPECT_GT(models::max_error(context, encoder->encode({"a fox"}, skipped - 1)), 1e-2) << skipped;
  }
}

TEST(ClipSetLastLayerTest, TheLastOfSeveralDecidesAndTheRestOfTheHandleStays) {
  NodeBench bench;
  const ClipHandle earlier{tiny_folder(), {{"a.safetensors", 0.5}}, 7};
  const ClipHandle clip = stopped(bench, -3, earlier);
  EXPECT_EQ(clip.clip_skip, 2);
  EXPECT_EQ(clip.folder, earlier.folder);
  ASSERT_EQ(clip.loras.size(), 1U);
  EXPECT_EQ(clip.loras[0].path, "a.safetensors");
  EXPECT_EQ(earlier.clip_skip, 7) << "inputs are shared and stay as they are";
}

TEST(ClipSetLastLayerTest, ALayerThatTheEncoderLacksIsRefusedBeforeItEncodes) {
  NodeBench bench;
  const std::string message =
      bench.refusal("CLIPSetLastLayer", {{"clip", kClip}, {"stop_at_clip_layer", int64_t{-5}}});
  EXPECT_THAT(message,
              HasSubstr("has 3 layers: it must lie in -4 to -1 (clip skip 0 to 3), got -5 (clip skip 4)"));
}

}  // namespace reel::pipeline::clip_set_last_layer_test
