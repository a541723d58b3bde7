// Colours for a GIF: at most 256 for the whole video, and dithering with them.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace reel::media {

using Colour = std::array<uint8_t, 3>;  // R, G, B

struct Palette {
  std::vector<Colour> colours;  // 1 to 256
  bool exact = false;           // every colour that was added is in it
};

/// Collects colours, then chooses a palette. A video of at most 256 colours keeps them exactly. Otherwise the
/// boxes of the colour cube are split where a split lowers the variance most, and k-means refines their
/// means. Source: X. Wu, "Efficient Statistical Computations for Optimal Color Quantization", Graphics Gems
/// II, 1991.
class PaletteBuilder {
 public:
  PaletteBuilder();
  void add(const uint8_t* rgb, int64_t pixels);
  Palette build() const;

 private:
  struct Cell {  // of the colour cube, 5 bits a channel
    int64_t count = 0, sum[3] = {0, 0, 0}, squares = 0;
  };
  friend class BoxSplitter;

  std::vector<Cell> cells_;
  std::unordered_set<uint32_t> distinct_;  // up to 257
};

/// Gives each pixel an entry of the palette, spreading the error to its neighbours unless the palette is
/// exact. Source: R. Floyd and L. Steinberg, "An adaptive algorithm for spatial grey scale", 1976; rows
/// alternate in direction.
class PaletteMapper {
 public:
  explicit PaletteMapper(Palette palette);
  /// rgb: [height, width, 3]; indices: rows of `stride` bytes.
  void map(const uint8_t* rgb, int64_t height, int64_t width, uint8_t* indices, int64_t stride);
  const Palette& palette() const { return palette_; }

 private:
  uint8_t nearest(const int* rgb);
  void map_exact(const uint8_t* rgb, int64_t width, uint8_t* indices) const;

  Palette palette_;
  std::unordered_map<uint32_t, uint8_t> exact_;
  std::vector<int16_t> cache_;  // by 6 bits a channel; -1: not asked yet
};

}  // namespace reel::media
