// VAEDecode and VAEDecodeTiled: latent to pictures, whole or in tiles.
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include "tests/pipeline/nodes/node_testing.h"

namespace reel::pipeline::vae_decode_test {

using testing::ElementsAre;
using testing::HasSubstr;

class VaeDecodeTest : public testing::Test {
 protected:
  static NodeBench::Given given(const at::Tensor& latent, NodeBench::Given more = {}) {
    more.emplace("samples", Latent{latent});
    more.emplace("vae", VaeHandle{tiny_folder()});
    return more;
  }
  at::Tensor decoded(const at::Tensor& latent) {
    return bench_.get<Images>("VAEDecode", given(latent)).pixels;
  }
  at::Tensor tiled(const at::Tensor& latent, int64_t tile, int64_t overlap) {
    return bench_.get<Images>("VAEDecodeTiled", given(latent, {{"tile_size", tile}, {"overlap", overlap}}))
        .pixels;
  }

  /// The decoder's own frames, [B F, H, W, 3], from black at 0 to white at 1 and beyond.
  at::Tensor raw(const at::Tensor& latent) {
    std::vector<at::Tensor> frames;
    const at::Tensor all = bench_.context.models->vae({tiny_folder()})->decode(latent);  // [B, 3, F, H, W]
    for (int64_t b = 0; b < all.size(0); ++b)
      for (int64_t f = 0; f < all.size(2); ++f)
        frames.push_back((all[b].select(1, f).permute({1, 2, 0}).to(at::kDouble) + 1) / 2);
    return at::stack(frames);
  }

  const c10::InferenceMode inference_;
  NodeBench bench_;
};

TEST_F(VaeDecodeTest, BothDeclare) {
  EXPECT_THAT(bench_.sockets("VAEDecode"), ElementsAre("samples: LATENT", "vae: VAE", "-> IMAGE"));
  EXPECT_THAT(bench_.sockets("VAEDecodeTiled"),
              ElementsAre("samples: LATENT", "vae: VAE", "tile_size: INT = 512 in 64 to 4096",
                          "overlap: INT = 64 in 0 to 4096", "-> IMAGE"));
}

TEST_F(VaeDecodeTest, PicturesAreTheDecodersFramesOnAScaleFromZeroToOne) {
  const at::Tensor latent = waves({2, 4, 3, 4, 6});
  const at::Tensor pixels = decoded(latent);
  ASSERT_EQ(pixels.sizes(), at::IntArrayRef({6, 8, 12, 3})) << "all frames of the first video, then the next";
  EXPECT_TRUE(pixels.is_contiguous());
  EXPECT_TRUE(close(pixels, raw(latent).clamp(0, 1), 0, 1e-5));
}

TEST_F(VaeDecodeTest, CutsWhatIsBeyondBlackAndWhite) {
  const at::Tensor latent = waves({1, 4, 2, 4, 4}) * 40;
  ASSERT_GT(raw(latent).max().item<double>(), 1);
  ASSERT_LT(raw(latent).min().item<double>(), 0);
  const at::Tensor pixels = decoded(latent);
  EXPECT_EQ(pixels.max().item<double>(), 1);
  EXPECT_EQ(pixels.min().item<double>(), 0);
}

TEST_F(VaeDecodeTest, LeavesTheLatentUntouched) {
  const at::Tensor latent = waves({1, 4, 2, 4, 4}), before = latent.clone();
  decoded(latent);
  EXPECT_TRUE(at::equal(latent, before));
}

TEST_F(VaeDecodeTest, RefusesAnEmptyLatent) {
  for (const std::string name : {"VAEDecode", "VAEDecodeTiled"}) {
    EXPECT_EQ(bench_.refusal(name, given({})),
              "[" + name + "] the latent is empty; sample it first (KSampler)");
  }
}

TEST_F(VaeDecodeTest, AVideoThatFitsATileIsNotTiled) {
  const at::Tensor latent = waves({1, 4, 2, 32, 24});  // 64 pixels high, as the tile is
  EXPECT_TRUE(at::equal(tiled(latent, 64, 16), decoded(latent)));
}

// 112 pixels in two tiles of 64 that share 16: each pixel is its tile's, and those that both have go over
// from the one to the other in a straight line.
TEST_F(VaeDecodeTest, TilesAreBlendedInAStraightLineWhereTheyOverlap) {
  for (const int64_t side : {3, 4}) {  // down, across
    const at::Tensor latent =
        waves(side == 4 ? std::vector<int64_t>{1, 4, 2, 32, 56} : std::vector<int64_t>{1, 4, 2, 56, 32});
    const at::Tensor whole = tiled(latent, 64, 16), first = raw(latent.narrow(side, 0, 32)),
                     second = raw(latent.narrow(side, 24, 32));
    const int64_t dim = side - 2;  // of [F, H, W, 3]
    ASSERT_EQ(whole.size(dim), 112);
    for (int64_t i = 0; i < 112; ++i) {
      const double share = std::clamp(static_cast<double>(i - 47) / 17, 0.0, 1.0);  // of the second tile
      at::Tensor expected = at::zeros_like(first.select(dim, 0));
      if (i < 64) expected += first.select(dim, i) * (1 - share);
      if (i >= 48) expected += second.select(dim, i - 48) * share;
      ASSERT_TRUE(close(whole.select(dim, i), expected.clamp(0, 1), 0, 1e-5))
          << "pixel " << i << " of dimension " << dim;
    }
    EXPECT_GT(models::max_error(whole, decoded(latent)), 1e-4) << "tiles do not see their neighbours";
  }
}

TEST_F(VaeDecodeTest, RefusesTilesThatDoNotFitTheCellsOrTheirOverlap) {
  const at::Tensor latent = waves({1, 4, 1, 8, 56});
  for (const auto& [tile, overlap] : {std::pair<int64_t, int64_t>{65, 16}, {64, 15}, {64, 64}, {64, 128}}) {
    EXPECT_EQ(bench_.refusal("VAEDecodeTiled", given(latent, {{"tile_size", tile}, {"overlap", overlap}})),
              c10::str("[vae] tile and overlap must be multiples of 2, the overlap below the tile; got ",
                       tile, " and ", overlap));
  }
}

TEST_F(VaeDecodeTest, CountsItsTilesAndStopsBetweenThem) {
  std::vector<std::pair<int64_t, int64_t>> seen;
  bench_.on_step([&](const Stepped& progress) { seen.emplace_back(progress.done, progress.all); });
  const at::Tensor latent = waves({1, 4, 1, 8, 56});
  tiled(latent, 64, 16);
  EXPECT_THAT(seen, ElementsAre(std::pair{0, 2}, std::pair{1, 2}, std::pair{2, 2}));
  const std::atomic<bool> cancel = true;
  bench_.context.stop = &cancel;
  EXPECT_THROW(tiled(latent, 64, 16), Cancelled);
}

}  // namespace reel::pipeline::vae_decode_test
