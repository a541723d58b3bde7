#include "pipeline/evaluation/world/scene.h"

#include <c10/util/StringUtil.h>

#include <cmath>
#include <numbers>
#include <sstream>
#include <stdexcept>

#include "attention/plugin/spec.h"

namespace reel::world {
namespace {

std::vector<std::string> split(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// Reads a prompt word by word.
class Reader {
 public:
  Reader(const std::string& prompt) {
    std::string lower = prompt;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    words_ = split(lower);
  }
  bool done() const { return at_ == words_.size(); }
  bool take(const std::string& word) {
    if (done() || words_[at_] != word) return false;
    ++at_;
    return true;
  }

  /// Takes the longest name that the next words spell.
  template <class Named>
  int name(const char* kind, const std::vector<Named>& all) {
    int best = -1;
    size_t length = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      const std::vector<std::string> spelled = split(all[i].name);
      if (spelled.size() > length && at_ + spelled.size() <= words_.size() &&
          std::equal(spelled.begin(), spelled.end(), words_.begin() + static_cast<int64_t>(at_))) {
        best = static_cast<int>(i);
        length = spelled.size();
      }
    }
    if (best < 0) fail(kind, all);
    at_ += length;
    return best;
  }

  [[noreturn]] void fail(const std::string& expected, const std::string& hint = "") const {
    const std::string found = done() ? "the end" : "'" + words_[at_] + "'";
    throw std::invalid_argument(c10::str("[prompt] expected ", expected, " as word ", at_ + 1, ", got ",
                                         found, "; ",
                                         hint.empty() ? "a prompt is 'a rocket moving up in space'" : hint));
  }

 private:
  template <class Named>
  [[noreturn]] void fail(const char* kind, const std::vector<Named>& all) const {
    std::vector<std::string> names;
    for (const Named& one : all) names.push_back(one.name);
    std::string phrase, near;
    for (size_t count = 1; near.empty() && count <= 4 && at_ + count <= words_.size(); ++count) {
      phrase += (count > 1 ? " " : "") + words_[at_ + count - 1];
      near = nearest_name(phrase, names);
    }
    std::string hint = near.empty() ? "known:" : "did you mean '" + near + "'?";
    if (near.empty()) {
      for (size_t i = 0; i < names.size(); ++i) hint += (i ? ", " : " ") + names[i];
    }
    fail(std::string(kind), hint);
  }

  std::vector<std::string> words_;
  size_t at_ = 0;
};

}  // namespace

double Dice::normal() {
  // Box and Muller; 1 - u lies in (0, 1], so the logarithm is finite.
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

Scene sample_scene(const World& world, Dice& dice, double two_fraction) {
  Scene scene;
  const size_t count = dice.uniform() < two_fraction ? 2 : 1;
  for (size_t k = 0; k < count; ++k) {
    // The second object is drawn from those that remain.
    int object = dice.below(world.objects.size() - k);
    if (k == 1 && object >= scene.actors[0].object) ++object;
    scene.actors.push_back({object, dice.below(world.motions.size())});
  }
  scene.background = dice.below(world.backgrounds.size());
  return scene;
}

Scene close_scene(const World& world, Scene scene, Dice& dice) {
  for (Actor& actor : scene.actors) {
    if (actor.motion == kOpen) actor.motion = dice.below(world.motions.size());
  }
  if (scene.background == kOpen) scene.background = dice.below(world.backgrounds.size());
  scene.sides = true;
  return scene;
}

std::string prompt_of(const World& world, const Scene& scene) {
  std::string text;
  for (const Actor& actor : scene.actors) {
    const Object& object = world.objects.at(actor.object);
    if (!text.empty()) text += " and ";
    text += object.article + " " + object.name + " " + world.motions.at(actor.motion).name;
  }
  return text + " " + world.backgrounds.at(scene.background).name;
}

Scene parse_prompt(const World& world, const std::string& prompt) {
  Reader reader(prompt);
  Scene scene;
  do {
    if (!reader.take("a") && !reader.take("an")) reader.fail("'a' or 'an'");
    const int object = reader.name("an object", world.objects);
    const int motion = reader.name("a motion", world.motions);
    scene.actors.push_back({object, motion});
  } while (scene.actors.size() < 2 && reader.take("and"));
  scene.background = reader.name("a background", world.backgrounds);
  if (!reader.done())
    reader.fail("the end of the prompt", "the background comes last, and at most two objects");
  return scene;
}

Take sample_take(const World& world, const Scene& scene, Dice& dice) {
  Take take;
  take.horizon = world.backgrounds.at(scene.background).ground ? dice.in(world.horizon) : 1.0;
  const Interval jitter{-world.colour_jitter, world.colour_jitter};
  for (Colour* colour : {&take.top, &take.bottom, &take.ground}) {
    for (double& channel : *colour) channel = dice.in(jitter);
  }
  const Layout& layout = world.layout(scene.actors.size());
  for (size_t k = 0; k < scene.actors.size(); ++k) {
    const bool hops = world.motions.at(scene.actors[k].motion).hop != 0;
    ActorTake actor;
    actor.cx = dice.in(layout.cx.at(k));
    actor.cy = dice.in(hops ? layout.floor : layout.cy);
    actor.size = dice.in(layout.size);
    actor.travel_x = dice.in(layout.travel_x);
    actor.travel_y = dice.in(layout.travel_y);
    actor.hop = dice.in(layout.hop);
    take.actors.push_back(actor);
  }
  return take;
}

Pose pose_at(const World& world, const Motion& motion, const ActorTake& take, double time) {
  const double q = 2 * time - 1;
  const double height = std::abs(std::sin(std::numbers::pi * world.hops_per_clip * time));
  return {.x = take.cx + motion.dx * take.travel_x / 2 * q,
          .y = take.cy + motion.dy * take.travel_y / 2 * q - motion.hop * take.hop * height,
          .size = take.size * (1 + motion.grow * q),
          .angle = motion.spin * time};
}

}  // namespace reel::world
