#include "pipeline/evaluation/still_scenes/still_scene.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace reel::world {
namespace {

bool chance(Dice& dice, double probability) { return dice.uniform() < probability; }

/// An index with a probability in proportion to its weight.
int choose(Dice& dice, const std::vector<double>& weights) {
  double left = dice.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  int last = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    last = static_cast<int>(i);
    if ((left -= weights[i]) < 0) break;
  }
  return last;
}

std::vector<double> group_weights(const StillWorld& still) {
  std::vector<double> weights;
  for (const PairGroup& group : still.groups) weights.push_back(group.weight);
  return weights;
}

/// What the scene is about: kinds with as many copies as fit, and missing partners.
void choose_kinds(const StillWorld& still, Dice& dice, bool broken, int home, StillScene& scene) {
  std::set<std::pair<int, int>> chosen;
  const int wanted = choose(dice, still.pairs) + 1;
  for (int p = 0; p < wanted; ++p) {
    const int group = chance(dice, still.group_bias) ? home : dice.below(still.groups.size());
    const int pair = choose(dice, still.pair_weights);
    const bool turned = chance(dice, 0.5), together = !broken && chance(dice, still.partner_bias);
    if (!chosen.emplace(group, pair).second) continue;  // the same pair twice is one pair
    const std::array<int, 2>& both = still.groups[group].pairs[pair];
    const auto copies = [&] { return choose(dice, still.counts) + 1; };
    scene.drawn.push_back({both[turned], copies()});
    if (together)
      scene.drawn.push_back({both[!turned], copies()});
    else
      scene.missing.push_back(both[!turned]);
  }
  // Until the sprites suffice copies are left out, of later kinds first; every kind keeps one.
  int64_t left = still.sprites;
  for (size_t j = 0; j < scene.drawn.size(); ++j) {
    const auto later = static_cast<int64_t>(scene.drawn.size() - j - 1);
    StillKind& kind = scene.drawn[j];
    kind.count = static_cast<int>(std::min<int64_t>(kind.count, std::max<int64_t>(left - later, 1)));
    left -= kind.count;
  }
}

/// Of `tries` places the first one with room, or the roomiest.
StillSprite place(const StillWorld& still, Dice& dice, int object, const std::vector<StillSprite>& others) {
  StillSprite sprite{.object = object};
  Pose& pose = sprite.pose;
  pose.size = dice.in(still.size);
  const double half = pose.size / 2;
  double most = -1e9;
  for (int64_t t = 0; t < still.tries && most < 0; ++t) {
    const double x = half + (1 - pose.size) * dice.uniform(), y = half + (1 - pose.size) * dice.uniform();
    double room = 1;
    for (const StillSprite& other : others) {
      const double distance = std::hypot(x - other.pose.x, y - other.pose.y);
      room = std::min(room, distance - still.spacing * (half + other.pose.size / 2));
    }
    if (room > most) most = room, pose.x = x, pose.y = y;
  }
  pose.angle = dice.in(still.angle);
  sprite.mirrored = chance(dice, still.mirrored);
  return sprite;
}

/// The share of a sprite's cell, taken upright, that a block covers.
double covered(const Block& block, const Pose& pose) {
  const auto overlap = [](double a, double half_a, double b, double half_b) {
    return std::max(std::min(a + half_a, b + half_b) - std::max(a - half_a, b - half_b), 0.0);
  };
  return overlap(pose.x, pose.size / 2, block.x, block.half_width) *
         overlap(pose.y, pose.size / 2, block.y, block.half_height) / (pose.size * pose.size);
}

void add_blocks(const StillWorld& still, Dice& dice, StillScene& scene) {
  const Murk& murk = still.murk;
  for (int64_t b = 0; b < murk.blocks; ++b) {
    Block block{.x = dice.uniform(),
                .y = dice.uniform(),
                .half_width = dice.in(murk.block_side) / 2,
                .half_height = dice.in(murk.block_side) / 2};
    for (double& channel : block.colour) channel = dice.uniform();
    const bool wanted = chance(dice, murk.block_probability) && chance(dice, scene.murk);
    const bool harmless = std::ranges::all_of(scene.sprites, [&](const StillSprite& sprite) {
      return covered(block, sprite.pose) <= murk.block_cover;
    });
    if (wanted && harmless) scene.blocks.push_back(block);
  }
}

}  // namespace

StillScene sample_still(const StillWorld& still, Dice& dice, bool broken) {
  StillScene scene;
  const int home = choose(dice, group_weights(still));
  choose_kinds(still, dice, broken, home, scene);
  scene.background = chance(dice, still.background_bias) ? still.groups[home].background
                                                         : dice.below(still.world.backgrounds.size());
  scene.horizon = still.world.backgrounds[scene.background].ground ? dice.in(still.horizon) : 1.0;
  const Interval jitter{-still.colour_jitter, still.colour_jitter};
  for (Colour* colour : {&scene.top, &scene.bottom, &scene.ground}) {
    for (double& channel : *colour) channel = dice.in(jitter);
  }
  for (const StillKind& kind : scene.drawn) {
    for (int copy = 0; copy < kind.count; ++copy)
      scene.sprites.push_back(place(still, dice, kind.object, scene.sprites));
  }
  const Murk& murk = still.murk;
  const double m = scene.murk = dice.uniform();
  for (StillSprite& sprite : scene.sprites) sprite.opacity = 1 - murk.fade * m * dice.uniform();
  scene.haze = murk.haze * m * dice.uniform();
  scene.blur = murk.blur * m * dice.uniform();
  scene.noise = murk.noise_floor + murk.noise * m * dice.uniform();
  add_blocks(still, dice, scene);
  return scene;
}

std::string description_of(const StillWorld& still, const StillScene& scene) {
  std::string text;
  for (size_t j = 0; j < scene.drawn.size(); ++j) {
    const StillKind& kind = scene.drawn[j];
    if (j > 0) text += j + 1 < scene.drawn.size() ? ", " : " and ";
    const Object& object = still.world.objects.at(kind.object);
    text += kind.count == 1 ? object.article + " " + object.name
                            : still.words.numbers.at(kind.count) + " " + still.words.plurals.at(kind.object);
  }
  return text + " " + still.world.backgrounds.at(scene.background).name + ".";
}

}  // namespace reel::world
