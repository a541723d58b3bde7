#include "app/eval/eval_world.h"

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "app/eval/eval_report.h"
#include "attention/plugin/spec.h"
#include "pipeline/evaluation/scoring/score.h"
#include "pipeline/evaluation/world/render.h"
#include "pipeline/evaluation/world/told_scenes.h"

namespace reel::app {
namespace {

using world::Actor;
using world::ActorScore;
using world::Scene;
using world::VideoScore;
using Values = std::vector<double>;

/// A metric, and how a video's score becomes its values: one, or one for each object. None: the metric is not about
/// this video.
struct WorldMetric {
  EvalMetric metric;
  std::function<Values(const Scene& asked, const VideoScore&)> values;
};

const Actor& asked_of(const Scene& asked, const ActorScore& score) { return asked.actors.at(score.asked); }

Values objects_right(const Scene&, const VideoScore& score) {
  Values values;
  for (const ActorScore& actor : score.actors) values.push_back(actor.object_right);
  return values;
}
Values all_objects_right(const Scene&, const VideoScore& score) {
  bool right = true;
  for (const ActorScore& actor : score.actors) right = right && actor.object_right;
  return {right ? 1.0 : 0.0};
}
Values shapes_kept(const Scene& asked, const VideoScore& score) {
  Values values;
  for (const ActorScore& actor : score.actors) {
    if (actor.object == asked_of(asked, actor).object) values.push_back(actor.shape.kept());
  }
  return values;
}
Values motions_right(const Scene& asked, const VideoScore& score) {
  Values values;
  for (const ActorScore& actor : score.actors) {
    if (asked_of(asked, actor).motion != world::kOpen) values.push_back(actor.motion_right);
  }
  return values;
}
Values background_right(const Scene& asked, const VideoScore& score) {
  return asked.background == world::kOpen ? Values{} : Values{score.background_right ? 1.0 : 0.0};
}
Values all_right(const Scene&, const VideoScore& score) { return {score.all_right() ? 1.0 : 0.0}; }
Values amplitude(const Scene&, const VideoScore& score) { return {score.amplitude}; }
Values consistency(const Scene&, const VideoScore& score) { return {score.consistency}; }
Values flicker(const Scene&, const VideoScore& score) { return {score.background_flicker}; }

EvalMetric right_share(const std::string& key, const std::string& label, const std::string& group) {
  return {key, label, "%", group, true, 100, 1};
}

/// The metric for scenes with this many objects only.
WorldMetric only(size_t objects, EvalMetric metric, Values (*values)(const Scene&, const VideoScore&)) {
  return {std::move(metric), [=](const Scene& asked, const VideoScore& score) {
            return asked.actors.size() == objects ? values(asked, score) : Values{};
          }};
}

/// Of the objects that were asked to perform one motion: both are right.
WorldMetric by_motion(const world::World& world, int motion) {
  std::string key = world.motions.at(motion).name;
  std::ranges::replace(key, ' ', '_');
  return {right_share("motion." + key, world.motions.at(motion).name, "Object and its motion"),
          [motion](const Scene& asked, const VideoScore& score) {
            Values values;
            for (const ActorScore& actor : score.actors) {
              if (asked_of(asked, actor).motion == motion)
                values.push_back(actor.object_right && actor.motion_right);
            }
            return values;
          }};
}

std::vector<WorldMetric> world_metrics(const world::World& world) {
  constexpr const char *kAll = "All videos", *kOne = "One object", *kTwo = "Two objects";
  std::vector<WorldMetric> all = {
      only(1, right_share("one.object", "object", kOne), objects_right),
      only(1, right_share("one.shape", "shape, if recognised", kOne), shapes_kept),
      only(1, right_share("one.motion", "motion", kOne), motions_right),
      only(1, right_share("one.background", "background", kOne), background_right),
      only(1, right_share("one.all_right", "all of these", kOne), all_right),
      only(2, right_share("two.object", "each object", kTwo), objects_right),
      only(2, right_share("two.both_objects", "both objects", kTwo), all_objects_right),
      only(2, right_share("two.shape", "each shape, if recognised", kTwo), shapes_kept),
      only(2, right_share("two.motion", "each motion", kTwo), motions_right),
      only(2, right_share("two.background", "background", kTwo), background_right),
      only(2, right_share("two.all_right", "all of these", kTwo), all_right)};
  for (size_t m = 0; m < world.motions.size(); ++m) all.push_back(by_motion(world, static_cast<int>(m)));
  all.push_back({right_share("all.all_right", "all right", kAll), all_right});
  all.push_back(
      {{"all.motion_amplitude", "motion amplitude", "% of the frame", kAll, false, 100, 2}, amplitude});
  all.push_back({{"all.temporal_consistency", "temporal consistency", "", kAll, false, 1, 3}, consistency});
  all.push_back({{"all.background_flicker", "background flicker", "", kAll, false, 1, 3}, flicker});
  return all;
}

/// The asked motion of all objects, -1 if they are free.
int motion_of(const world::World& world, const std::string& name) {
  if (name.empty()) return -1;
  const int motion = world.motion_index(name);
  if (motion >= 0) return motion;
  std::vector<std::string> names;
  for (const world::Motion& one : world.motions) names.push_back(one.name);
  const std::string near = nearest_name(name, names);
  throw std::invalid_argument(
      "[--motion] must be one of the world's, got '" + name + "'; " +
      (near.empty() ? "such as '" + names.front() + "'" : "did you mean '" + near + "'?"));
}

template <class Named>
std::string name_of(const std::vector<Named>& all, int index, const std::string& none) {
  return index < 0 ? none : all[index].name;
}

constexpr const char* kKinds = "Everything that a sentence states";

class WorldSubject final : public EvalSubject {
 public:
  WorldSubject(const world::World& world, const EvalOptions& options)
      : world_(world), options_(options), scorer_(world), measures_(world_metrics(world)) {
    if (options.prompts_file.empty())
      draw();
    else
      read();
    for (const WorldMetric& one : measures_) metrics_.push_back(one.metric);
  }

