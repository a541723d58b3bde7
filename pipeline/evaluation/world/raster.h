// Small pictures and smoothed sprites in the memory layout that the pose search needs: its inner loops visit
// some thousand pixels a million times, so they are plain loops over floats and not tensor operators.
#pragma once

#include <array>
#include <cstring>
#include <vector>

#include "pipeline/evaluation/world/scene.h"

namespace reel::world {

/// A square picture: `side` x `side` pixels of 4 floats (red, green, blue, unused).
struct Raster {
  int side = 0;
  std::vector<float> data;
  Raster() = default;
  explicit Raster(int side) : side(side), data(static_cast<size_t>(side) * side * 4) {}
  float* at(int i, int j) { return data.data() + (static_cast<size_t>(j) * side + i) * 4; }
  const float* at(int i, int j) const { return data.data() + (static_cast<size_t>(j) * side + i) * 4; }
};

/// Halves a picture by averaging 2 x 2 pixels. `side` must be even.
Raster halve(const Raster& picture);

/// A clip of uint8 [F, H, W, 3] as pictures of `side` x `side` pixels, resized by area (bilinear if it is
/// smaller).
std::vector<Raster> to_rasters(const at::Tensor& pixels, int side);

/// One sprite, smoothed for one size: (cells + 2 margin)^2 premultiplied RGBA texels around the cell.
struct Texture {
  int per_cell = 0, margin = 0, side = 0;  // side = per_cell + 2 margin
  std::vector<float> data;
};

/// Moments of a sprite's alpha, in cell units.
struct Outline {
  double area = 0, x = 0, y = 0;  // of the whole cell; centre of mass relative to the cell's centre
};

/// Every sprite, smoothed as the picture grids of the search smooth them: a pixel of a small picture of a
/// sprite sees a larger part of it.
class SpriteBank {
 public:
  explicit SpriteBank(const World& world);
  int count() const { return static_cast<int>(outlines_.size()); }
  const Outline& outline(int sprite) const { return outlines_[sprite]; }
  /// The texture for a cell of `size` (frame widths) in a picture of `side` pixels.
  const Texture& texture(int sprite, double size, int side) const;

 private:
  std::vector<Outline> outlines_;
  std::vector<std::vector<Texture>> levels_;  // [level][sprite]
};

/// Composites a sprite over `picture` in place. `alpha`, if given, receives the sprite's alpha (side x side).
void composite(const SpriteBank& bank, int sprite, const Pose& pose, Raster& picture,
               std::vector<float>* alpha = nullptr);

/// The pixels [i0, i1) x [j0, j1) that a texture can touch at a pose, cut to the picture.
struct Window {
  int i0, i1, j0, j1;
};
Window window_of(const Texture& texture, const Pose& pose, int side);

/// Four floats that the compiler keeps in one register: a pixel, or one number per parameter of a pose.
using Four = float __attribute__((vector_size(16)));

inline Four load(const float* from) {
  Four four;
  std::memcpy(&four, from, sizeof(four));
  return four;
}

/// A texture's value and its derivatives by the texel coordinates.
struct Texel {
  Four value, dx, dy;
};

/// Premultiplied RGBA of a texture at texel coordinates (x, y), bilinear. False (and nothing is written)
/// outside the texture, whose margin is transparent enough to stand for what lies beyond it, and where it is
/// fully transparent.
inline bool sample(const Texture& texture, float x, float y, Texel& texel) {
  const float limit = static_cast<float>(texture.side - 1);
  if (!(x >= 0 && y >= 0 && x < limit && y < limit)) return false;
  const int i = static_cast<int>(x), j = static_cast<int>(y);
  const float s = x - static_cast<float>(i), t = y - static_cast<float>(j);
  const float* p = texture.data.data() + (static_cast<size_t>(j) * texture.side + i) * 4;
  const float* q = p + static_cast<size_t>(texture.side) * 4;
  if (p[3] + p[7] + q[3] + q[7] == 0) return false;
  const Four p0 = load(p), p1 = load(p + 4), q0 = load(q), q1 = load(q + 4);
  const Four top = p0 + s * (p1 - p0), bottom = q0 + s * (q1 - q0);
  texel.dy = bottom - top;
  texel.dx = (p1 - p0) * (1 - t) + (q1 - q0) * t;
  texel.value = top + t * texel.dy;
  return true;
}

}  // namespace reel::world
