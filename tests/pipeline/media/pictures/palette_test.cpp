#include "pipeline/media/pictures/palette.h"

#include <gtest/gtest.h>

#include "tests/pipeline/media/media_testing.h"

namespace reel::media::palette_test {

double palette_error(const at::Tensor& pixels, const Palette& palette) {
  at::Tensor colours = at::empty({static_cast<int64_t>(palette.colours.size()), 3}, at::kDouble);
  for (size_t i = 0; i < palette.colours.size(); ++i) {
    for (int c = 0; c < 3; ++c)
      colours[static_cast<int64_t>(i)][c] = palette.colours[i][static_cast<size_t>(c)];
  }
  return std::get<0>(at::cdist(pixels.reshape({-1, 3}).to(at::kDouble), colours).min(1))
      .mean()
      .item<double>();
}

TEST(PaletteTest, FewColoursAreExactAndSorted) {
  PaletteBuilder builder;
  const uint8_t pixels[] = {9, 8, 7, 1, 2, 3, 9, 8, 7, 1, 2, 4};
  builder.add(pixels, 4);
  const Palette palette = builder.build();
  EXPECT_TRUE(palette.exact);
  EXPECT_EQ(palette.colours, (std::vector<Colour>{{1, 2, 3}, {1, 2, 4}, {9, 8, 7}}));
}

// A uniform 8x8x4 grid, the simplest palette of 256, lies 19 away on average from a colour of these waves.
TEST(PaletteTest, ManyColoursAreApproximatedFarBetterThanByAGrid) {
  const at::Tensor pixels = smooth_video(4, 64, 64);
  PaletteBuilder builder;
  builder.add(pixels.const_data_ptr<uint8_t>(), pixels.numel() / 3);
  const Palette palette = builder.build();
  EXPECT_FALSE(palette.exact);
  EXPECT_EQ(palette.colours.size(), 256u);
  Palette grid;
  for (int i = 0; i < 256; ++i) {
    grid.colours.push_back({static_cast<uint8_t>((i & 7) * 36 + 1),
                            static_cast<uint8_t>((i >> 3 & 7) * 36 + 1),
                            static_cast<uint8_t>((i >> 6) * 85)});
  }
  EXPECT_LT(palette_error(pixels, palette), palette_error(pixels, grid) / 2);
}

TEST(PaletteTest, DitheringKeepsTheLocalMean) {
  Palette two;
  two.colours = {{0, 0, 0}, {255, 255, 255}};
  PaletteMapper mapper(two);
  const int64_t size = 64;
  for (const int level : {32, 100, 128, 200}) {
    const at::Tensor grey = at::full({size, size, 3}, level, at::kByte);
    std::vector<uint8_t> indices(static_cast<size_t>(size * (size + 5)), 77);
    mapper.map(grey.const_data_ptr<uint8_t>(), size, size, indices.data(), size + 5);
    double mean = 0;
    for (int64_t row = 0; row < size; ++row) {
      for (int64_t column = 0; column < size + 5; ++column) {
        const uint8_t index = indices[static_cast<size_t>(row * (size + 5) + column)];
        if (column < size) {
          mean += index * 255.0 / static_cast<double>(size * size);
        } else {
          EXPECT_EQ(index, 77) << "the rest of a row is not touched";
        }
      }
    }
    EXPECT_NEAR(mean, level, 3);
  }
}

}  // namespace reel::media::palette_test
