// One still scene: what is drawn in it, what an annotator would expect there, and how hard it is to see.
#pragma once

#include <string>
#include <vector>

#include "pipeline/evaluation/still_scenes/still_world.h"
#include "pipeline/evaluation/world/scene.h"

namespace reel::world {

/// An object that a scene is about.
struct StillKind {
  int object = 0, count = 1;
};

/// One copy of an object.
struct StillSprite {
  int object = 0;
  Pose pose;
  bool mirrored = false;
  double opacity = 1;
};

/// An opaque rectangle in front of everything, in frame widths.
struct Block {
  double x = 0, y = 0, half_width = 0, half_height = 0;
  Colour colour{};
};

struct StillScene {
  int background = 0;
  double horizon = 1;                // 1 if the background has no ground
  Colour top{}, bottom{}, ground{};  // what is added to the background's colours
  std::vector<StillKind> drawn;      // in speaking order
  std::vector<int> missing;          // partners of drawn objects that are not drawn themselves
  std::vector<StillSprite> sprites;  // the later ones in front
  std::vector<Block> blocks;
  double murk = 0;                       // in [0, 1]
  double haze = 0, blur = 0, noise = 0;  // weights, and the deviation of the noise
};

/// Draws a scene. `broken`: partners are never drawn, so that what usually holds is always wrong.
StillScene sample_still(const StillWorld& still, Dice& dice, bool broken);

/// What is drawn, in the words of the model's training: "a boat, two stars and a rocket at sea."
std::string description_of(const StillWorld& still, const StillScene& scene);

}  // namespace reel::world
