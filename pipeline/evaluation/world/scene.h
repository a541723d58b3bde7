// Scenes of the closed world: what a prompt asks for, and one way of playing it.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "pipeline/evaluation/world/world.h"

namespace reel::world {

/// Of a motion or a background that a sentence leaves open.
constexpr int kOpen = -1;

/// One object and what it does; indices into the world's lists. The motion may be open.
struct Actor {
  int object = 0, motion = 0;
  bool operator==(const Actor&) const = default;
};

/// What a prompt asks for.
struct Scene {
  std::vector<Actor> actors;  // one or two
  int background = 0;         // may be open
  bool sides = true;          // the first of two actors is in the left half; false: either may be
  bool operator==(const Scene&) const = default;
};

/// A seeded source of uniform numbers that gives the same ones on every platform.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }  // [0, 1)
  double in(const Interval& range) { return range.low + (range.high - range.low) * uniform(); }
  int below(size_t count) { return static_cast<int>(uniform() * static_cast<double>(count)); }
  double normal();  // mean 0, deviation 1

 private:
  std::mt19937_64 engine_;
};

/// Draws two actors (of different objects) with probability `two_fraction`, else one; everything else
/// uniformly and independently.
Scene sample_scene(const World& world, Dice& dice, double two_fraction);

/// Draws what the scene leaves open; the rest stays. The first of two actors is then in the left half.
Scene close_scene(const World& world, Scene scene, Dice& dice);

/// `a rocket moving up in space`, `a boat moving right and an owl bouncing at sea`.
std::string prompt_of(const World& world, const Scene& scene);

/// Reads a prompt of that grammar; either article is understood, upper case and repeated spaces are forgiven.
/// Throws: std::invalid_argument "[prompt] ..." naming the word that does not fit and the nearest known one.
Scene parse_prompt(const World& world, const std::string& prompt);

/// Where a sprite's square cell is: centre and side in frame widths, angle in radians, clockwise on the
/// screen.
struct Pose {
  double x = 0.5, y = 0.5, size = 0.3, angle = 0;
};

/// What is drawn once per clip for one actor.
struct ActorTake {
  double cx = 0, cy = 0, size = 0, travel_x = 0, travel_y = 0, hop = 0;
};

/// One way of playing a scene: everything that a prompt leaves open.
struct Take {
  double horizon = 1;                // 1 if the background has no ground
  Colour top{}, bottom{}, ground{};  // what is added to the background's colours
  std::vector<ActorTake> actors;
};

Take sample_take(const World& world, const Scene& scene, Dice& dice);

/// Pose of an actor at `time` in [0, 1] of the clip.
Pose pose_at(const World& world, const Motion& motion, const ActorTake& take, double time);

}  // namespace reel::world
