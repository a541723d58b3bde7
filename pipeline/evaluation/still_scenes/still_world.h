// The closed world as single pictures in which some objects nearly always come together: the numbers of pairs.json.
// Every term is defined in assets/world/README.md, "Still scenes".
#pragma once

#include <array>
#include <string>
#include <vector>

#include "pipeline/evaluation/world/world.h"

namespace reel::world {

/// Pairs of objects, partners of each other, that share a background.
struct PairGroup {
  int background = 0;
  double weight = 0;
  std::vector<std::array<int, 2>> pairs;
};

/// What makes pictures hard to see.
struct Murk {
  double fade = 0, haze = 0, blur = 0, blur_sigma = 1, noise = 0, noise_floor = 0;
  int64_t blur_radius = 1;  // pixels
  Colour haze_colour{};
  int64_t blocks = 0;
  double block_probability = 0, block_cover = 0;
  Interval block_side;
};

/// Wordings: placeholders are `{a}`, `{object}`.
struct StillWords {
  std::string is_there;              // "Is there {a} {object} in the image?"
  std::vector<std::string> numbers;  // zero, one, ...
  std::vector<std::string> plurals;  // of each object
};

struct StillWorld {
  World world;
  std::vector<PairGroup> groups;
  std::vector<double> pair_weights;  // of the pairs of each group
  double partner_bias = 0, group_bias = 0, background_bias = 0;
  std::vector<double> pairs, counts;  // weights of 1, 2, ... pairs in a scene, and objects of a kind
  int64_t sprites = 0, tries = 0;     // at most in a scene; places that are tried for each
  Interval size, angle, horizon;
  double mirrored = 0, spacing = 0, colour_jitter = 0;
  Murk murk;
  StillWords words;

  // By object.
  std::vector<int> partner, group;
  std::vector<double> frequency;  // how often it is drawn, up to a factor

  size_t objects() const { return world.objects.size(); }
  const std::string& name(int object) const { return world.objects.at(object).name; }
};

/// Reads world.json, its atlas and pairs.json of a folder.
/// Throws: std::runtime_error "[file] ..." naming the entry that is missing, of the wrong type or out of range.
StillWorld load_still_world(const std::string& folder);

}  // namespace reel::world
