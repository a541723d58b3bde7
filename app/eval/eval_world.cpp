#include "app/eval/eval_world.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "app/eval/eval_report.h"
#include "pipeline/evaluation/scoring/score.h"
#include "pipeline/evaluation/world/render.h"

namespace reel::app {
namespace {

using world::ActorScore;
using world::VideoScore;

/// A metric, and how a video's score becomes its values: one, or one for each object.
struct WorldMetric {
  EvalMetric metric;
  size_t objects;  // of the scenes that it is about; 0: all
  std::vector<double> (*values)(const VideoScore&);
};

std::vector<double> objects_right(const VideoScore& score) {
  std::vector<double> values;
  for (const ActorScore& actor : score.actors) values.push_back(actor.object_right);
  return values;
}
std::vector<double> all_objects_right(const VideoScore& score) {
  bool right = true;
  for (const ActorScore& actor : score.actors) right = right && actor.object_right;
  return {right ? 1.0 : 0.0};
}
std::vector<double> motions_right(const VideoScore& score) {
  std::vector<double> values;
  for (const ActorScore& actor : score.actors) values.push_back(actor.motion_right);
  return values;
}
std::vector<double> background_right(const VideoScore& score) { return {score.background_right ? 1.0 : 0.0}; }
std::vector<double> all_right(const VideoScore& score) { return {score.all_right() ? 1.0 : 0.0}; }
std::vector<double> amplitude(const VideoScore& score) { return {score.amplitude}; }
std::vector<double> consistency(const VideoScore& score) { return {score.consistency}; }
std::vector<double> flicker(const VideoScore& score) { return {score.background_flicker}; }

EvalMetric right_share(const char* key, const char* label, const char* group) {
  return {key, label, "%", group, true, 100, 1};
}

const std::vector<WorldMetric>& world_metrics() {
  constexpr const char *kAll = "All videos", *kOne = "One object", *kTwo = "Two objects";
  static const std::vector<WorldMetric> all = {
      {right_share("one.object", "object", kOne), 1, objects_right},
      {right_share("one.motion", "motion", kOne), 1, motions_right},
      {right_share("one.background", "background", kOne), 1, background_right},
      {right_share("one.all_right", "all of these", kOne), 1, all_right},
      {right_share("two.object", "each object", kTwo), 2, objects_right},
      {right_share("two.both_objects", "both objects", kTwo), 2, all_objects_right},
      {right_share("two.motion", "each motion", kTwo), 2, motions_right},
      {right_share("two.background", "background", kTwo), 2, background_right},
      {right_share("two.all_right", "all of these", kTwo), 2, all_right},
      {right_share("all.all_right", "all right", kAll), 0, all_right},
      {{"all.motion_amplitude", "motion amplitude", "% of the frame", kAll, false, 100, 2}, 0, amplitude},
      {{"all.temporal_consistency", "temporal consistency", "", kAll, false, 1, 3}, 0, consistency},
      {{"all.background_flicker", "background flicker", "", kAll, false, 1, 3}, 0, flicker}};
  return all;
}

template <class Named>
std::string name_of(const std::vector<Named>& all, int index, const std::string& none) {
  return index < 0 ? none : all[index].name;
}

class WorldSubject final : public EvalSubject {
 public:
  WorldSubject(const world::World& world, const EvalOptions& options)
      : world_(world), options_(options), scorer_(world) {
    // In an order in which every beginning holds the asked share of two objects: an interrupted run, or one
    // with fewer prompts, is a part of the whole one.
    world::Dice dice(*options.common.seed);
    for (int i = 0; i < options.prompts; ++i) {
      const bool two = std::floor((i + 1) * options.two_fraction) > std::floor(i * options.two_fraction);
      scenes_.push_back(world::sample_scene(world, dice, two ? 1 : 0));
    }
    for (const WorldMetric& one : world_metrics()) metrics_.push_back(one.metric);
  }

  const std::vector<EvalMetric>& metrics() const override { return metrics_; }
  std::string options_json() const override {
    return nlohmann::json{{"two_fraction", options_.two_fraction}}.dump();
  }
  std::string prompt(int number) const override { return world::prompt_of(world_, scenes_.at(number)); }
  void set_prompt(int number, pipeline::GenerateOptions& job) const override { job.prompt = prompt(number); }

  at::Tensor truth(int number, world::Dice& dice) const override {
    const world::Scene& scene = scenes_.at(number);
    return world::render(world_, scene, world::sample_take(world_, scene, dice));
  }

  EvalScore score(int number, const media::Frames& frames) const override {
    const VideoScore score = scorer_.score(frames.pixels, scenes_.at(number));
    EvalScore result{{}, csv(score), words(score), score.all_right()};
    for (const WorldMetric& one : world_metrics()) {
      const bool about = one.objects == 0 || one.objects == score.actors.size();
      result.values.push_back(about ? one.values(score) : std::vector<double>{});
    }
    return result;
  }

  std::string csv_columns() const override {
    std::string text;
    for (const std::string slot : {"1", "2"}) {
      for (const char* name : {"object", "object_right", "motion", "motion_right", "explained",
                               "asked_explained", "displacement", "zoom", "turn", "appearance", "smoothness"})
        text += std::string(",") + name + slot;
    }
    return text +
           ",background,background_right,background_explained,background_flicker,motion_amplitude,"
           "temporal_consistency,all_right";
  }

 private:
  std::string csv(const VideoScore& score) const {
    std::string text;
    for (size_t k = 0; k < 2; ++k) {
      if (k >= score.actors.size()) {
        text += ",,,,,,,,,,,";
        continue;
      }
      const ActorScore& actor = score.actors[k];
      text += "," + name_of(world_.objects, actor.object, "") + csv_cell(actor.object_right);
      text += "," + name_of(world_.motions, actor.motion, "") + csv_cell(actor.motion_right);
      const world::MotionAmplitude& amplitude = actor.motion_fit.amplitude;
      for (const double value : {actor.explained, actor.asked_explained, amplitude.displacement,
                                 amplitude.zoom, amplitude.turn, actor.appearance, actor.smoothness})
        text += csv_cell(value);
    }
    text += "," + name_of(world_.backgrounds, score.background, "") + csv_cell(score.background_right);
    for (const double value : {score.background_explained, score.background_flicker, score.amplitude,
                               score.consistency, score.all_right() ? 1.0 : 0.0})
      text += csv_cell(value);
    return text;
  }

  std::string words(const VideoScore& score) const {
    std::string text;
    for (const ActorScore& actor : score.actors) {
      text += name_of(world_.objects, actor.object, "?") + " " + name_of(world_.motions, actor.motion, "?") +
              ", ";
    }
    return text + name_of(world_.backgrounds, score.background, "?");
  }

  const world::World& world_;
  const EvalOptions& options_;
  world::Scorer scorer_;
  std::vector<world::Scene> scenes_;
  std::vector<EvalMetric> metrics_;
};

}  // namespace

std::unique_ptr<EvalSubject> make_world_subject(const world::World& world, const EvalOptions& options) {
  return std::make_unique<WorldSubject>(world, options);
}

}  // namespace reel::app