  const std::vector<EvalMetric>& metrics() const override { return metrics_; }
  std::string options_json() const override {
    if (!options_.prompts_file.empty()) return nlohmann::json{{"prompts_file", options_.prompts_file}}.dump();
    nlohmann::json options = {{"two_fraction", options_.two_fraction}};
    if (!options_.motion.empty()) options["motion"] = options_.motion;
    return options.dump();
  }
  int prompts() const override { return static_cast<int>(scenes_.size()); }
  std::string prompt(int number) const override { return scenes_.at(number).prompt; }
  void set_prompt(int number, pipeline::GenerateOptions& job) const override { job.prompt = prompt(number); }

  at::Tensor truth(int number, world::Dice& dice) const override {
    const Scene scene = world::close_scene(world_, scenes_.at(number).stated, dice);
    return world::render(world_, scene, world::sample_take(world_, scene, dice));
  }

  EvalScore score(int number, const media::Frames& frames) const override {
    const world::ToldScene& told = scenes_.at(number);
    const VideoScore score = scorer_.score(frames.pixels, told.stated);
    EvalScore result{{}, csv(told.stated, score), words(score), score.all_right()};
    for (const WorldMetric& one : measures_) {
      const bool about = one.metric.group != kKinds || one.metric.label == told.kind;
      result.values.push_back(about ? one.values(told.stated, score) : Values{});
    }
    return result;
  }

  std::string csv_columns() const override {
    std::string text;
    for (const std::string slot : {"1", "2"}) {
      for (const char* name :
           {"object", "object_right", "motion", "motion_right", "explained", "asked_explained",
            "displacement", "zoom", "turn", "appearance", "smoothness", "asked", "shape_kept", "shape_loss"})
        text += std::string(",") + name + slot;
    }
    return text +
           ",background,background_right,background_explained,background_flicker,motion_amplitude,"
           "temporal_consistency,all_right";
  }

 private:
  void draw() {
    // In an order in which every beginning holds the asked share of two objects: an interrupted run, or one
    // with fewer prompts, is a part of the whole one.
    world::Dice dice(*options_.common.seed);
    const int motion = motion_of(world_, options_.motion);
    for (int i = 0; i < options_.prompts; ++i) {
      const double share = options_.two_fraction;
      Scene scene =
          world::sample_scene(world_, dice, std::floor((i + 1) * share) > std::floor(i * share) ? 1 : 0);
      for (Actor& actor : scene.actors) actor.motion = motion >= 0 ? motion : actor.motion;
      scenes_.push_back({world::prompt_of(world_, scene), scene, ""});
    }
  }

  void read() {
    scenes_ = world::read_told_scenes(world_, options_.prompts_file);
    if (static_cast<size_t>(options_.prompts) < scenes_.size()) scenes_.resize(options_.prompts);
    std::set<std::string> kinds;
    for (const world::ToldScene& told : scenes_) {
      if (told.kind.empty() || !kinds.insert(told.kind).second) continue;
      measures_.push_back({right_share("kind." + told.kind, told.kind, kKinds), all_right});
    }
  }

  std::string csv(const Scene& asked, const VideoScore& score) const {
    std::string text;
    for (size_t k = 0; k < 2; ++k) {
      if (k >= score.actors.size()) {
        text += std::string(14, ',');
        continue;
      }
      const ActorScore& actor = score.actors[k];
      text += "," + name_of(world_.objects, actor.object, "") + csv_cell(actor.object_right);
      text += "," + name_of(world_.motions, actor.motion, "") + csv_cell(actor.motion_right);
      const world::MotionAmplitude& amplitude = actor.motion_fit.amplitude;
      for (const double value : {actor.explained, actor.asked_explained, amplitude.displacement,
                                 amplitude.zoom, amplitude.turn, actor.appearance, actor.smoothness})
        text += csv_cell(value);
      const Actor& wanted = asked_of(asked, actor);
      text += "," + world_.objects.at(wanted.object).name +
              (wanted.motion == world::kOpen ? "" : " " + world_.motions.at(wanted.motion).name);
      text += csv_cell(actor.shape.share) + csv_cell(actor.shape.loss);
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
      text += (actor.object >= 0 && !actor.shape.kept() ? "shapeless " : "") +
              name_of(world_.objects, actor.object, "?") + " " + name_of(world_.motions, actor.motion, "?") +
              ", ";
    }
    return text + name_of(world_.backgrounds, score.background, "?");
  }

  const world::World& world_;
  const EvalOptions& options_;
  world::Scorer scorer_;
  std::vector<WorldMetric> measures_;
  std::vector<world::ToldScene> scenes_;
  std::vector<EvalMetric> metrics_;
};

}  // namespace

std::unique_ptr<EvalSubject> make_world_subject(const world::World& world, const EvalOptions& options) {
  return std::make_unique<WorldSubject>(world, options);
}

}  // namespace reel::app
