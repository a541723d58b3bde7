// The closed world that the bundled models were trained on, as data: assets/world/README.md defines every
// term.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace reel::world {

/// Display RGB in [0, 1].
using Colour = std::array<double, 3>;

/// Bounds of a uniform draw.
struct Interval {
  double low = 0, high = 0;
  double middle() const { return (low + high) / 2; }
};

struct Object {
  std::string name, article;
};

/// Coefficients of the trajectory formulas; what a motion does not use is 0.
struct Motion {
  std::string name;
  double dx = 0, dy = 0, hop = 0, spin = 0, grow = 0;
};

struct Star {
  double u = 0, v = 0, brightness = 0;
};

struct Background {
  std::string name;
  Colour top{}, bottom{};
  std::optional<Colour> ground;
  std::vector<Star> stars;
};

/// Ranges of what is drawn for each object of a scene; lengths in frame widths.
struct Layout {
  std::vector<Interval> cx;  // one per object of the scene
  Interval size, cy, floor, travel_x, travel_y, hop;
};

struct World {
  int64_t width = 0, height = 0, num_frames = 0;
  double fps = 0, probability_two = 0, hops_per_clip = 0;
  double colour_jitter = 0, horizon_sharpness = 0, ground_shade = 0, star_sigma = 0;
  Interval horizon;
  std::vector<Object> objects;
  std::vector<Motion> motions;
  std::vector<Background> backgrounds;
  Layout one, two;     // scenes of one and of two objects
  at::Tensor sprites;  // float [objects, 4, cell, cell] in [0, 1], premultiplied RGBA

  const Layout& layout(size_t actors) const { return actors == 1 ? one : two; }
  int64_t cell() const { return sprites.size(3); }
  /// Index of a name, -1 if there is none.
  int object_index(const std::string& name) const;
  int motion_index(const std::string& name) const;
  int background_index(const std::string& name) const;
};

/// Reads `folder`/world.json and the atlas it names: a picture (in a build with media), or a .safetensors
/// file with the tensor `atlas`, uint8 [H, W, 4] with straight alpha. Throws: std::runtime_error "[file] ..."
/// naming the entry that is missing, of the wrong type or out of range.
World load_world(const std::string& folder);

}  // namespace reel::world
